"""Leaving a store alone that does not answer, and trying it again after a while."""

import time
from collections.abc import Callable


class StoreBreaker:
    """Open after `failures` failures in a row; then one call is let through every `pause_seconds`."""

    def __init__(
        self, failures: int = 3, pause_seconds: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = failures
        self._pause = pause_seconds
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0

    @property
    def available(self) -> bool:
        return self._failures < self.limit

    def allows(self) -> bool:
        """Whether a call may be made now. While open, the first to ask after the pause may."""
        if self.available:
            return True
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, failures: int = 1) -> None:
        """Count a failed call, or one that weighs as much as several."""
        self._failures += failures
        if not self.available:
            self._next_try = self._clock() + self._pause
