"""Memory that a build has used goes back to the system; glibc would keep most of it for itself."""

import ctypes
import sys


def give_back() -> None:
    """Return free memory to the system where the C library can; does nothing elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
