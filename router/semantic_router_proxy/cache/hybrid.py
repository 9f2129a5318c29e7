"""Backends `milvus` and `hybrid`: the store is the truth, memory a view of it that can be made again.

`milvus` is the same engine with a view that holds nothing: every lookup asks the store.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from semantic_router_proxy.cache.backend import EVERYTHING, Accept, Seen
from semantic_router_proxy.cache.entry import (
    CacheEntry,
    CacheHit,
    CacheStats,
    EntryHeader,
    EntryPage,
    Selection,
    Tier,
    Vector,
)
from semantic_router_proxy.cache.follower import CURSOR_OVERLAP_SECONDS, CURSOR_SECONDS, SWEEP_SECONDS, StoreFollower
from semantic_router_proxy.cache.gate import StoreGate
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.lookup import Clock, EntryMaker
from semantic_router_proxy.cache.match import Match, choose
from semantic_router_proxy.cache.memory import CANDIDATES, graph_settings
from semantic_router_proxy.cache.memory_view import MemoryView
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import Candidate, EntryStore, StoreUnavailable
from semantic_router_proxy.cache.writer import StoreWriter
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.embedding.base import Embedder

# As many of the nearest questions as the store's own configuration (search.topk) allows.
_STORE_CANDIDATES = 1000
# Entries that one step of an invalidation finds and expires.
_INVALIDATED_AT_ONCE = 1000
# Like questions that are tried when the answers of the first ones turn out to be gone from the store.
_ATTEMPTS = 3

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
        index = PartitionedIndex(embedder.identity.dimension, graph_settings(config), built=metrics.index_built)
        self._view = MemoryView(index, config.eviction_policy, config.max_memory_entries, config.local_cache_size)
        self._gate = StoreGate(metrics)
        self._follower = StoreFollower(store, self._gate, self._view, metrics, clock)
        self._writer = StoreWriter(self._put, self._publish, metrics, clock)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, unavailable: StoreUnavailable | None = None) -> None:
        """Begin to follow the store: rebuild the view, then take in other replicas' writes; sweep expired rows.

        `unavailable` is why the store could not be opened: it is left alone at once then, and tried again soon.
        """
        if unavailable is not None:
            self._gate.failed(unavailable, for_good=True)
        self._writer.start()
        self._tasks = [asyncio.ensure_future(_repeat(self._follower.sweep, SWEEP_SECONDS, at_once=False))]
        if self._in_memory:
            self._tasks.append(asyncio.ensure_future(_repeat(self._follower.follow, CURSOR_SECONDS, at_once=True)))
        else:
            self._follower.synchronised.set()

    async def synchronised(self) -> None:
        """Return when the view holds what the store held at the start."""
        await self._follower.synchronised.wait()

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
        return entry.header.entry_id if await self._writer.write(entry) else None

    async def find_exact(self, exact_key: str) -> CacheHit | None:
        """See `CacheBackend.find_exact`."""
        begin = time.perf_counter()
        now = self._maker.clock()
        header = self._view.exact(exact_key, now)
        hit = None
        if header is not None:
            hit = await self._answer(header, "exact", 1.0)
        elif self._must_ask_store():
            entry = await self._gate.ask(lambda: self._store.get_exact(exact_key, now))
            if entry is not None:
                self._promote(entry)
                hit = CacheHit(entry.header, entry.response, "exact", "milvus", 1.0)
        self._metrics.time("find_exact", time.perf_counter() - begin)
        self._metrics.count("find_exact", _status(hit))
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
        accept: Accept | None = None,
        seen: Seen | None = None,
    ) -> CacheHit | None:
        """See `CacheBackend.find_similar`."""
        begin = time.perf_counter()
        vector = await self._maker.vector(query, embedding)
        part = self._maker.partition(model, partition)
        limit = self._maker.threshold(threshold)
        now = self._maker.clock()
        hit, match = None, Match(None, None, ())
        self._view.remove_expired(now)
        if self._view_is_ready():
            hit, match = await self._serve(query, self._view.search(part, vector, CANDIDATES), limit, now)
        if hit is None and self._must_ask_store():
            found = await self._gate.ask(lambda: self._store.search(part, vector, _STORE_CANDIDATES, now))
            if found is not None:
                hit, match = await self._serve(query, found, limit, now)
        self._metrics.match(match)
        if seen is not None:
            seen(match)
        self._metrics.time("find_similar", time.perf_counter() - begin)
        if hit is not None and accept is not None and not await accept(hit):
            hit = None
        self._metrics.count("find_similar", _status(hit))
        self._metrics.request(hit=hit is not None)
        return hit

    async def get(self, entry_id: str) -> CacheHit | None:
        """See `CacheBackend.get`."""
        answer = await self._gate.ask(lambda: self._read(entry_id))
        if answer is None:
            # The store cannot be asked; memory may know.
            header, document = self._view.header(entry_id), self._view.document(entry_id)
            alive = header is not None and not header.expired(self._maker.clock())
            return CacheHit(header, document, "exact", "local", 1.0) if alive and header and document else None
        entry = answer[0]
        if entry is None or entry.header.expired(self._maker.clock()):
            return None
        return CacheHit(entry.header, entry.response, "exact", "milvus", 1.0)

    async def delete(self, entry_id: str) -> bool:
        """See `CacheBackend.delete`. Raises StoreUnavailable: a deletion that did not happen must not look done."""
        unwritten = await self._writer.forget(lambda header: header.entry_id == entry_id)
        # Older answers to the very same request would come back in its place.
        found = await self._store.same_request(entry_id)
        await self._store.expire([header.entry_id for header in found])
        for each in (entry_id, *(header.entry_id for header in found)):
            self._view.remove(each)
        self._metrics.entries(len(self._view))
        now = self._maker.clock()
        return unwritten > 0 or any(each.entry_id == entry_id and not each.expired(now) for each in found)

    async def invalidate(self, selection: Selection = EVERYTHING) -> int:
        """See `CacheBackend.invalidate`. Raises StoreUnavailable."""
        unwritten = await self._writer.forget(selection.matches)
        gone: dict[str, bool] = {}
        now = self._maker.clock()
        while found := [h for h in await self._store.find(selection, _INVALIDATED_AT_ONCE) if h.entry_id not in gone]:
            await self._store.expire([header.entry_id for header in found])
            gone |= {header.entry_id: not header.expired(now) for header in found}
        self._view.remove_where(selection.matches)
        self._metrics.entries(len(self._view))
        return unwritten + sum(gone.values())

    async def read_entries(self, cursor: str, limit: int) -> EntryPage:
        """See `CacheBackend.read_entries`. The store is read, in the order of writing: what memory has, it has."""
        page = await self._store.read(int(cursor) if cursor else 0, limit)
        now = self._maker.clock()
        entries = [entry for entry in page.entries if not entry.header.expired(now)]
        return EntryPage(entries, None if page.complete else str(page.read_to))

    async def restore(self, entries: Sequence[CacheEntry]) -> int:
        """See `CacheBackend.restore`. An entry is found only after the store has it."""
        wanted = self._maker.restorable(entries)
        held = await self._store.put(wanted) if wanted else frozenset()
        for entry in wanted:
            if entry.header.entry_id in held:
                self._publish(entry)
        return len(held)

    async def search_questions(self, words: str, limit: int) -> list[EntryHeader]:
        """See `CacheBackend.search_questions`."""
        return await self._view.search_questions(words, limit, self._maker.clock())

    def reconfigure(self, config: SemanticCacheConfig) -> None:
        """See `CacheBackend.reconfigure`."""
        self._config = config
        self._maker.reconfigure(config)

    def get_stats(self) -> CacheStats:
        return self._metrics.stats(len(self._view), self._gate.problem)

    def record_miss(self) -> None:
        """See `CacheBackend.record_miss`."""
        self._metrics.request(hit=False)

    async def close(self) -> None:
        """Write what waits, as far as the store takes it, then release everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.close()
        await self._view.close()
        await self._store.close()

    def _view_is_ready(self) -> bool:
        """Whether to look into memory: not while it is being filled and the store can answer."""
        return self._in_memory and (self._follower.synchronised.is_set() or not self._gate.available)

    def _must_ask_store(self) -> bool:
        """Whether the store may hold an answer that the view does not know."""
        return not self._in_memory or not self._follower.synchronised.is_set() or self._view.evicted > 0

    async def _serve(
        self, query: str, candidates: Sequence[Candidate], threshold: float, now: float
    ) -> tuple[CacheHit | None, Match]:
        """Return the answer to the first candidate that may serve and whose answer is still there."""
        guard, rewordings = self._config.guard.enabled, self._maker.rewordings
        match, failures = Match(None, None, ()), self._gate.failures
        for _ in range(_ATTEMPTS):
            match = choose(query, candidates, threshold, now, guard=guard, rewordings=rewordings)
            if (serving := match.serving) is None:
                break
            hit = await self._answer(serving.header, "semantic", serving.similarity)
            if hit is not None or self._gate.failures != failures:
                return hit, match
            candidates = [candidate for candidate in candidates if candidate is not serving]
        return None, match

    async def _answer(self, header: EntryHeader, tier: Tier, similarity: float) -> CacheHit | None:
        """Return the answer of a known entry: at hand, or fetched."""
        document = self._view.document(header.entry_id)
        if document is not None:
            return CacheHit(header, document, tier, "local", similarity)
        return await self._fetch(header, tier, similarity)

    async def _fetch(self, header: EntryHeader, tier: Tier, similarity: float) -> CacheHit | None:
        """Fetch an answer from the store; what it holds now must still be that entry, and alive."""
        answer = await self._gate.ask(lambda: self._read(header.entry_id))
        if answer is None:
            return None
        entry, now = answer[0], self._maker.clock()
        if entry is None or entry.header.partition != header.partition or entry.header.expired(now):
            # A young one may not be visible yet, depending on the store's consistency.
            if entry is not None or now - header.created_at > CURSOR_OVERLAP_SECONDS:
                self._view.remove(header.entry_id)
            return None
        self._promote(entry)
        return CacheHit(entry.header, entry.response, tier, "milvus", similarity)

    async def _read(self, entry_id: str) -> tuple[CacheEntry | None]:
        return (await self._store.get(entry_id),)

    def _promote(self, entry: CacheEntry) -> None:
        """Take an entry from the store into memory, or only its answer where the rest is there already."""
        if not self._in_memory:
            return
        if entry.header.entry_id not in self._view:
            self._view.add(entry.header, entry.embedding, None)
        self._view.keep_document(entry.header.entry_id, entry.response)
        self._metrics.entries(len(self._view))

    async def _put(self, entries: Sequence[CacheEntry], *, anyway: bool = False) -> frozenset[str] | None:
        return await self._gate.ask(lambda: self._store.put(entries), anyway=anyway)

    def _publish(self, entry: CacheEntry) -> None:
        """Take in an entry that the store has."""
        if self._in_memory:
            self._follower.published(entry.header.entry_id)
            self._view.add(entry.header, entry.embedding, entry.response)
            self._metrics.entries(len(self._view))


def _status(hit: CacheHit | None) -> str:
    return "miss" if hit is None else f"hit_{hit.source}"


async def _repeat(step: Callable[[], Awaitable[None]], seconds: float, *, at_once: bool) -> None:
    """Do a step for ever, with a pause between; one that fails is told and does not end it."""
    if not at_once:
        await asyncio.sleep(seconds)
    while True:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - the cache would silently grow stale
            _log.error("cache_background_step_failed", step=step.__name__, reason=f"{type(error).__name__}: {error}")
        await asyncio.sleep(seconds)
