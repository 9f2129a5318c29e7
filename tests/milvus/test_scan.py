"""Reading the whole store in the order of writing: every row once, however many, bad ones and equal times included."""

import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from semantic_router_proxy.cache.milvus.rows import to_row
from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.unit.cache.conftest import WordEmbedder

_VECTOR = WordEmbedder.vector("a question")


@pytest.fixture
async def store(lite: dict[str, Any]) -> AsyncIterator[MilvusStore]:
    opened = MilvusStore(MilvusConfig.model_validate({"connection": lite}), WordEmbedder.identity)
    await opened.open()
    yield opened
    await opened.close()


def _row(number: int, written_at: int) -> dict[str, Any]:
    header = EntryHeader(f"{number:08x}", "cd", f"{number:08x}", "s", "m", "q", True, time.time(), 0.0)
    row = to_row(CacheEntry(header, b"{}", b"{}", _VECTOR), str(WordEmbedder.identity), "embedding", len(_VECTOR))
    return row | {"written_at": written_at}


async def _write(store: MilvusStore, rows: list[dict[str, Any]]) -> None:
    # Beside the store's own way: times and damage are the test's.
    for start in range(0, len(rows), 5000):
        await store._call(lambda client, at=start: client.insert("semantic_cache", rows[at : at + 5000]))  # type: ignore[misc]


async def _scan_all(store: MilvusStore, limit: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    after = -1
    while True:
        page = await store.scan(after, limit)
        found += [(entry.header.entry_id, entry.written_at) for entry in page.entries]
        assert page.read_to >= after
        after = page.read_to
        if page.complete:
            return found


async def test_every_row_is_read_once_and_in_order(store: MilvusStore) -> None:
    times = np.random.default_rng(1).permutation(21_000) * 3 + 1
    await _write(store, [_row(number, int(at)) for number, at in enumerate(times)])
    found = await _scan_all(store, 4000)
    assert len(found) == 21_000
    assert len({entry_id for entry_id, _ in found}) == 21_000
    assert [at for _, at in found] == sorted(int(at) for at in times)


async def test_rows_of_one_time_are_not_lost_at_the_end_of_a_page(store: MilvusStore) -> None:
    await _write(store, [_row(number, 10 + number // 7) for number in range(70)])
    assert len(await _scan_all(store, 5)) == 70


async def test_a_page_of_bad_rows_does_not_end_the_scan(store: MilvusStore) -> None:
    bad = [_row(number, number + 1) | {"embedding": np.zeros(len(_VECTOR), dtype=np.float32)} for number in range(20)]
    await _write(store, [*bad, _row(20, 100)])
    assert await _scan_all(store, 5) == [("00000014", 100)]


async def test_rows_written_during_a_scan_are_read_by_it_or_the_next(store: MilvusStore) -> None:
    await _write(store, [_row(number, number + 1) for number in range(10)])
    page = await store.scan(0, 5)
    await _write(store, [_row(10, 11)])
    assert not page.complete
    page = await store.scan(page.read_to, 5)
    assert (page.read_to, page.complete) == (10, True)
    page = await store.scan(page.read_to, 5)
    assert [entry.header.entry_id for entry in page.entries] == ["0000000a"]
