"""Writing to the store: many callers, one write at a time, and nothing is acknowledged before the store has it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from semantic_router_proxy.cache.lookup import Clock
from semantic_router_proxy.cache.metrics import CacheMetrics

_BATCH_ENTRIES = 100
_RETRY_SECONDS = 1.0
# A single entry that fails so often, while others are taken, is one that the store does not want.
_MOST_FAILURES = 5

_log = structlog.get_logger(__name__)


class Put(Protocol):
    """Writes entries; returns the ids that the store holds now, None where it took nothing. `anyway` asks also a store
    that is being left alone."""

    def __call__(self, entries: Sequence[CacheEntry], *, anyway: bool = False) -> Awaitable[frozenset[str] | None]: ...


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Callers wait while `queue_entries` or `queue_bytes` are on their way, for `room_seconds` at most. What waits for
    a store that is away: the oldest leaves beyond `waiting_entries` or `waiting_bytes`. Stopping takes at most
    `closing_seconds`."""

    queue_entries: int = 1000
    queue_bytes: int = 64 * 1024 * 1024
    room_seconds: float = 5.0
    waiting_entries: int = 10_000
    waiting_bytes: int = 64 * 1024 * 1024
    closing_seconds: float = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    """An entry, and who waits to hear whether the store has it."""

    entry: CacheEntry
    written: "asyncio.Future[bool] | None" = None

    @property
    def size(self) -> int:
        entry = self.entry
        vector = entry.embedding.nbytes if entry.embedding is not None else 0
        return len(entry.request) + len(entry.response) + vector

    def resolve(self, *, held: bool) -> None:
        if self.written is not None and not self.written.done():
            self.written.set_result(held)


class _Line:
    """Writes in the order of their coming, and how many bytes they are."""

    def __init__(self) -> None:
        self._writes: deque[_Write] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._writes)

    def push(self, write: _Write) -> None:
        self._writes.append(write)
        self.bytes += write.size

    def push_front(self, write: _Write) -> None:
        self._writes.appendleft(write)
        self.bytes += write.size

    def take(self, count: int) -> list[_Write]:
        """Remove and return the first ones, at most so many."""
        taken = [self._writes.popleft() for _ in range(min(count, len(self._writes)))]
        self.bytes -= sum(write.size for write in taken)
        return taken


