"""Begins again what has failed for a reason that passes: Milvus or an object store is away, slow or overloaded."""

import time
from collections.abc import Callable
from typing import TypeVar

from semantic_router_operator.backup.failure import BackupError

Result = TypeVar("Result")
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


def patiently(
    work: Callable[[int], Result],
    seconds: float,
    say: Callable[[str], None],
    *,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Result:
    """Return what the work returns, which is told how often it has begun.

    Between two attempts lie 2, 4, 8 … 60 s; none begins later than `seconds` after the first. Raises the BackupError of
    the last one, and at once one that does not pass by itself.
    """
    end, length, attempt = now() + seconds, _FIRST_PAUSE, 1
    while True:
        try:
            return work(attempt)
        except BackupError as error:
            if not error.passing or now() + length > end:
                raise
            say(f"{error.message} Trying again in {length:g} s.")
        pause(length)
        length, attempt = min(2 * length, _LONGEST_PAUSE), attempt + 1
