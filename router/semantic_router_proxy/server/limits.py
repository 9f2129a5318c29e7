"""How much one caller may ask: requests a minute, and requests at a time. Each router counts for itself."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from semantic_router_proxy.server.errors import ApiError

_MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    requests_per_minute: int | None = None
    max_concurrency: int | None = None

    @property
    def none(self) -> bool:
        return self.requests_per_minute is None and self.max_concurrency is None


@dataclass(slots=True)
class _Caller:
    """A token bucket that holds a minute's requests and fills steadily, and the requests that run."""

    tokens: float
    filled_at: float
    running: int = 0


class CallerLimits:
    """Counts the latest callers; one that was quiet for long begins anew, with a full bucket, as it would anyway."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    @contextmanager
    def admitted(self, name: str, limits: Limits) -> Iterator[None]:
        """Count a request while it runs. Raises ApiError 429, with Retry-After, for one too many."""
        if limits.none:
            yield
            return
        caller = self._caller(name, limits)
        if limits.max_concurrency is not None and caller.running >= limits.max_concurrency:
            raise ApiError(
                429,
                f"You have {caller.running} requests running already; the limit is {limits.max_concurrency} at a time.",
                code="concurrency_limit",
                headers={"retry-after": "1"},
            )
        if limits.requests_per_minute is not None:
            self._take(caller, limits.requests_per_minute)
        caller.running += 1
        try:
            yield
        finally:
            caller.running -= 1

    def _take(self, caller: _Caller, a_minute: int) -> None:
        now = self._clock()
        caller.tokens = min(float(a_minute), caller.tokens + (now - caller.filled_at) * a_minute / 60)
        caller.filled_at = now
        if caller.tokens < 1:
            wait = math.ceil((1 - caller.tokens) * 60 / a_minute)
            raise ApiError(
                429,
                f"You have sent more than {a_minute} requests a minute. Try again in {wait} s.",
                code="rate_limit_exceeded",
                headers={"retry-after": str(wait)},
            )
        caller.tokens -= 1

    def _caller(self, name: str, limits: Limits) -> _Caller:
        caller = self._callers.get(name)
        if caller is None:
            caller = self._callers[name] = _Caller(float(limits.requests_per_minute or 0), self._clock())
            if len(self._callers) > _MOST_CALLERS:
                self._forget_one()
        self._callers.move_to_end(name)
        return caller

    def _forget_one(self) -> None:
        """Forget the caller that was quiet for the longest time."""
        quiet = next((name for name, caller in self._callers.items() if not caller.running), None)
        if quiet is not None:
            del self._callers[quiet]
