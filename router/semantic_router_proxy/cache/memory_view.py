"""What one process knows of the cache: questions, vectors, exact keys, and the answers that it keeps at hand.

It is the whole of the memory backend, and for hybrid a view of the store that can be made again at any time.
"""

import asyncio
import bisect
import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, EntryPage, Vector
from semantic_router_proxy.cache.eviction import make_eviction
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.store import Candidate
from semantic_router_proxy.config.cache import EvictionPolicy

# Expired entries that one call removes at most, so that no request pays for many.
_EXPIRED_AT_ONCE = 32


@dataclass(slots=True, eq=False)
class _Held:
    """An entry in memory. `label` is its number among all that were ever taken in."""

    header: EntryHeader
    label: int
    document: bytes | None = None


class MemoryView:
    """Entries up to `max_entries`, answers up to `max_documents`; what has no room leaves by the eviction policy.

    For use from one event loop. Every operation is O(1), or O(log n) where a graph or a heap is involved.
    """

    def __init__(
        self, index: PartitionedIndex, policy: EvictionPolicy, max_entries: int, max_documents: int | None
    ) -> None:
        self._index = index
        self._max_entries = max_entries
        self._max_documents = max_documents
        self._held: dict[str, _Held] = {}
        self._by_label: dict[int, _Held] = {}
        self._exact: dict[str, _Held] = {}
        self._order = make_eviction(policy)
        # None where every answer stays: nothing is spent on an order that nobody asks for.
        self._document_order = make_eviction("lru" if policy == "fifo" else policy) if max_documents else None
        self._documents = 0
        self._expiry: list[tuple[float, str]] = []
        self._next_label = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._held

    def __iter__(self) -> Iterator[EntryHeader]:
        return iter([held.header for held in list(self._held.values())])

    def ids(self) -> frozenset[str]:
        """Return the ids of all entries."""
        return frozenset(self._held)

    async def search_questions(self, words: str, limit: int, now: float) -> list[EntryHeader]:
        """Return the entries whose question holds all the words, the youngest first."""
        wanted = words.casefold().split()
        entries = list(self._held.values())

        def matching() -> list[EntryHeader]:
            found = (
                held.header
                for held in reversed(entries)
                if not held.header.expired(now) and all(word in held.header.query.casefold() for word in wanted)
            )
            return list(itertools.islice(found, limit))

        # Reads every question: not a thing to do while requests wait.
        return await asyncio.to_thread(matching)

    def add(self, header: EntryHeader, embedding: Vector | None, document: bytes | None) -> None:
        """Take an entry in, replacing one of the same id or the same exact key."""
        self.remove(header.entry_id)
        if header.exact_key and (twin := self._exact.get(header.exact_key)) is not None:
            self.remove(twin.header.entry_id)
        while len(self._held) >= self._max_entries:
            self.remove(self._by_label[self._order.victim()].header.entry_id)
            self.evicted += 1
        held = _Held(header, self._next_label)
        self._next_label += 1
        self._held[header.entry_id] = self._by_label[held.label] = held
        if header.exact_key:
            self._exact[header.exact_key] = held
        self._order.add(held.label)
        if header.expires_at:
            heapq.heappush(self._expiry, (header.expires_at, header.entry_id))
            if len(self._expiry) > 2 * len(self._held) + 64:
                headers = (each.header for each in self._held.values())
                self._expiry = [(each.expires_at, each.entry_id) for each in headers if each.expires_at]
                heapq.heapify(self._expiry)
        if header.semantic and embedding is not None:
            self._index.add(header.partition, held.label, embedding)
        if document is not None:
            self.keep_document(header.entry_id, document)

    def remove(self, entry_id: str) -> bool:
        held = self._held.pop(entry_id, None)
        if held is None:
            return False
        header = held.header
        if self._exact.get(header.exact_key) is held:
            del self._exact[header.exact_key]
        del self._by_label[held.label]
        if header.semantic:
            self._index.remove(header.partition, held.label)
        self._forget_document(held)
        self._order.remove(held.label)
        return True

    def page(self, after: int, limit: int, now: float) -> EntryPage:
        """Return entries that were taken in after the one of this number, in that order, and a cursor to go on with.
        Their requests are empty: nothing that is done in memory needs them."""
        all_held = list(self._held.values())
        start = bisect.bisect_right(all_held, after, key=lambda held: held.label)
        chosen = all_held[start : start + limit]
        entries = []
        for held in chosen:
            header, document = held.header, held.document
            if document is not None and not header.expired(now):
                vector = self._index.vector(header.partition, held.label) if header.semantic else None
                entries.append(CacheEntry(header, b"", document, vector))
        more = start + limit < len(all_held)
        return EntryPage(entries, str(chosen[-1].label) if more else None)

    def remove_where(self, matches: Callable[[EntryHeader], bool]) -> int:
        found = [entry_id for entry_id, held in self._held.items() if matches(held.header)]
        return sum(self.remove(entry_id) for entry_id in found)

    def remove_expired(self, now: float, limit: int = _EXPIRED_AT_ONCE) -> int:
        """Remove up to `limit` entries whose life is over, the longest expired first; return how many."""
        removed = 0
        while removed < limit and self._expiry and self._expiry[0][0] <= now:
            _, entry_id = heapq.heappop(self._expiry)
            held = self._held.get(entry_id)
            if held is not None and held.header.expired(now):
                removed += self.remove(entry_id)
        return removed

    def header(self, entry_id: str) -> EntryHeader | None:
        held = self._held.get(entry_id)
        return held.header if held is not None else None

    def exact(self, exact_key: str, now: float) -> EntryHeader | None:
        """Return the entry of this key; one that has expired leaves."""
        held = self._exact.get(exact_key)
        if held is None:
            return None
        if held.header.expired(now):
            self.remove(held.header.entry_id)
            return None
        return held.header

    def search(self, partition: str, embedding: Vector, limit: int) -> list[Candidate]:
        """Return the most similar questions, the best first; expired ones as well."""
        found = self._index.search(partition, embedding, limit)
        return [Candidate(self._by_label[label].header, similarity) for label, similarity in found]

    def keep_document(self, entry_id: str, document: bytes) -> None:
        """Keep an answer at hand."""
        held = self._held.get(entry_id)
        if held is None or self._max_documents == 0:
            return
        if held.document is not None:
            self._use_document(held)
        else:
            while self._document_order is not None and self._documents >= (self._max_documents or 0):
                self._forget_document(self._by_label[self._document_order.victim()])
            self._documents += 1
            if self._document_order is not None:
                self._document_order.add(held.label)
        held.document = document

    def document(self, entry_id: str) -> bytes | None:
        """Return the answer where it is at hand, and count the use."""
        held = self._held.get(entry_id)
        if held is None:
            return None
        self._order.used(held.label)
        if held.document is not None:
            self._use_document(held)
        return held.document

    def _use_document(self, held: _Held) -> None:
        if self._document_order is not None:
            self._document_order.used(held.label)

    def _forget_document(self, held: _Held) -> None:
        if held.document is not None:
            held.document = None
            self._documents -= 1
            if self._document_order is not None:
                self._document_order.remove(held.label)

    async def settled(self) -> None:
        """Return when no index is in the making."""
        await self._index.settled()

    async def close(self) -> None:
        await self._index.close()
