"""Writing to the store: many callers, one write at a time, and nothing is acknowledged before the store has it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from semantic_router_proxy.cache.entry import CacheEntry
from semantic_router_proxy.cache.lookup import Clock
from semantic_router_proxy.cache.metrics import CacheMetrics

# Callers wait while so many entries are on their way.
_QUEUE_LENGTH = 1000
_BATCH_ENTRIES = 100
# What waits for a store that is away: the oldest leaves beyond either limit.
_WAITING_ENTRIES = 10_000
_WAITING_BYTES = 64 * 1024 * 1024
_RETRY_SECONDS = 1.0
_CLOSING_SECONDS = 10.0

_log = structlog.get_logger(__name__)

# Writes entries; returns the ids that the store holds now, None where the store is away.
Put = Callable[[Sequence[CacheEntry]], Awaitable[frozenset[str] | None]]


class StoreWriter:
    """Gathers entries that come while a write is under way into the next one."""

    def __init__(self, put: Put, publish: Callable[[CacheEntry], None], metrics: CacheMetrics, clock: Clock) -> None:
        self._put = put
        self._publish = publish
        self._metrics = metrics
        self._clock = clock
        self._queue: asyncio.Queue[tuple[CacheEntry, asyncio.Future[bool]]] = asyncio.Queue(_QUEUE_LENGTH)
        self._waiting: deque[CacheEntry] = deque()
        self._waiting_bytes = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(self._write_queue()), asyncio.ensure_future(self._retry())]

    async def write(self, entry: CacheEntry) -> bool:
        """Return whether the store has the entry. Where the store is away, the entry is kept and tried again."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._queue.put((entry, written))
        return await written

    async def close(self) -> None:
        """Write what is on its way and what waits, as far as the store takes it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._queue.empty():
            entry, written = self._queue.get_nowait()
            self._postpone(entry)
            written.cancel()
        while self._waiting and await self._write_waiting():
            pass
        if self._waiting:
            _log.warning("cache_entries_lost", count=len(self._waiting), reason="the store did not take them")

    async def _write_queue(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH_ENTRIES and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                held = await self._put([entry for entry, _ in batch])
                for entry, written in batch:
                    self._finish(entry, held)
                    if not written.done():
                        written.set_result(held is not None and entry.header.entry_id in held)
            except asyncio.CancelledError:
                # Whether the store took them is not known; writing them again does no harm.
                for entry, written in batch:
                    self._postpone(entry)
                    written.cancel()
                raise
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _retry(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            while self._waiting and await self._write_waiting():
                pass

    async def _write_waiting(self) -> bool:
        """Write the oldest that wait; return whether the store took the call."""
        now = self._clock()
        batch = [self._waiting[number] for number in range(min(_BATCH_ENTRIES, len(self._waiting)))]
        living = [entry for entry in batch if not entry.header.expired(now)]
        held = await self._put(living) if living else frozenset()
        if held is None:
            return False
        done = {id(entry) for entry in batch}
        # More may have come and the oldest may have left meanwhile.
        while self._waiting and id(self._waiting[0]) in done:
            self._waiting_bytes -= _size(self._waiting.popleft())
        for entry in living:
            self._finish(entry, held)
        self._metrics.pending(len(self._waiting))
        return True

    def _finish(self, entry: CacheEntry, held: frozenset[str] | None) -> None:
        if held is None:
            self._postpone(entry)
            self._metrics.count("add_entry", "postponed")
        elif entry.header.entry_id in held:
            self._publish(entry)
            self._metrics.count("add_entry", "success")
        else:
            self._metrics.count("add_entry", "rejected")

    def _postpone(self, entry: CacheEntry) -> None:
        self._waiting.append(entry)
        self._waiting_bytes += _size(entry)
        while len(self._waiting) > _WAITING_ENTRIES or self._waiting_bytes > _WAITING_BYTES:
            self._waiting_bytes -= _size(self._waiting.popleft())
            self._metrics.count("add_entry", "dropped")
        self._metrics.pending(len(self._waiting))


def _size(entry: CacheEntry) -> int:
    return len(entry.request) + len(entry.response) + (entry.embedding.nbytes if entry.embedding is not None else 0)
