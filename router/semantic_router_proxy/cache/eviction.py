"""Which entry leaves when there is no room: the oldest (fifo), the longest unused (lru), the least used (lfu).

Entries are known by numbers that ascend with their age and are used once. Every operation is O(1), amortised where it
has to pass over entries that have left, but `victim` of lfu, which is O(log n).
"""

import heapq
from collections import OrderedDict
from typing import Protocol

from semantic_router_proxy.config.cache import EvictionPolicy


class Eviction(Protocol):
    """Keeps the order of entries by their numbers."""

    def add(self, number: int) -> None: ...

    def used(self, number: int) -> None: ...

    def remove(self, number: int) -> None: ...

    def victim(self) -> int:
        """Return the one that should leave; it stays until `remove`. Raises KeyError where there is none."""
        ...


class _Oldest:
    """The numbers are the order, so a set is enough: a third of what an ordered dictionary takes."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._oldest = 0

    def add(self, number: int) -> None:
        if not self._numbers:
            self._oldest = number
        self._numbers.add(number)

    def used(self, number: int) -> None:
        pass

    def remove(self, number: int) -> None:
        self._numbers.discard(number)

    def victim(self) -> int:
        if not self._numbers:
            raise KeyError("nothing to evict")
        while self._oldest not in self._numbers:
            self._oldest += 1
        return self._oldest


class _LongestUnused:
    def __init__(self) -> None:
        self._order: OrderedDict[int, None] = OrderedDict()

    def add(self, number: int) -> None:
        self._order[number] = None

    def used(self, number: int) -> None:
        if number in self._order:
            self._order.move_to_end(number)

    def remove(self, number: int) -> None:
        self._order.pop(number, None)

    def victim(self) -> int:
        if not self._order:
            raise KeyError("nothing to evict")
        return next(iter(self._order))


class _LeastFrequent:
    """A heap of (uses, age, number) in which an entry's outdated positions are passed over when they come up."""

    def __init__(self) -> None:
        self._current: dict[int, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, int]] = []
        self._ticks = 0

    def add(self, number: int) -> None:
        self._push(number, 0)

    def used(self, number: int) -> None:
        if number in self._current:
            self._push(number, self._current[number][0] + 1)

    def remove(self, number: int) -> None:
        self._current.pop(number, None)

    def victim(self) -> int:
        while self._heap:
            uses, tick, number = self._heap[0]
            if self._current.get(number) == (uses, tick):
                return number
            heapq.heappop(self._heap)
        raise KeyError("nothing to evict")

    def _push(self, number: int, uses: int) -> None:
        self._ticks += 1
        self._current[number] = (uses, self._ticks)
        heapq.heappush(self._heap, (uses, self._ticks, number))
        if len(self._heap) > 4 * len(self._current) + 64:
            self._heap = [(uses, tick, each) for each, (uses, tick) in self._current.items()]
            heapq.heapify(self._heap)


def make_eviction(policy: EvictionPolicy) -> Eviction:
    """Return an empty order of the given policy."""
    match policy:
        case "fifo":
            return _Oldest()
        case "lru":
            return _LongestUnused()
        case "lfu":
            return _LeastFrequent()
