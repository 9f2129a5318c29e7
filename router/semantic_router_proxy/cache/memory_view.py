"""What one process knows of the cache: questions, vectors, exact keys, and the answers that it keeps at hand.

It is the whole of the memory backend, and for hybrid a view of the store that can be made again at any time.
"""

import asyncio
import bisect
import heapq
import itertools
from collections.abc import Callable, Iterator

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, EntryPage, Vector
from semantic_router_proxy.cache.eviction import make_eviction
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.store import Candidate
from semantic_router_proxy.config.cache import EvictionPolicy

# Expired entries that one call removes at most, so that no request pays for many.
_EXPIRED_AT_ONCE = 32


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
        self._headers: dict[str, EntryHeader] = {}
        self._labels: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._exact: dict[str, str] = {}
        self._documents: dict[str, bytes] = {}
        self._order = make_eviction(policy)
        self._document_order = make_eviction("lru" if policy == "fifo" else policy)
        self._expiry: list[tuple[float, str]] = []
        self._next_label = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._headers)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._headers

    def __iter__(self) -> Iterator[EntryHeader]:
        return iter(list(self._headers.values()))

    async def search_questions(self, words: str, limit: int, now: float) -> list[EntryHeader]:
        """Return the entries whose question holds all the words, the youngest first."""
        wanted = words.casefold().split()
        entries = list(self._headers.values())

        def matching() -> list[EntryHeader]:
            found = (
                header
                for header in reversed(entries)
                if not header.expired(now) and all(word in header.query.casefold() for word in wanted)
            )
            return list(itertools.islice(found, limit))

        # Reads every question: not a thing to do while requests wait.
        return await asyncio.to_thread(matching)

    def add(self, header: EntryHeader, embedding: Vector | None, document: bytes | None) -> None:
        """Take an entry in, replacing one of the same id or the same exact key."""
        self.remove(header.entry_id)
        if header.exact_key:
            twin = self._exact.get(header.exact_key)
            if twin is not None:
                self.remove(twin)
            self._exact[header.exact_key] = header.entry_id
        while len(self._headers) >= self._max_entries:
            self.remove(self._order.victim())
            self.evicted += 1
        self._headers[header.entry_id] = header
        self._order.add(header.entry_id)
        if header.expires_at:
            heapq.heappush(self._expiry, (header.expires_at, header.entry_id))
            if len(self._expiry) > 2 * len(self._headers) + 64:
                self._expiry = [(each.expires_at, each.entry_id) for each in self._headers.values() if each.expires_at]
                heapq.heapify(self._expiry)
        label = self._next_label
        self._next_label += 1
        self._labels[header.entry_id] = label
        if header.semantic and embedding is not None:
            self._ids[label] = header.entry_id
            self._index.add(header.partition, label, embedding)
        if document is not None:
            self.keep_document(header.entry_id, document)

    def remove(self, entry_id: str) -> bool:
        header = self._headers.pop(entry_id, None)
        if header is None:
            return False
        if self._exact.get(header.exact_key) == entry_id:
            del self._exact[header.exact_key]
        label = self._labels.pop(entry_id)
        if self._ids.pop(label, None) is not None:
            self._index.remove(header.partition, label)
        if self._documents.pop(entry_id, None) is not None:
            self._document_order.remove(entry_id)
        self._order.remove(entry_id)
        return True

    def page(self, after: int, limit: int, now: float) -> EntryPage:
        """Return entries that were taken in after the one of this number, in that order, and a cursor to go on with.
        Their requests are empty: nothing that is done in memory needs them."""
        ids = list(self._headers)
        start = bisect.bisect_right(ids, after, key=self._labels.__getitem__)
        chosen = ids[start : start + limit]
        entries = []
        for entry_id in chosen:
            header, document = self._headers[entry_id], self._documents.get(entry_id)
            if document is not None and not header.expired(now):
                vector = self._index.vector(header.partition, self._labels[entry_id]) if header.semantic else None
                entries.append(CacheEntry(header, b"", document, vector))
        more = start + limit < len(ids)
        return EntryPage(entries, str(self._labels[chosen[-1]]) if more else None)

    def remove_where(self, matches: Callable[[EntryHeader], bool]) -> int:
        found = [header.entry_id for header in self._headers.values() if matches(header)]
        return sum(self.remove(entry_id) for entry_id in found)

    def remove_expired(self, now: float, limit: int = _EXPIRED_AT_ONCE) -> int:
        """Remove up to `limit` entries whose life is over, the longest expired first; return how many."""
        removed = 0
        while removed < limit and self._expiry and self._expiry[0][0] <= now:
            _, entry_id = heapq.heappop(self._expiry)
            header = self._headers.get(entry_id)
            if header is not None and header.expired(now):
                removed += self.remove(entry_id)
        return removed

    def header(self, entry_id: str) -> EntryHeader | None:
        return self._headers.get(entry_id)

    def exact(self, exact_key: str, now: float) -> EntryHeader | None:
        """Return the entry of this key; one that has expired leaves."""
        entry_id = self._exact.get(exact_key)
        if entry_id is None:
            return None
        header = self._headers[entry_id]
        if header.expired(now):
            self.remove(entry_id)
            return None
        return header

    def search(self, partition: str, embedding: Vector, limit: int) -> list[Candidate]:
        """Return the most similar questions, the best first; expired ones as well."""
        found = self._index.search(partition, embedding, limit)
        return [
            Candidate(self._headers[self._ids[label]], similarity) for label, similarity in found if label in self._ids
        ]

    def keep_document(self, entry_id: str, document: bytes) -> None:
        """Keep an answer at hand."""
        if entry_id not in self._headers or self._max_documents == 0:
            return
        if entry_id in self._documents:
            self._document_order.used(entry_id)
        else:
            while self._max_documents is not None and len(self._documents) >= self._max_documents:
                victim = self._document_order.victim()
                self._document_order.remove(victim)
                del self._documents[victim]
            self._document_order.add(entry_id)
        self._documents[entry_id] = document

    def document(self, entry_id: str) -> bytes | None:
        """Return the answer where it is at hand, and count the use."""
        self._order.used(entry_id)
        document = self._documents.get(entry_id)
        if document is not None:
            self._document_order.used(entry_id)
        return document

    async def settled(self) -> None:
        """Return when no index is in the making."""
        await self._index.settled()

    async def close(self) -> None:
        await self._index.close()
