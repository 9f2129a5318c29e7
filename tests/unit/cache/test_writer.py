"""Writing behind requests: bounded, nothing acknowledged that the store does not have, nothing that waits is lost."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache import writer as writer_module
from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.writer import StoreWriter, WriterLimits


def entry(number: int, size: int = 10, expires_at: float = 0.0) -> CacheEntry:
    header = EntryHeader(
        entry_id=f"{number:08x}", partition="ab", exact_key="", scope="", model="m", query="q", semantic=False,
        created_at=1.0, expires_at=expires_at,
    )  # fmt: skip
    return CacheEntry(header, b"", b"x" * size, None)


class Store:
    """Takes batches, unless it is away; refuses a batch with an entry that it does not want."""

    def __init__(self) -> None:
        self.held: dict[str, CacheEntry] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.away = False
        self.unwanted: set[str] = set()
        self.at_once = 0
        self.most_at_once = 0

    async def put(self, entries: Sequence[CacheEntry], *, anyway: bool = False) -> frozenset[str] | None:
        del anyway
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            ids = {each.header.entry_id for each in entries}
            if self.away or ids & self.unwanted:
                return None
            self.held |= {each.header.entry_id: each for each in entries}
            return frozenset(ids)
        finally:
            self.at_once -= 1


class Writing:
    """A writer on a store, and what it published and counted."""

    def __init__(self, **limits: float) -> None:
        self.store = Store()
        self.published: list[str] = []
        self.registry = CollectorRegistry()
        metrics = CacheMetrics("hybrid", self.registry)
        bounds = WriterLimits(**limits)  # type: ignore[arg-type]
        self.writer = StoreWriter(self.store.put, self._publish, metrics, lambda: 100.0, bounds)
        self.writer.start()

    def _publish(self, stored: CacheEntry) -> None:
        assert stored.header.entry_id in self.store.held
        self.published.append(stored.header.entry_id)

    async def stalled(self, *entries: CacheEntry) -> list["asyncio.Task[bool]"]:
        """Write to a store that does not answer; the first entry is with it when this returns."""
        self.store.open.clear()
        first = asyncio.create_task(self.writer.write(entries[0]))
        while self.store.at_once == 0:
            await asyncio.sleep(0)
        return [first, *(asyncio.create_task(self.writer.write(each)) for each in entries[1:])]

    def counted(self, status: str) -> float:
        labels = {"backend": "hybrid", "operation": "add_entry", "status": status}
        return self.registry.get_sample_value("semantic_cache_operations_total", labels) or 0.0

    @property
    def waiting(self) -> float:
        return self.registry.get_sample_value("semantic_cache_pending_writes", {"backend": "hybrid"}) or 0.0


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_RETRY_SECONDS", 0.001)


async def test_what_is_acknowledged_is_in_the_store_and_published() -> None:
    writing = Writing()
    assert all(await asyncio.gather(*(writing.writer.write(entry(number)) for number in range(500))))
    assert len(writing.store.held) == len(writing.published) == writing.counted("success") == 500
    assert writing.store.most_at_once == 1
    await writing.writer.close()


async def test_callers_wait_while_the_queue_is_full_and_give_up_in_the_end() -> None:
    writing = Writing(queue_entries=2, room_seconds=0.05)
    tasks = await writing.stalled(*(entry(number) for number in range(5)))
    # One is with the store, two are in the queue, two callers found no room.
    while writing.counted("overloaded") < 2:
        await asyncio.sleep(0.001)
    assert [task.done() for task in tasks].count(True) == 2
    writing.store.open.set()
    assert sorted(await asyncio.gather(*tasks)) == [False, False, True, True, True]
    await writing.writer.close()


async def test_large_answers_fill_the_queue_by_their_bytes() -> None:
    writing = Writing(queue_bytes=1000, room_seconds=0.05)
    tasks = await writing.stalled(*(entry(number, 1000) for number in range(4)))
    while writing.counted("overloaded") < 2:
        await asyncio.sleep(0.001)
    writing.store.open.set()
    assert (await asyncio.gather(*tasks)).count(True) == 2
    await writing.writer.close()


async def test_what_came_while_the_store_was_away_is_written_when_it_is_back() -> None:
    writing = Writing()
    writing.store.away = True
    assert not any(await asyncio.gather(*(writing.writer.write(entry(number)) for number in range(300))))
    assert writing.waiting == 300
    writing.store.away = False
    while writing.waiting:
        await asyncio.sleep(0.001)
    assert len(writing.store.held) == len(writing.published) == 300
    await writing.writer.close()


async def test_the_oldest_leave_when_too_much_waits() -> None:
    writing = Writing(waiting_entries=10)
    writing.store.away = True
    for number in range(25):
        await writing.writer.write(entry(number))
    assert writing.counted("dropped") >= 15
    writing.store.away = False
    await writing.writer.close()
    assert set(writing.store.held) == {f"{number:08x}" for number in range(15, 25)}


async def test_an_entry_that_the_store_refuses_does_not_hold_up_the_others() -> None:
    writing = Writing()
    writing.store.unwanted = {"00000003"}
    await asyncio.gather(*(writing.writer.write(entry(number)) for number in range(10)))
    while len(writing.store.held) < 9:
        await asyncio.sleep(0.001)
    number = 100
    # It is given up once others have been taken meanwhile.
    while not writing.counted("rejected"):
        await writing.writer.write(entry(number))
        number += 1
        await asyncio.sleep(0.001)
    assert writing.waiting == 0
    assert "00000003" not in writing.store.held
    await writing.writer.close()


async def test_a_full_queue_is_written_before_the_end() -> None:
    writing = Writing()
    writing.store.away = True
    for number in range(50):
        await writing.writer.write(entry(number))
    writing.store.away = False
    writing.store.open.clear()
    tasks = [asyncio.create_task(writing.writer.write(entry(number))) for number in range(50, 900)]
    while writing.store.at_once == 0:
        await asyncio.sleep(0)
    closing = asyncio.create_task(writing.writer.close())
    await asyncio.sleep(0)
    writing.store.open.set()
    await closing
    assert len(writing.store.held) == 900
    assert all(await asyncio.gather(*tasks))
    assert writing.store.most_at_once == 1
    assert not await writing.writer.write(entry(1000))


async def test_a_store_that_hangs_does_not_hold_up_the_end() -> None:
    writing = Writing(closing_seconds=0.05)
    writing.store.open.clear()
    tasks = [asyncio.create_task(writing.writer.write(entry(number))) for number in range(3)]
    while writing.store.at_once == 0:
        await asyncio.sleep(0)
    await writing.writer.close()
    assert await asyncio.gather(*tasks) == [False, False, False]


async def test_what_is_deleted_before_it_was_written_is_never_written() -> None:
    writing = Writing()
    writing.store.away = True
    await writing.writer.write(entry(1))
    await writing.writer.write(entry(2))
    assert await writing.writer.forget(lambda header: header.entry_id == "00000001") == 1
    writing.store.away = False
    await writing.writer.close()
    assert set(writing.store.held) == {"00000002"}


async def test_an_expired_entry_that_waited_is_not_written() -> None:
    writing = Writing()
    writing.store.away = True
    await writing.writer.write(entry(1, expires_at=99.0))
    await writing.writer.write(entry(2, expires_at=101.0))
    writing.store.away = False
    await writing.writer.close()
    assert set(writing.store.held) == {"00000002"}


async def test_a_publication_that_fails_does_not_end_the_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing()

    def fail(_: CacheEntry) -> None:
        raise MemoryError

    monkeypatch.setattr(writing.writer, "_publish", fail)
    assert await writing.writer.write(entry(1))
    assert await writing.writer.write(entry(2))
    await writing.writer.close()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(("write", "away", "back", "forget", "pause")), max_size=60),
    st.sets(st.integers(0, 60), max_size=3),
)
def test_nothing_is_lost_twice_written_or_wrongly_acknowledged(steps: list[str], unwanted: set[int]) -> None:
    async def run() -> None:
        writing = Writing()
        writing.store.unwanted = {f"{number:08x}" for number in unwanted}
        tasks: dict[int, asyncio.Task[bool]] = {}
        forgotten: set[str] = set()
        for number, step in enumerate(steps):
            if step == "write":
                tasks[number] = asyncio.create_task(writing.writer.write(entry(number)))
            elif step == "forget" and tasks:
                chosen = f"{min(tasks):08x}"
                if await writing.writer.forget(lambda header, chosen=chosen: header.entry_id == chosen):
                    forgotten.add(chosen)
            elif step == "pause":
                await asyncio.sleep(0)
            else:
                writing.store.away = step == "away"
        writing.store.away = False
        told = dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
        await writing.writer.close()
        held = set(writing.store.held)
        assert {f"{number:08x}" for number, acknowledged in told.items() if acknowledged} <= held
        assert len(writing.published) == len(set(writing.published))
        assert set(writing.published) == held
        assert not held & (forgotten | writing.store.unwanted)
        if not unwanted:
            assert held == {f"{number:08x}" for number in tasks} - forgotten

    asyncio.run(run())
