"""Regular expressions of the configuration: RE2's, whose time grows with the text and no faster.

Python's own engine goes back and tries again, for years on patterns such as `(a+)+$`; the text is anybody's, and one
process answers everybody. RE2 is what vLLM Semantic Router's patterns are written for, too.
"""

from functools import lru_cache
from typing import Protocol, cast

import re2

# A pattern's states; what people write has a few hundred. So many cost 0.1 s at most on the text that they see.
_LARGEST = 5_000


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None: ...


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, *, case_sensitive: bool = False) -> Pattern:
    """Return the compiled expression. Raises ValueError for what is none, or too large."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case_sensitive
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"{pattern!r} is no regular expression of RE2: {words}. Look-around and references to groups are unknown "
            "to it: the time they take has no bound"
        ) from None
    if compiled.programsize > _LARGEST:
        raise ValueError(
            f"{pattern!r} is too large, with {compiled.programsize:,} states of {_LARGEST:,}: repeat less, or smaller "
            "things ({0,200} of a class such as \\p{L} or . has many)"
        )
    return cast(Pattern, compiled)
