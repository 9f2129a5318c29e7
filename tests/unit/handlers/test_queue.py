"""Keys are coalesced, worked on one at a time each, and tried again."""

import asyncio

import pytest

from semantic_router_operator.handlers import queue as module
from semantic_router_operator.handlers.queue import Key, WorkQueue

KEY, OTHER = ("a", "x"), ("a", "y")


class Work:
    """Counts what was worked on; waits where told, fails where told."""

    def __init__(self) -> None:
        self.done: list[Key] = []
        self.failures = 0
        self.at_once: set[Key] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Event()

    async def __call__(self, key: Key) -> None:
        assert key not in self.at_once, "one key worked on twice at a time"
        self.at_once.add(key)
        try:
            await self.gate.wait()
            if self.failures:
                self.failures -= 1
                raise OSError("gone")
            self.done.append(key)
        finally:
            self.at_once.discard(key)
            self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.done) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 10)


async def test_a_key_woken_often_is_worked_on_once_and_once_more_when_woken_meanwhile() -> None:
    work = Work()
    queue = WorkQueue(work, workers=4)
    work.gate.clear()
    for _ in range(5):
        queue.wake(KEY)
    running = asyncio.create_task(queue.run())
    while KEY not in work.at_once:
        await asyncio.sleep(0)
    for _ in range(5):
        queue.wake(KEY)
    queue.wake(OTHER)
    work.gate.set()
    await work.until(3)
    assert sorted(work.done) == [KEY, KEY, OTHER]
    assert len(queue) == 0
    running.cancel()


async def test_soon_is_once_and_now_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON_SECONDS", 0.01)
    work = Work()
    queue = WorkQueue(work, workers=1)
    running = asyncio.create_task(queue.run())
    for _ in range(3):
        queue.wake_soon(KEY)
    assert len(queue) == 1
    queue.wake(KEY)
    await work.until(1)
    queue.wake_soon(KEY)
    await work.until(2)
    assert work.done == [KEY, KEY]
    running.cancel()


async def test_what_fails_is_tried_again_and_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_SECONDS", 0.001)
    work = Work()
    work.failures = 3
    queue = WorkQueue(work, workers=1)
    running = asyncio.create_task(queue.run())
    queue.wake(KEY)
    await work.until(1)
    queue.wake(OTHER)
    await work.until(2)
    assert work.done == [KEY, OTHER]
    running.cancel()
