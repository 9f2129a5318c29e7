"""How many of the cache's lookups have hit under each configuration: what shows that a change made answers useless."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from semantic_router_proxy.cache.entry import CacheStats

# Enough to look back over a morning of edits; those under which nobody asked are not kept.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Period:
    """A configuration's time in force. `since` is in seconds since 1970; the newest one's counts are as of now."""

    config_epoch: str
    policy_epoch: str
    since: float
    hits: int
    misses: int


class Lookups:
    """Counts between changes. `stats` tells the process' counts so far; None where there is no cache."""

    def __init__(self, stats: Callable[[], CacheStats | None], clock: Callable[[], float]) -> None:
        self._stats = stats
        self._clock = clock
        self._ended: list[Period] = []
        self._epochs = ("", "")
        self._since = 0.0
        self._counted = (0, 0)

    def begin(self, config_epoch: str, policy_epoch: str) -> None:
        """A configuration has come into force; one that is already in force goes on."""
        epochs = (config_epoch, policy_epoch)
        if epochs == self._epochs:
            return
        now = self._now()
        if now is not None and now.hits + now.misses:
            self._ended = [*self._ended, now][-_KEPT:]
        self._epochs, self._since, self._counted = epochs, self._clock(), self._counts()

    def told(self) -> list[dict[str, Any]]:
        """Return every period, the oldest first, the one in force last; nothing where there is no cache."""
        now = self._now()
        return [asdict(each) for each in (*self._ended, now)] if now is not None else []

    def _now(self) -> Period | None:
        if not self._since or self._stats() is None:
            return None
        hits, misses = self._counts()
        return Period(*self._epochs, self._since, hits - self._counted[0], misses - self._counted[1])

    def _counts(self) -> tuple[int, int]:
        stats = self._stats()
        return (stats.hit_count, stats.miss_count) if stats is not None else (0, 0)
