"""An `EntryStore` in a dictionary: strongly consistent, and as slow, late or dead as a test wants it."""

import asyncio
import time
from collections.abc import Sequence

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Selection, Vector
from semantic_router_proxy.cache.store import (
    Candidate,
    Difference,
    ReadPage,
    ScannedEntry,
    ScanPage,
    StoreUnavailable,
)


class StoreInMemory:
    """`rows` holds each entry with the time of its writing (microseconds); an entry without an answer is deleted."""

    shared = True

    def __init__(self) -> None:
        self.rows: dict[str, tuple[CacheEntry, int]] = {}
        self.away = False
        self._last = 0

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("the store is away")

    def _now(self) -> int:
        self._last = max(self._last + 1, int(time.time() * 1e6))
        return self._last

    async def put(self, entries: Sequence[CacheEntry]) -> frozenset[str]:
        await self._reach()
        for entry in entries:
            self.rows[entry.header.entry_id] = (entry, self._now())
        return frozenset(entry.header.entry_id for entry in entries)

    async def get(self, entry_id: str) -> CacheEntry | None:
        await self._reach()
        found = self.rows.get(entry_id)
        return found[0] if found is not None and found[0].response else None

    async def get_exact(self, exact_key: str, now: float) -> CacheEntry | None:
        await self._reach()
        found = [entry for entry in self._living(now) if entry.header.exact_key == exact_key]
        return max(found, key=lambda entry: entry.header.created_at, default=None)

    async def search(self, partition: str, embedding: Vector, limit: int, now: float) -> list[Candidate]:
        await self._reach()
        found = [
            Candidate(entry.header, float(entry.embedding @ embedding))
            for entry in self._living(now)
            if entry.header.partition == partition and entry.embedding is not None
        ]
        return sorted(found, key=lambda candidate: -candidate.similarity)[:limit]

    async def scan(self, written_after: int, limit: int) -> ScanPage:
        await self._reach()
        found = sorted((at, entry) for entry, at in self._timed() if at > written_after)[:limit]
        scanned = [ScannedEntry(entry.header, entry.embedding, at) for at, entry in found]
        last = found[-1][0] if found else written_after
        return ScanPage(scanned, last, all(at <= last for _, at in self._timed()))

    async def read(self, written_after: int, limit: int) -> ReadPage:
        page = await self.scan(written_after, limit)
        whole = [self.rows[row.header.entry_id][0] for row in page.entries if row.header.entry_id in self.rows]
        return ReadPage([entry for entry in whole if entry.response], page.read_to, page.complete)

    async def compare(self, known: frozenset[str], now: float) -> Difference:
        await self._reach()
        living = {entry.header.entry_id for entry in self._living(now)}
        return Difference(known - living, sorted(living - known))

    async def rows_of(self, entry_ids: Sequence[str]) -> list[ScannedEntry]:
        await self._reach()
        found = [self.rows[entry_id] for entry_id in entry_ids if entry_id in self.rows]
        return [ScannedEntry(entry.header, entry.embedding, at) for entry, at in found]

    async def same_request(self, entry_id: str) -> list[EntryHeader]:
        await self._reach()
        found = self.rows.get(entry_id)
        if found is None:
            return []
        key = found[0].header.exact_key
        twins = [entry.header for entry, _ in self._timed() if key and entry.header.exact_key == key]
        return [found[0].header, *(twin for twin in twins if twin.entry_id != entry_id)]

    async def expire(self, entry_ids: Sequence[str]) -> None:
        await self._reach()
        for entry_id in entry_ids:
            if entry_id in self.rows:
                header = self.rows[entry_id][0].header
                gone = EntryHeader(
                    entry_id=entry_id, partition=header.partition, exact_key=header.exact_key, scope=header.scope,
                    model=header.model, query=header.query, semantic=header.semantic, created_at=header.created_at,
                    expires_at=1e-6, decision=header.decision,
                )  # fmt: skip
                self.rows[entry_id] = (CacheEntry(gone, b"", b"", None), self._now())

    async def find(self, selection: Selection, limit: int) -> list[EntryHeader]:
        await self._reach()
        found = [entry.header for entry, _ in self._timed() if entry.response and selection.matches(entry.header)]
        return found[:limit]

    async def sweep(self, expired_before: float) -> None:
        await self._reach()
        for entry, at in self._timed():
            if entry.header.expired(expired_before) and at < expired_before * 1e6:
                del self.rows[entry.header.entry_id]

    async def count(self) -> int:
        return len(self.rows)

    async def close(self) -> None: ...

    def _timed(self) -> list[tuple[CacheEntry, int]]:
        return list(self.rows.values())

    def _living(self, now: float) -> list[CacheEntry]:
        return [entry for entry, _ in self._timed() if entry.response and not entry.header.expired(now)]
