"""Keeping a view in step with the store: made from it at the start, then other replicas' writes and deletions."""

import asyncio
import time

from semantic_router_proxy.cache.gate import StoreGate
from semantic_router_proxy.cache.lookup import Clock
from semantic_router_proxy.cache.memory_view import MemoryView
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import EntryStore, ScannedEntry

# Another replica's write is seen after at most this long, plus what the store's consistency level adds.
CURSOR_SECONDS = 1.0
# Replicas' clocks may differ, and a row may become visible after a younger one: each scan looks back this far.
CURSOR_OVERLAP_SECONDS = 10.0
# What escaped the scans all the same (a write that took longer, a clock that is further off, a deletion that was swept
# away while the store was out of reach) is found when view and store are compared: so often, and after each outage.
COMPARE_SECONDS = 300.0
SWEEP_SECONDS = 60.0
# Expired rows stay this long, so that every replica's cursor sees a deletion before the row is gone.
SWEEP_GRACE_SECONDS = 120.0
_SCAN_ROWS = 1000
# Rows that are taken into memory before requests get their turn: an insertion into a large graph costs 0.4 ms.
_ROWS_AT_ONCE = 16


class StoreFollower:
    """Its steps are for one task each, one after another."""

    def __init__(
        self, store: EntryStore, gate: StoreGate, view: MemoryView, metrics: CacheMetrics, clock: Clock
    ) -> None:
        self._store = store
        self._gate = gate
        self._view = view
        self._metrics = metrics
        self._clock = clock
        self.synchronised = asyncio.Event()
        self._cursor = 0
        # When rows of the last seconds were written: scans look back and would bring evicted ones in again.
        self._recent: dict[str, int] = {}
        self._out_of_sight = False
        self._compared_at = 0.0

    def published(self, entry_id: str) -> None:
        """Take note of an entry that this replica wrote and took in."""
        self._recent[entry_id] = int(self._clock() * 1e6)

    async def follow(self) -> None:
        """Take in what is new in the store; the first time that is all there is, and then it makes the graphs."""
        if not await self._take_in_new_rows():
            self._out_of_sight = True
        elif not self.synchronised.is_set():
            await self._view.settled()
            self.synchronised.set()
            self._out_of_sight = False
            self._compared_at = time.monotonic()
        elif self._out_of_sight or (self._store.shared and time.monotonic() - self._compared_at >= COMPARE_SECONDS):
            self._out_of_sight = not await self.compare()
            self._compared_at = time.monotonic()

    async def compare(self) -> bool:
        """Remove from the view what the store has no more, and take in what it has besides; return whether the store
        answered. What memory has evicted stays out of it."""
        known = self._view.ids()
        difference = await self._gate.ask(lambda: self._store.compare(known, self._clock()))
        if difference is None:
            return False
        for number, entry_id in enumerate(difference.gone):
            self._view.remove(entry_id)
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
        # With evictions the store has more than memory can hold, and lookups that find nothing here go on there.
        new = [] if self._view.evicted else difference.new
        for start in range(0, len(new), _SCAN_ROWS):
            portion = new[start : start + _SCAN_ROWS]
            rows = await self._gate.ask(lambda ids=portion: self._store.rows_of(ids))  # type: ignore[misc]
            if rows is None:
                return False
            await self._take_in_all(rows)
        self._metrics.entries(len(self._view))
        return True

    async def sweep(self) -> None:
        """Remove what has expired: from memory at once, from the store after every replica could see it."""
        now = self._clock()
        removed = True
        while removed:
            removed = self._view.remove_expired(now) > 0
            await asyncio.sleep(0)
        self._metrics.entries(len(self._view))
        await self._gate.ask(lambda: self._store.sweep(now - SWEEP_GRACE_SECONDS))

    async def _take_in_new_rows(self) -> bool:
        """Read on from the cursor; return whether the end was reached."""
        overlap = int(CURSOR_OVERLAP_SECONDS * 1e6)
        after = self._cursor - overlap
        complete = False
        while not complete:
            page = await self._gate.ask(lambda start=after: self._store.scan(start, _SCAN_ROWS))  # type: ignore[misc]
            if page is None:
                return False
            await self._take_in_all(page.entries)
            after = page.read_to
            complete = page.complete
            self._cursor = max(self._cursor, after)
        self._metrics.entries(len(self._view))
        self._recent = {entry: at for entry, at in self._recent.items() if at > self._cursor - 2 * overlap}
        return True

    async def _take_in_all(self, rows: list[ScannedEntry]) -> None:
        for number, row in enumerate(rows):
            self._take_in(row)
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _take_in(self, row: ScannedEntry) -> None:
        header = row.header
        if header.expired(self._clock()):
            self._view.remove(header.entry_id)
        elif header.entry_id not in self._recent and header.entry_id not in self._view:
            self._view.add(header, row.embedding, None)
        self._recent[header.entry_id] = row.written_at
