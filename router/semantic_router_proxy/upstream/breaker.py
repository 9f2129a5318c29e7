"""A circuit breaker: leaves a server alone that has failed again and again, and asks it carefully later."""

from typing import Literal

State = Literal["closed", "half-open", "open"]


class Breaker:
    """Opens after `failures` failures in a row, lets one call through after `pause_seconds`, closes on its success.

    Times are monotonic seconds that the caller passes in.
    """

    def __init__(self, failures: int = 5, pause_seconds: float = 10.0) -> None:
        self._limit = failures
        self._pause = pause_seconds
        self._failed = 0
        self._opened_at: float | None = None
        self._probing_since: float | None = None

    def state(self, now: float) -> State:
        if self._opened_at is None:
            return "closed"
        return "half-open" if now - self._opened_at >= self._pause else "open"

    def allows(self, now: float) -> bool:
        """Whether a call may go out now. Asks only; `begin` is what takes the single probe of a half-open breaker."""
        state = self.state(now)
        if state == "half-open":
            return self._probing_since is None or now - self._probing_since >= self._pause
        return state == "closed"

    def closed_for(self, now: float) -> float:
        """Return the seconds until a call is allowed again; 0 where one is."""
        if self.allows(now):
            return 0.0
        since = self._opened_at if self.state(now) == "open" else self._probing_since
        return max(0.0, (since or now) + self._pause - now)

    def begin(self, now: float) -> None:
        if self._opened_at is not None:
            self._probing_since = now

    def succeeded(self) -> None:
        self._failed = 0
        self._opened_at = None
        self._probing_since = None

    def failed(self, now: float) -> None:
        self._failed += 1
        if self._failed >= self._limit:
            self._opened_at = now
            self._probing_since = None

    def abandoned(self) -> None:
        """A call ended without telling anything about the server: its caller left."""
        self._probing_since = None
