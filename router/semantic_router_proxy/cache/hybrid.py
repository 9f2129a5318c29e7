"""Backends `milvus` and `hybrid`: the store is the truth, memory a view of it that can be made again.

`milvus` is the same engine with a view that holds nothing: every lookup asks the store.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from semantic_router_proxy.cache.backend import EVERYTHING, Accept, Seen
from semantic_router_proxy.cache.breaker import StoreBreaker
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
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.lookup import Clock, EntryMaker
from semantic_router_proxy.cache.match import Match, choose
from semantic_router_proxy.cache.memory import CANDIDATES, graph_settings
from semantic_router_proxy.cache.memory_view import MemoryView
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import EntryStore, ScannedEntry, StoreUnavailable
from semantic_router_proxy.cache.writer import StoreWriter
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
# Rows that are taken into memory before requests get their turn: an insertion into a large graph costs 0.4 ms.
_ROWS_AT_ONCE = 16
# Like questions that are tried when the first ones turn out to be gone from the store.
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
        index = PartitionedIndex(embedder.identity.dimension, graph_settings(config))
        self._view = MemoryView(index, config.eviction_policy, config.max_memory_entries, config.local_cache_size)
        self._breaker = StoreBreaker()
        self._store_problem = ""
        self._cursor = 0
        self._synchronised = asyncio.Event()
        self._writer = StoreWriter(self._put, self._publish, metrics, clock)
        # When rows of the last seconds were written: scans look back and would bring evicted ones in again.
        self._recent: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, unavailable: StoreUnavailable | None = None) -> None:
        """Begin to follow the store: rebuild the view, then take in other replicas' writes; sweep expired rows.

        `unavailable` is why the store could not be opened: it is left alone at once then, and tried again soon.
        """
        if unavailable is not None:
            self._store_failed(unavailable, self._breaker.limit)
        self._writer.start()
        self._tasks = [asyncio.ensure_future(_repeat(self._sweep, SWEEP_SECONDS, at_once=False))]
        if self._in_memory:
            self._tasks.append(asyncio.ensure_future(_repeat(self._follow, CURSOR_SECONDS, at_once=True)))
        else:
            self._synchronised.set()

    async def synchronised(self) -> None:
        """Return when the view holds what the store held at the start."""
        await self._synchronised.wait()

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
            entry = await self._ask(lambda: self._store.get_exact(exact_key, now))
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
        guard, rewordings = self._config.guard.enabled, self._maker.rewordings
        hit, match = None, Match(None, None, ())
        self._view.remove_expired(now)
        for _ in range(_ATTEMPTS if self._view_is_ready() else 0):
            match = choose(
                query, self._view.search(part, vector, CANDIDATES), limit, now, guard=guard, rewordings=rewordings
            )
            if match.serving is None:
                break
            hit = await self._answer(match.serving.header, "semantic", match.serving.similarity)
            if hit is not None or match.serving.header.entry_id in self._view:
                break
        if hit is None and self._must_ask_store():
            found = await self._ask(lambda: self._store.search(part, vector, CANDIDATES, now))
            match = choose(query, found or (), limit, now, guard=guard, rewordings=rewordings)
            if match.serving is not None:
                hit = await self._fetch(match.serving.header, "semantic", match.serving.similarity)
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
        answer = await self._ask(lambda: self._read(entry_id))
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
        entry = await self._store.get(entry_id)
        await self._store.expire([entry_id])
        self._view.remove(entry_id)
        self._metrics.entries(len(self._view))
        return entry is not None

    async def invalidate(self, selection: Selection = EVERYTHING) -> int:
        """See `CacheBackend.invalidate`. Raises StoreUnavailable."""
        gone: dict[str, bool] = {}
        now = self._maker.clock()
        # A store that is not strongly consistent may show again what was deleted a moment ago.
        while found := [h for h in await self._store.find(selection, _SCAN_ROWS) if h.entry_id not in gone]:
            await self._store.expire([header.entry_id for header in found])
            gone |= {header.entry_id: not header.expired(now) for header in found}
        self._view.remove_where(selection.matches)
        self._metrics.entries(len(self._view))
        return sum(gone.values())

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
        return self._metrics.stats(len(self._view), "" if self._breaker.available else self._store_problem)

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
        return self._in_memory and (self._synchronised.is_set() or not self._breaker.available)

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
        answer = await self._ask(lambda: self._read(header.entry_id))
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

    async def _put(self, entries: Sequence[CacheEntry]) -> frozenset[str] | None:
        return await self._ask(lambda: self._store.put(entries))

    def _publish(self, entry: CacheEntry) -> None:
        """Take in an entry that the store has."""
        if self._in_memory:
            self._recent[entry.header.entry_id] = int(self._maker.clock() * 1e6)
            self._view.add(entry.header, entry.embedding, entry.response)
            self._metrics.entries(len(self._view))

    async def _ask(self, call: Callable[[], Awaitable[Result]]) -> Result | None:
        """Ask the store, unless it is being left alone. A store that is down is a miss, never an error."""
        if not self._breaker.allows():
            return None
        try:
            result = await call()
        except StoreUnavailable as error:
            if self._breaker.available:
                _log.warning("cache_store_unavailable", reason=str(error))
            self._store_failed(error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a store's library throws must not reach a client
            _log.error("cache_store_failed", reason=f"{type(error).__name__}: {error}")
            self._metrics.count("store", "error")
            return None
        if not self._breaker.available:
            _log.info("cache_store_available")
        self._breaker.succeeded()
        self._metrics.store_available(True)
        return result

    def _store_failed(self, error: StoreUnavailable, failures: int = 1) -> None:
        self._store_problem = str(error)
        self._breaker.failed(failures)
        self._metrics.store_available(self._breaker.available)

    async def _follow(self) -> None:
        """Take in what is new in the store; the first time that is all there is, and then it makes the graphs."""
        if await self._take_in_new_rows() and not self._synchronised.is_set():
            await self._view.settled()
            self._synchronised.set()

    async def _take_in_new_rows(self) -> bool:
        """Read on from the cursor; return whether the end was reached."""
        overlap = int(CURSOR_OVERLAP_SECONDS * 1e6)
        after = self._cursor - overlap
        complete = False
        while not complete:
            page = await self._ask(lambda start=after: self._store.scan(start, _SCAN_ROWS))  # type: ignore[misc]
            if page is None:
                return False
            for number, row in enumerate(page.entries):
                self._take_in(row)
                if number % _ROWS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            after = page.read_to
            complete = page.complete
            self._cursor = max(self._cursor, after)
        self._metrics.entries(len(self._view))
        self._recent = {entry: at for entry, at in self._recent.items() if at > self._cursor - 2 * overlap}
        return True

    def _take_in(self, row: ScannedEntry) -> None:
        header = row.header
        if header.expired(self._maker.clock()):
            self._view.remove(header.entry_id)
        elif header.entry_id not in self._recent and header.entry_id not in self._view:
            self._view.add(header, row.embedding, None)
        self._recent[header.entry_id] = row.written_at

    async def _sweep(self) -> None:
        """Remove what has expired: from memory at once, from the store after every replica could see it."""
        now = self._maker.clock()
        removed = True
        while removed:
            removed = self._view.remove_expired(now) > 0
            await asyncio.sleep(0)
        self._metrics.entries(len(self._view))
        await self._ask(lambda: self._store.sweep(now - SWEEP_GRACE_SECONDS))


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
