"""Which entry leaves when there is no room: the oldest (fifo), the longest unused (lru), the least used (lfu).

Every operation is O(1) but `Lfu.victim`, which is O(log n) amortised.
"""

import heapq
from collections import OrderedDict
from typing import Protocol

from semantic_router_proxy.config.cache import EvictionPolicy


class Eviction(Protocol):
    """Keeps the order of entries by their ids."""

    def add(self, entry_id: str) -> None: ...

    def used(self, entry_id: str) -> None: ...

    def remove(self, entry_id: str) -> None: ...

    def victim(self) -> str:
        """Return the id that should leave; it stays until `remove`. Raises KeyError where there is none."""
        ...


class _Ordered:
    def __init__(self, *, move_on_use: bool) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()
        self._move_on_use = move_on_use

    def add(self, entry_id: str) -> None:
        self._order[entry_id] = None

    def used(self, entry_id: str) -> None:
        if self._move_on_use and entry_id in self._order:
            self._order.move_to_end(entry_id)

    def remove(self, entry_id: str) -> None:
        self._order.pop(entry_id, None)

    def victim(self) -> str:
        if not self._order:
            raise KeyError("nothing to evict")
        return next(iter(self._order))


class _LeastFrequent:
    """A heap of (uses, age, id) in which an entry's outdated positions are passed over when they come up."""

    def __init__(self) -> None:
        self._current: dict[str, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._ticks = 0

    def add(self, entry_id: str) -> None:
        self._push(entry_id, 0)

    def used(self, entry_id: str) -> None:
        if entry_id in self._current:
            self._push(entry_id, self._current[entry_id][0] + 1)

    def remove(self, entry_id: str) -> None:
        self._current.pop(entry_id, None)

    def victim(self) -> str:
        while self._heap:
            uses, tick, entry_id = self._heap[0]
            if self._current.get(entry_id) == (uses, tick):
                return entry_id
            heapq.heappop(self._heap)
        raise KeyError("nothing to evict")

    def _push(self, entry_id: str, uses: int) -> None:
        self._ticks += 1
        self._current[entry_id] = (uses, self._ticks)
        heapq.heappush(self._heap, (uses, self._ticks, entry_id))
        if len(self._heap) > 4 * len(self._current) + 64:
            self._heap = [(uses, tick, each) for each, (uses, tick) in self._current.items()]
            heapq.heapify(self._heap)


def make_eviction(policy: EvictionPolicy) -> Eviction:
    """Return an empty order of the given policy."""
    return _LeastFrequent() if policy == "lfu" else _Ordered(move_on_use=policy == "lru")
