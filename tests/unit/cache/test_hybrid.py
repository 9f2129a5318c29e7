"""The hybrid engine on a store in a dictionary: order, deletion, outages and concurrency without Milvus' seconds."""

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.unit.cache.conftest import WordEmbedder
from tests.unit.cache.store_in_memory import StoreInMemory

from semantic_router_proxy.cache import hybrid
from semantic_router_proxy.cache.entry import CacheEntry, Selection
from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.index.partitioned import PartitionedIndex
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.store import ScanPage, StoreUnavailable
from semantic_router_proxy.config.cache import SemanticCacheConfig

LATE = 3600


def _engine(store: StoreInMemory, **settings_: Any) -> HybridBackend:
    given_ = {"similarity_threshold": 0.99, "guard": {"enabled": False}, **settings_}
    config = SemanticCacheConfig(backend_type="hybrid", backend_config_path="x", **given_)
    return HybridBackend("hybrid", config, WordEmbedder(), store, CacheMetrics("hybrid", CollectorRegistry()))


@pytest.fixture
def store() -> StoreInMemory:
    return StoreInMemory()


@pytest.fixture
async def two(store: StoreInMemory) -> AsyncIterator[tuple[HybridBackend, HybridBackend]]:
    """Two replicas on one store; their background work is done by hand."""
    engines = _engine(store), _engine(store)
    for engine in engines:
        engine._writer.start()
        await engine._follower.follow()
    yield engines
    for engine in engines:
        await engine.close()


async def _add(engine: HybridBackend, query: str, answer: bytes = b"{}", **more: Any) -> str:
    entry_id = await engine.add_entry("r", "m", query, b"{}", answer, **more)
    assert entry_id is not None
    return entry_id


def _write_late(store: StoreInMemory, entry_id: str) -> None:
    """Make a row look as if it had been written long ago: it took long to become visible, or a clock is wrong."""
    entry, at = store.rows[entry_id]
    store.rows[entry_id] = (entry, at - LATE * 1_000_000)


async def test_replicas_see_writes_and_deletions_with_their_next_look(
    two: tuple[HybridBackend, HybridBackend],
) -> None:
    one, other = two
    entry_id = await _add(one, "one two three", exact_key="ab")
    await other._follower.follow()
    assert await other.find_exact("ab") is not None
    await one.delete(entry_id)
    await other._follower.follow()
    assert await other.find_exact("ab") is None


async def test_a_write_that_the_looks_miss_is_found_by_comparing(
    two: tuple[HybridBackend, HybridBackend], store: StoreInMemory
) -> None:
    one, other = two
    await _add(one, "one two three", exact_key="01")
    await other._follower.follow()
    _write_late(store, await _add(one, "four five six", exact_key="02"))
    await other._follower.follow()
    assert await other.find_exact("02") is None
    assert await other._follower.compare()
    assert await other.find_exact("02") is not None
    assert await other.find_similar("m", "four five six") is not None


async def test_a_deletion_that_was_swept_away_during_an_outage_holds_after_it(
    two: tuple[HybridBackend, HybridBackend], store: StoreInMemory
) -> None:
    one, other = two
    entry_id = await _add(one, "one two three", exact_key="ab")
    await other._follower.follow()
    store.away = True
    await other._follower.follow()
    store.away = False
    await one.delete(entry_id)
    del store.rows[entry_id]
    assert await other.find_exact("ab") is None or store.rows == {}
    await other._follower.follow()
    assert await other.find_exact("ab") is None
    assert other.get_stats().total_entries == 0


async def test_the_store_answers_while_memory_is_filled_and_memory_after(store: StoreInMemory) -> None:
    first = _engine(store)
    first.start()
    for number in range(30):
        await _add(first, f"question of number {number}", exact_key=f"{number:02x}")
    await first.close()
    filling = asyncio.Event()
    scan = store.scan

    async def held_up(written_after: int, limit: int) -> ScanPage:
        await filling.wait()
        return await scan(written_after, limit)

    store.scan = held_up  # type: ignore[method-assign]
    second = _engine(store)
    second.start()
    for number in range(30):
        exact = await second.find_exact(f"{number:02x}")
        similar = await second.find_similar("m", f"question of number {number}")
        assert exact is not None
        assert similar is not None
        assert exact.source == "milvus"
    filling.set()
    await second.synchronised()
    assert second.get_stats().total_entries == 30
    again = await second.find_similar("m", "question of number 7")
    assert again is not None
    assert again.source == "local"
    await second.close()


async def test_comparing_does_not_bring_evicted_entries_in_again(store: StoreInMemory) -> None:
    engine = _engine(store, max_memory_entries=2)
    engine._writer.start()
    await engine._follower.follow()
    for number in range(5):
        await _add(engine, f"question of number {number}", exact_key=f"{number:02x}")
    assert await engine._follower.compare()
    assert engine.get_stats().total_entries == 2
    hit = await engine.find_exact("00")
    assert hit is not None
    assert hit.source == "milvus"
    await engine.close()


