"""Values inside Milvus' filter expressions. Templates with parameters fail on servers in use, so values are checked
or quoted here and nowhere else."""

import re

_HEXADECIMAL = re.compile(r"[0-9a-f]{1,64}")


def hexadecimal(value: str) -> str:
    """Return a key or id as it is. Raises ValueError for anything but lower-case hexadecimal digits."""
    if not _HEXADECIMAL.fullmatch(value):
        raise ValueError("a key of the cache consists of hexadecimal digits")
    return value


def exactly(field: str, value: str) -> str:
    """Return `field == "value"` with the value quoted. Raises ValueError for control characters."""
    return f"{field} == {quoted(value)}"


def quoted(value: str) -> str:
    """Return a text as a literal. Raises ValueError for control characters."""
    if not value.isprintable():
        raise ValueError("a text in a filter must not have control characters")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
