"""Backend `memory`: everything in this process, gone with it."""

import time
from collections.abc import Sequence

from semantic_router_proxy.cache.backend import EVERYTHING, Accept, Seen
from semantic_router_proxy.cache.entry import (
    CacheEntry,
    CacheHit,
    CacheStats,
    EntryHeader,
    EntryPage,
    Selection,
    Vector,
)
from semantic_router_proxy.cache.index.graph import GraphSettings
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.lookup import Clock, EntryMaker
from semantic_router_proxy.cache.match import choose
from semantic_router_proxy.cache.memory_view import MemoryView
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.embedding.base import Embedder

# How many of the nearest questions are put before the guard.
CANDIDATES = 10


def graph_settings(config: SemanticCacheConfig) -> GraphSettings:
    """Return the graph's parameters from the seeds' keys."""
    return GraphSettings(config.hnsw_m, config.hnsw_ef_construction, config.hnsw_ef_search)


class MemoryBackend:
    """Up to `max_entries` answers in this process."""

    def __init__(
        self, config: SemanticCacheConfig, embedder: Embedder, metrics: CacheMetrics, clock: Clock = time.time
    ) -> None:
        self._config = config
        self._maker = EntryMaker(config, embedder, clock)
        self._metrics = metrics
        index = PartitionedIndex(embedder.identity.dimension, graph_settings(config), built=metrics.index_built)
        self._view = MemoryView(index, config.eviction_policy, config.max_entries, None)

    async def add_entry(
        self,
        request_id: str,
        model: str,
        query: str,
        request: bytes,
        response: bytes,
        *,
        partition: str | None = None,
        exact_key: str | None = None,
        scope: str = "",
        embedding: Vector | None = None,
        semantic: bool = True,
        ttl_seconds: int | None = None,
        decision: str = "",
    ) -> str | None:
        """See `CacheBackend.add_entry`."""
        del request_id  # known to the caller's logs; an entry has an id of its own
        refused = self._maker.refused(response, ttl_seconds)
        if refused:
            self._metrics.count("add_entry", refused)
            return None
        entry = await self._maker.entry(
            model, query, request, response, partition=partition, exact_key=exact_key, scope=scope,
            embedding=embedding, semantic=semantic, ttl_seconds=ttl_seconds, decision=decision,
        )  # fmt: skip
        self._view.remove_expired(self._maker.clock())
        self._view.add(entry.header, entry.embedding, entry.response)
        self._metrics.count("add_entry", "success")
        self._metrics.entries(len(self._view))
        return entry.header.entry_id

    async def find_exact(self, exact_key: str) -> CacheHit | None:
        """See `CacheBackend.find_exact`."""
        begin = time.perf_counter()
        header = self._view.exact(exact_key, self._maker.clock())
        document = self._view.document(header.entry_id) if header is not None else None
        hit = None
        if header is not None and document is not None:
            hit = CacheHit(header, document, "exact", "local", 1.0)
            self._metrics.request(hit=True)
        self._metrics.count("find_exact", "hit_local" if hit else "miss")
        self._metrics.time("find_exact", time.perf_counter() - begin)
        return hit

    async def find_similar(
        self,
        model: str,
        query: str,
        *,
        partition: str | None = None,
        embedding: Vector | None = None,
        threshold: float | None = None,
        accept: Accept | None = None,
        seen: Seen | None = None,
    ) -> CacheHit | None:
        """See `CacheBackend.find_similar`."""
        begin = time.perf_counter()
        vector = await self._maker.vector(query, embedding)
        self._view.remove_expired(self._maker.clock())
        candidates = self._view.search(self._maker.partition(model, partition), vector, CANDIDATES)
        match = choose(
            query,
            candidates,
            self._maker.threshold(threshold),
            self._maker.clock(),
            guard=self._config.guard.enabled,
            rewordings=self._maker.rewordings,
        )
        self._metrics.match(match)
        if seen is not None:
            seen(match)
        hit = None
        if match.serving is not None:
            header = match.serving.header
            document = self._view.document(header.entry_id)
            if document is not None:
                hit = CacheHit(header, document, "semantic", "local", match.serving.similarity)
        self._metrics.time("find_similar", time.perf_counter() - begin)
        if hit is not None and accept is not None and not await accept(hit):
            hit = None
        self._metrics.count("find_similar", "hit_local" if hit else "miss")
        self._metrics.request(hit=hit is not None)
        return hit

    async def get(self, entry_id: str) -> CacheHit | None:
        """See `CacheBackend.get`."""
        header = self._view.header(entry_id)
        document = self._view.document(entry_id)
        if header is None or document is None or header.expired(self._maker.clock()):
            return None
        return CacheHit(header, document, "exact", "local", 1.0)

    async def delete(self, entry_id: str) -> bool:
        """See `CacheBackend.delete`."""
        removed = self._view.remove(entry_id)
        self._metrics.entries(len(self._view))
        return removed

    async def invalidate(self, selection: Selection = EVERYTHING) -> int:
        """See `CacheBackend.invalidate`."""
        removed = self._view.remove_where(selection.matches)
        self._metrics.entries(len(self._view))
        return removed

    async def read_entries(self, cursor: str, limit: int) -> EntryPage:
        """See `CacheBackend.read_entries`."""
        return self._view.page(int(cursor) if cursor else -1, limit, self._maker.clock())

    async def restore(self, entries: Sequence[CacheEntry]) -> int:
        """See `CacheBackend.restore`."""
        held = self._maker.restorable(entries)
        for entry in held:
            self._view.add(entry.header, entry.embedding, entry.response)
        self._metrics.entries(len(self._view))
        return len(held)

    async def search_questions(self, words: str, limit: int) -> list[EntryHeader]:
        """See `CacheBackend.search_questions`."""
        return await self._view.search_questions(words, limit, self._maker.clock())

    def reconfigure(self, config: SemanticCacheConfig) -> None:
        """See `CacheBackend.reconfigure`."""
        self._config = config
        self._maker.reconfigure(config)

    def get_stats(self) -> CacheStats:
        self._view.remove_expired(self._maker.clock())
        return self._metrics.stats(len(self._view))

    def record_miss(self) -> None:
        """See `CacheBackend.record_miss`."""
        self._metrics.request(hit=False)

    async def close(self) -> None:
        await self._view.close()