async def test_deleting_an_entry_deletes_older_answers_to_the_same_request(
    two: tuple[HybridBackend, HybridBackend], store: StoreInMemory
) -> None:
    one, other = two
    older = await _add(one, "one two three", b'{"older": 1}', exact_key="ab")
    newer = await _add(one, "one two three", b'{"newer": 1}', exact_key="ab")
    assert await one.delete(newer)
    assert await store.get(older) is None
    await other._follower.follow()
    assert await other.find_exact("ab") is None
    assert await other.find_similar("m", "one two three") is None


async def test_what_waits_for_a_store_that_is_away_can_be_deleted(
    two: tuple[HybridBackend, HybridBackend], store: StoreInMemory
) -> None:
    one, _ = two
    store.away = True
    assert await one.add_entry("r", "m", "one two three", b"{}", b"{}", exact_key="ab") is None
    store.away = False
    assert await one.invalidate(Selection(model="m")) == 1
    await one.close()
    assert not [entry for entry, _ in store.rows.values() if entry.response]


async def test_an_answer_that_is_gone_gives_way_to_the_next_like_question(store: StoreInMemory) -> None:
    engine = _engine(store, local_cache_size=0)
    engine._writer.start()
    await engine._follower.follow()
    first = await _add(engine, "one two three", b'{"n": 1}')
    await _add(engine, "one two three", b'{"n": 2}')
    store.rows[first] = (CacheEntry(store.rows[first][0].header, b"", b"", None), store.rows[first][1])
    hit = await engine.find_similar("m", "one two three")
    assert hit is not None
    assert hit.response == b'{"n": 2}'
    await engine.close()


async def test_a_router_that_stops_writes_what_waits_although_the_store_was_left_alone(store: StoreInMemory) -> None:
    engine = _engine(store)
    engine.start()
    await engine.synchronised()
    store.away = True
    for number in range(20):
        await engine.add_entry("r", "m", f"question of number {number}", b"{}", b"{}", exact_key=f"{number:02x}")
    assert engine.get_stats().store_problem == "the store is away"
    store.away = False
    await engine.close()
    assert len(store.rows) == 20


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_lookup_throws_or_serves_what_is_gone_whatever_happens_meanwhile(seed: int) -> None:
    """Three clients, deletions, invalidations, sweeps, evictions, outages and graphs that are swapped, all at once."""

    async def run() -> None:
        chance, store = random.Random(seed), StoreInMemory()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hybrid, "PartitionedIndex", functools.partial(PartitionedIndex, exact_limit=8))
            engine = _engine(store, max_memory_entries=40, local_cache_size=10, ttl_seconds=60)
        clock = {"now": 1_000_000.0}
        engine._maker.clock = engine._follower._clock = lambda: clock["now"]
        engine._writer.start()
        await engine._follower.follow()
        dead: set[str] = set()
        known: list[str] = []

        async def client(number: int) -> None:
            for turn in range(60):
                step, question = chance.random(), f"question {number} about topic {chance.randrange(60)}"
                if step < 0.4:
                    entry_id = await engine.add_entry(
                        "r", "m", question, b"{}", f'{{"q": "{question}"}}'.encode(), exact_key=question.encode().hex()
                    )
                    if entry_id is not None:
                        known.append(entry_id)
                elif step < 0.8:
                    gone, now = set(dead), clock["now"]
                    for hit in (
                        await engine.find_exact(question.encode().hex()),
                        await engine.find_similar("m", question),
                    ):
                        if hit is not None:
                            assert hit.header.entry_id not in gone
                            assert not hit.header.expired(now)
                            assert hit.response == f'{{"q": "{hit.header.query}"}}'.encode()
                            assert hit.header.query == question or hit.tier == "semantic"
                elif step < 0.9 and known:
                    with contextlib.suppress(StoreUnavailable):
                        entry_id = chance.choice(known)
                        await engine.delete(entry_id)
                        dead.add(entry_id)
                elif step < 0.92:
                    with contextlib.suppress(StoreUnavailable):
                        everything = set(known)
                        await engine.invalidate(Selection(created_before=clock["now"] + 1))
                        dead.update(everything)
                elif step < 0.95:
                    clock["now"] += chance.choice((1, 30))
                else:
                    store.away = turn % 4 == 0 and not store.away
                await asyncio.sleep(0)

        async def background() -> None:
            while True:
                await engine._follower.follow()
                await engine._follower.sweep()
                await asyncio.sleep(0)

        beside = asyncio.create_task(background())
        try:
            await asyncio.gather(*(client(number) for number in range(3)))
        finally:
            store.away = False
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            await engine.close()

    asyncio.run(run())
