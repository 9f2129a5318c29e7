"""Sizes as people read them."""


def size_text(count: int) -> str:
    """Return a number of bytes with three digits at most, as in 1.2 MiB."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1000:
            return f"{count} B" if unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} TiB"
