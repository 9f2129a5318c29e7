"""Backends `milvus` and `hybrid`: the store is the truth, memory a view of it that can be made again.

`milvus` is the same engine with a view that holds nothing: every lookup asks the store.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from semantic_router_proxy.cache.breaker import StoreBreaker
from semantic_router_proxy.cache.entry import CacheEntry, CacheHit, CacheStats, EntryHeader, Tier, Vector
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.lookup import Clock, EntryMaker
from semantic_router_proxy.cache.match import choose
from semantic_router_proxy.cache.memory import CANDIDATES, graph_settings
from semantic_router_proxy.cache.memory_view import MemoryView
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import EntryStore, StoreUnavailable
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.embedding.base import Embedder

Result = TypeVar("Result")

# Another replica's write is seen after at most this long, plus what the store's consistency level adds.
CURSOR_SECONDS = 1.0
# Replicas' clocks may differ, and a row may become visible after a younger one: each scan looks back this far.
CURSOR_OVERLAP_SECONDS = 10.0
SWEEP_SECONDS = 60.0
# Expired rows stay this long, so that every replica's cursor sees a deletion before the row is gone.
SWEEP_GRACE_SECONDS = 120.0
_SCAN_ROWS = 1000
_PENDING_LIMIT = 10_000
_RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class HybridBackend:
    """Made by `open`, which starts the background work; stopped by `close`."""

    def __init__(
        self,
        backend: str,
        config: SemanticCacheConfig,
        embedder: Embedder,
        store: EntryStore,
        metrics: CacheMetrics,
        clock: Clock = time.time,
    ) -> None:
        self._config = config
        self._store = store
        self._metrics = metrics
        self._maker = EntryMaker(config, embedder, clock)
        self._in_memory = backend == "hybrid"
        index = PartitionedIndex(embedder.identity.dimension, graph_settings(config))
        self._view = MemoryView(index, config.eviction_policy, config.max_memory_entries, config.local_cache_size)
        self._breaker = StoreBreaker()
        self._cursor = 0
        self._synchronised = asyncio.Event()
        self._pending: deque[CacheEntry] = deque()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow the store: rebuild the view, then take in other replicas' writes; sweep expired rows."""
        loops: list[Callable[[], Awaitable[None]]] = [self._sweep, self._retry_pending]
        if self._in_memory:
            loops.append(self._follow)
        else:
            self._synchronised.set()
        self._tasks = [asyncio.ensure_future(loop()) for loop in loops]

    async def synchronised(self) -> None:
        """Return when the view holds what the store held at the start."""
        await self._synchronised.wait()
        await self._view.settled()

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
        """See `CacheBackend.add_entry`. The entry is found only after the store has it."""
        del request_id  # known to the caller's logs; an entry has an id of its own
        refused = self._maker.refused(response, ttl_seconds)
        if refused:
            self._metrics.count("add_entry", refused)
            return None
        entry = await self._maker.entry(
            model, query, request, response, partition=partition, exact_key=exact_key, scope=scope,
            embedding=embedding, semantic=semantic, ttl_seconds=ttl_seconds, decision=decision,
        )  # fmt: skip
        if not await self._put(entry):
            self._postpone(entry)
            return None
        self._metrics.count("add_entry", "success")
        return entry.header.entry_id

    async def find_exact(self, exact_key: str) -> CacheHit | None:
        """See `CacheBackend.find_exact`."""
        begin = time.perf_counter()
        now = self._maker.clock()
        header = self._view.exact(exact_key, now)
        hit = None
        if header is not None:
            hit = await self._answer(header, "exact", 1.0)
        elif self._must_ask_store():
            entry = await self._ask(lambda: self._store.get_exact(exact_key, now))
            if entry is not None:
                self._promote(entry)
                hit = CacheHit(entry.header, entry.response, "exact", "milvus", 1.0)
        self._record("find_exact", hit, begin)
        if hit is not None:
            self._metrics.request(hit=True)
        return hit

    async def find_similar(
        self,
        model: str,
        query: str,
        *,
        partition: str | None = None,
        embedding: Vector | None = None,
        threshold: float | None = None,
    ) -> CacheHit | None:
        """See `CacheBackend.find_similar`."""
        begin = time.perf_counter()
        vector = await self._maker.vector(query, embedding)
        part = self._maker.partition(model, partition)
        limit = self._maker.threshold(threshold)
        now = self._maker.clock()
        guard = self._config.guard.enabled
        match = choose(query, self._view.search(part, vector, CANDIDATES), limit, now, guard=guard)
        hit = None
        if match.serving is not None:
            hit = await self._answer(match.serving.header, "semantic", match.serving.similarity)
        if hit is None and self._must_ask_store():
            found = await self._ask(lambda: self._store.search(part, vector, CANDIDATES, now))
            match = choose(query, found or (), limit, now, guard=guard)
            if match.serving is not None:
                hit = await self._fetch(match.serving.header, "semantic", match.serving.similarity)
        self._metrics.match(match)
        self._record("find_similar", hit, begin)
        self._metrics.request(hit=hit is not None)
        return hit

    async def get(self, entry_id: str) -> CacheHit | None:
        """See `CacheBackend.get`."""
        entry = await self._ask(lambda: self._store.get(entry_id))
        if entry is None or entry.header.expired(self._maker.clock()):
            return None
        return CacheHit(entry.header, entry.response, "exact", "milvus", 1.0)

    async def delete(self, entry_id: str) -> bool:
        """See `CacheBackend.delete`. Raises StoreUnavailable: a deletion that did not happen must not look done."""
        entry = await self._store.get(entry_id)
        await self._store.expire([entry_id])
        self._view.remove(entry_id)
        self._metrics.entries(len(self._view))
        return entry is not None

    async def invalidate(self, *, scope: str | None = None, model: str | None = None) -> int:
        """See `CacheBackend.invalidate`. Raises StoreUnavailable."""
        count = 0
        now = self._maker.clock()
        while found := [h for h in await self._store.find(scope, model, _SCAN_ROWS) if not h.expired(now)]:
            await self._store.expire([header.entry_id for header in found])
            count += len(found)
        self._view.remove_where(lambda header: scope in (None, header.scope) and model in (None, header.model))
        self._metrics.entries(len(self._view))
        return count

    def reconfigure(self, config: SemanticCacheConfig) -> None:
        """See `CacheBackend.reconfigure`."""
        self._config = config
        self._maker.reconfigure(config)

    def get_stats(self) -> CacheStats:
        return self._metrics.stats(len(self._view))

    def record_miss(self) -> None:
        """See `CacheBackend.record_miss`."""
        self._metrics.request(hit=False)

    async def close(self) -> None:
        """Write what waits, as far as the store takes it, then release everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._pending:
            if not await self._put(self._pending[0]):
                _log.warning("cache_entries_lost", count=len(self._pending), reason="the store did not take them")
                break
            self._pending.popleft()
        await self._view.close()
        await self._store.close()

    def _must_ask_store(self) -> bool:
        """Whether the store may hold an answer that the view does not know."""
        return not self._in_memory or not self._synchronised.is_set() or self._view.evicted > 0

    async def _answer(self, header: EntryHeader, tier: Tier, similarity: float) -> CacheHit | None:
        """Return the answer of a known entry: at hand, or fetched."""
        document = self._view.document(header.entry_id)
        if document is not None:
            return CacheHit(header, document, tier, "local", similarity)
        return await self._fetch(header, tier, similarity)

    async def _fetch(self, header: EntryHeader, tier: Tier, similarity: float) -> CacheHit | None:
        """Fetch an answer from the store; what it holds now must still be that entry, and alive."""
        entry = await self._ask(lambda: self._store.get(header.entry_id))
        if entry is None or entry.header.partition != header.partition or entry.header.expired(self._maker.clock()):
            if entry is not None:
                self._view.remove(header.entry_id)
            return None
        self._promote(entry)
        return CacheHit(entry.header, entry.response, tier, "milvus", similarity)

    def _promote(self, entry: CacheEntry) -> None:
        """Take an entry from the store into memory, or only its answer where the rest is there already."""
        if not self._in_memory:
            return
        if entry.header.entry_id not in self._view:
            self._view.add(entry.header, entry.embedding, None)
        self._view.keep_document(entry.header.entry_id, entry.response)
        self._metrics.entries(len(self._view))

    async def _put(self, entry: CacheEntry) -> bool:
        """Write to the store first, publish in memory after."""
        stored = await self._ask(lambda: self._stored(entry))
        if stored and self._in_memory:
            self._view.add(entry.header, entry.embedding, entry.response)
            self._metrics.entries(len(self._view))
        return bool(stored)

    async def _stored(self, entry: CacheEntry) -> bool:
        await self._store.put([entry])
        return True

    def _postpone(self, entry: CacheEntry) -> None:
        """Keep an entry for when the store is back; the oldest leaves when there are too many."""
        if len(self._pending) >= _PENDING_LIMIT:
            self._pending.popleft()
            self._metrics.count("add_entry", "dropped")
        self._pending.append(entry)
        self._metrics.count("add_entry", "postponed")
        self._metrics.pending(len(self._pending))

    async def _ask(self, call: Callable[[], Awaitable[Result]]) -> Result | None:
        """Ask the store, unless it is being left alone. A store that is down is a miss, never an error."""
        if not self._breaker.allows():
            return None
        try:
            result = await call()
        except StoreUnavailable as error:
            if self._breaker.available:
                _log.warning("cache_store_unavailable", reason=str(error))
            self._breaker.failed()
            self._metrics.store_available(self._breaker.available)
            return None
        if not self._breaker.available:
            _log.info("cache_store_available")
        self._breaker.succeeded()
        self._metrics.store_available(True)
        return result

    def _record(self, operation: str, hit: CacheHit | None, begin: float) -> None:
        status = "miss" if hit is None else f"hit_{hit.source}"
        self._metrics.count(operation, status)
        self._metrics.time(operation, time.perf_counter() - begin)

    async def _follow(self) -> None:
        """Take the store's rows into memory, first all of them, then what is new, for ever."""
        while True:
            complete = await self._take_in_new_rows()
            if complete:
                self._synchronised.set()
            await asyncio.sleep(CURSOR_SECONDS)

    async def _take_in_new_rows(self) -> bool:
        """Read on from the cursor; return whether the end was reached."""
        after = self._cursor - int(CURSOR_OVERLAP_SECONDS * 1e6)
        while True:
            rows = await self._ask(lambda start=after: self._store.scan(start, _SCAN_ROWS))  # type: ignore[misc]
            if rows is None:
                return False
            now = self._maker.clock()
            for row in rows:
                header = row.header
                if header.expired(now):
                    self._view.remove(header.entry_id)
                elif header.entry_id not in self._view:
                    self._view.add(header, row.embedding, None)
            self._metrics.entries(len(self._view))
            if rows:
                self._cursor = max(self._cursor, rows[-1].written_at)
            if len(rows) < _SCAN_ROWS:
                return True
            after = rows[-1].written_at
            await asyncio.sleep(0)

    async def _sweep(self) -> None:
        """Remove what has expired: from memory at once, from the store after every replica could see it."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._maker.clock()
            self._view.remove_where(lambda header, at=now: header.expired(at))  # type: ignore[misc]
            self._metrics.entries(len(self._view))
            await self._ask(lambda at=now: self._store.sweep(at - SWEEP_GRACE_SECONDS))  # type: ignore[misc]

    async def _retry_pending(self) -> None:
        """Write entries that came while the store was away."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            while self._pending:
                entry = self._pending[0]
                if not entry.header.expired(self._maker.clock()) and not await self._put(entry):
                    break
                with contextlib.suppress(IndexError):
                    self._pending.popleft()
            self._metrics.pending(len(self._pending))