class StoreWriter:
    """Gathers entries that come while a write is under way into the next one."""

    def __init__(
        self,
        put: Put,
        publish: Callable[[CacheEntry], None],
        metrics: CacheMetrics,
        clock: Clock,
        limits: WriterLimits | None = None,
    ) -> None:
        self._put = put
        self._publish = publish
        self._metrics = metrics
        self._clock = clock
        self._limits = limits or WriterLimits()
        self._queue = _Line()
        self._waiting = _Line()
        self._changed = asyncio.Condition()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._portion = _BATCH_ENTRIES
        self._taken = 0
        # By id: how often an entry failed by itself, and how many writes had succeeded when it first did.
        self._failures: dict[str, tuple[int, int]] = {}

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(self._write_queue()), asyncio.ensure_future(self._retry())]

    async def write(self, entry: CacheEntry) -> bool:
        """Return whether the store has the entry. Where the store is away, the entry is kept and tried again; where
        there is no room for it in time, it is given up."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._limits.room_seconds), self._changed:
                await self._changed.wait_for(lambda: self._closing or self._has_room())
                if self._closing:
                    return False
                self._queue.push(_Write(entry, written))
                self._changed.notify_all()
        except TimeoutError:
            self._metrics.count("add_entry", "overloaded")
            return False
        return await written

    async def forget(self, matches: Callable[[EntryHeader], bool]) -> int:
        """Drop what is not written yet and matches, and return how many; a write under way is over afterwards."""
        dropped = 0
        async with self._writing:
            for line in (self._queue, self._waiting):
                for write in line.take(len(line)):
                    if matches(write.entry.header):
                        dropped += 1
                        write.resolve(held=False)
                    else:
                        line.push(write)
        await self._tell()
        self._metrics.pending(len(self._waiting))
        return dropped

    async def close(self) -> None:
        """Write what is on its way and what waits, as far as the store takes it in the time there is."""
        self._closing = True
        await self._tell()
        try:
            async with asyncio.timeout(self._limits.closing_seconds):
                async with self._writing:
                    # Between two writes: one that is broken off would be done twice at a time.
                    await self._stop()
                while self._queue and await self._write_next(anyway=True):
                    pass
                while self._waiting and await self._write_waiting(anyway=True):
                    pass
        except TimeoutError:
            await self._stop()
        lost = self._queue.take(len(self._queue)) + self._waiting.take(len(self._waiting))
        for write in lost:
            write.resolve(held=False)
        if lost:
            _log.warning("cache_entries_lost", count=len(lost), reason="the store did not take them before the end")

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._queue) < self._limits.queue_entries and self._queue.bytes < self._limits.queue_bytes

    async def _write_queue(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._queue) > 0)
            await self._write_next()

    async def _write_next(self, *, anyway: bool = False) -> bool:
        """Write what has come first; return whether the store took the call."""
        async with self._writing:
            async with self._changed:
                batch = self._queue.take(_BATCH_ENTRIES)
                self._changed.notify_all()
            held: frozenset[str] | None = None
            try:
                held = await self._put([write.entry for write in batch], anyway=anyway)
            finally:
                # Where it is not known whether the store took them: writing them again does no harm.
                for write in batch:
                    if held is None:
                        self._postpone(write.entry)
                    else:
                        self._finish(write.entry, held)
                    write.resolve(held=held is not None and write.entry.header.entry_id in held)
        return held is not None

    async def _retry(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            while self._waiting and await self._write_waiting():
                pass

    async def _write_waiting(self, *, anyway: bool = False) -> bool:
        """Write the oldest that wait; return whether the store took the call.

        A portion that fails is halved the next time: one entry that the store refuses must not hold up the others.
        """
        async with self._writing:
            now = self._clock()
            batch = self._waiting.take(self._portion)
            living = [write.entry for write in batch if not write.entry.header.expired(now)]
            held: frozenset[str] | None = None
            try:
                held = await self._put(living, anyway=anyway) if living else frozenset()
            finally:
                if held is None:
                    self._put_back(living)
                    self._portion = max(1, len(living) // 2)
                else:
                    for entry in living:
                        self._finish(entry, held)
                    self._portion = min(_BATCH_ENTRIES, 2 * self._portion)
                self._metrics.pending(len(self._waiting))
        return held is not None

    def _put_back(self, failed: list[CacheEntry]) -> None:
        """Let what failed wait again: at the front, or behind the others where it failed by itself."""
        if len(failed) != 1:
            for entry in reversed(failed):
                self._waiting.push_front(_Write(entry))
            return
        entry = failed[0]
        failures, taken = self._failures.get(entry.header.entry_id, (0, self._taken))
        if failures + 1 >= _MOST_FAILURES and self._taken > taken:
            del self._failures[entry.header.entry_id]
            self._metrics.count("add_entry", "rejected")
            _log.warning("cache_entry_refused", entry_id=entry.header.entry_id, reason="the store takes others")
            return
        self._failures[entry.header.entry_id] = (failures + 1, taken)
        self._waiting.push(_Write(entry))

    def _finish(self, entry: CacheEntry, held: frozenset[str]) -> None:
        self._failures.pop(entry.header.entry_id, None)
        if entry.header.entry_id not in held:
            self._metrics.count("add_entry", "rejected")
            return
        self._taken += 1
        self._metrics.count("add_entry", "success")
        try:
            self._publish(entry)
        except Exception as error:  # noqa: BLE001 - the store has the entry; what follows must be written all the same
            _log.error("cache_entry_not_published", reason=f"{type(error).__name__}: {error}")

    def _postpone(self, entry: CacheEntry) -> None:
        self._metrics.count("add_entry", "postponed")
        self._waiting.push(_Write(entry))
        limits = self._limits
        while len(self._waiting) > limits.waiting_entries or self._waiting.bytes > limits.waiting_bytes:
            for write in self._waiting.take(1):
                self._failures.pop(write.entry.header.entry_id, None)
            self._metrics.count("add_entry", "dropped")
        self._metrics.pending(len(self._waiting))
