"""One reconcile per key at a time, woken as often as one likes, retried with a growing delay."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from semantic_router_operator.handlers.metrics import QUEUE_LENGTH, RECONCILE_SECONDS, RECONCILES

Key = tuple[str, str]
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 300.0
SOON_SECONDS = 0.25

log = structlog.get_logger()


class WorkQueue:
    """Bounded workers over coalesced keys. A key woken while it is worked on is worked on once more afterwards."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], workers: int) -> None:
        self._work = work
        self._workers = workers
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._soon: dict[Key, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting | self._soon.keys()) + len(self._running)

    def wake(self, key: Key) -> None:
        """Has the key worked on as soon as a worker is free."""
        if (soon := self._soon.pop(key, None)) is not None:
            soon.cancel()
        if key in self._waiting:
            return
        self._waiting.add(key)
        QUEUE_LENGTH.set(len(self))
        if key not in self._running:
            self._ready.put_nowait(key)

    def wake_soon(self, key: Key) -> None:
        """The same a moment later: what comes in crowds, as a rollout's progress does, is looked at once."""
        if key not in self._waiting and key not in self._soon:
            self._soon[key] = asyncio.get_running_loop().call_later(SOON_SECONDS, self.wake, key)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._running.add(key)
            started = time.monotonic()
            try:
                await self._work(key)
                self._failures.pop(key, None)
                RECONCILES.labels("done").inc()
            except Exception as error:  # noqa: BLE001 - one broken resource must not stop the others
                RECONCILES.labels("failed").inc()
                self._retry(key, error)
            finally:
                RECONCILE_SECONDS.observe(time.monotonic() - started)
                self._running.discard(key)
                QUEUE_LENGTH.set(len(self))
                if key in self._waiting:
                    self._ready.put_nowait(key)

    def _retry(self, key: Key, error: Exception) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 10)) * random.uniform(0.8, 1.2)  # noqa: S311
        reason = f"{type(error).__name__}: {error}"
        log.warning("reconcile_failed", namespace=key[0], name=key[1], reason=reason, retry_in_s=round(delay, 1))
        with contextlib.suppress(KeyError):
            self._timers.pop(key).cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._again, key)

    def _again(self, key: Key) -> None:
        del self._timers[key]
        self.wake(key)
