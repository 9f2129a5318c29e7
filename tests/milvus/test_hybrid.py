"""The hybrid engine on a real Milvus Lite: what memory forgets, the store keeps."""

import asyncio
from typing import Any

import numpy as np
import pytest

from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.hybrid import HybridBackend
from tests.milvus.conftest import Backends, FaultyLink


async def _add(engine: HybridBackend, query: str, answer: bytes = b'{"a": 1}', **more: Any) -> str | None:
    return await engine.add_entry("request-1", "gpt-4", query, b"{}", answer, **more)


async def test_answers_survive_a_restart(backends: Backends, lite: dict[str, Any]) -> None:
    first = await backends.open(lite)
    await _add(first, "what is quantum computing", b'{"kept": true}', exact_key="ab", scope="s", decision="d")
    await backends.close(first)
    second = await backends.open(lite)
    assert second.get_stats().total_entries == 1
    for hit in (await second.find_exact("ab"), await second.find_similar("gpt-4", "what is quantum computing")):
        assert hit is not None
        assert hit.response == b'{"kept": true}'
        assert (hit.header.scope, hit.header.decision, hit.header.model) == ("s", "d", "gpt-4")
    assert second.get_stats().hit_ratio == 1.0


async def test_the_answer_comes_from_milvus_once_and_from_memory_after(
    backends: Backends, lite: dict[str, Any]
) -> None:
    await _add(await backends.open(lite), "what is quantum computing", exact_key="ab")
    await backends.close_all()
    engine = await backends.open(lite)
    hits = [await engine.find_similar("gpt-4", "what is quantum computing") for _ in range(2)]
    assert [hit.source for hit in hits if hit] == ["milvus", "local"]


async def test_what_memory_evicts_stays_in_milvus_and_is_found(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite, max_memory_entries=3, local_cache_size=2)
    questions = [f"question about topic {word}" for word in ("apples", "pears", "plums", "figs", "dates", "limes")]
    for number, question in enumerate(questions):
        await _add(engine, question, f'{{"n": {number}}}'.encode(), exact_key=f"{number:02x}")
    assert engine.get_stats().total_entries == 3
    for number, question in enumerate(questions):
        similar, exact = await engine.find_similar("gpt-4", question), await engine.find_exact(f"{number:02x}")
        assert similar is not None
        assert exact is not None
        assert similar.response == exact.response == f'{{"n": {number}}}'.encode()
    assert engine.get_stats().total_entries == 3


async def test_backend_milvus_keeps_nothing_in_memory(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite, backend="milvus")
    await _add(engine, "what is quantum computing", exact_key="ab")
    hits = [await engine.find_exact("ab"), await engine.find_similar("gpt-4", "what is quantum computing")]
    assert [hit.source for hit in hits if hit] == ["milvus", "milvus"]
    assert engine.get_stats().total_entries == 0
    assert await engine.find_similar("gpt-4", "what is the capital of France") is None


@pytest.mark.parametrize("size", [10, 65_535, 65_536, 400_000])
async def test_an_answer_of_any_size_comes_back_to_the_byte(
    backends: Backends, lite: dict[str, Any], size: int
) -> None:
    answer = ('{"content": "' + ("ä€🙂x" * size)[:size] + '"}').encode()[:1_000_000]
    answer = answer if answer.endswith(b'"}') else b'{"content": "' + b"x" * size + b'"}'
    engine = await backends.open(lite, backend="milvus", max_response_bytes=2_000_000)
    await _add(engine, "what is quantum computing", answer, exact_key="ab")
    hit = await engine.find_exact("ab")
    assert hit is not None
    assert hit.response == answer


@pytest.mark.parametrize("metric", ["IP", "COSINE", "L2"])
@pytest.mark.parametrize("index", ["HNSW", "FLAT", "IVF_FLAT"])
async def test_similarity_is_the_cosine_whatever_the_metric(
    backends: Backends, lite: dict[str, Any], metric: str, index: str
) -> None:
    params = {"HNSW": {"M": 16, "efConstruction": 64}, "FLAT": {}, "IVF_FLAT": {"nlist": 4}}[index]
    collection = {"vector_field": {"metric_type": metric}, "index": {"type": index, "params": params}}
    engine = await backends.open(lite, backend="milvus", milvus={"collection": collection}, similarity_threshold=0.5)
    await _add(engine, "how do i sort a list please")
    hit = await engine.find_similar("gpt-4", "how can i sort a list please")
    embedder = engine._maker._embedder
    vectors = await embedder.embed(["how do i sort a list please", "how can i sort a list please"])
    assert hit is not None
    assert hit.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-3)


async def test_deleted_and_invalidated_entries_are_gone_everywhere(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite)
    first = await _add(engine, "one two three", exact_key="01", scope='tenant "a"\\')
    await _add(engine, "four five six", exact_key="02", scope='tenant "a"\\')
    await _add(engine, "seven eight nine", exact_key="03", scope="b")
    assert first is not None
    assert await engine.delete(first)
    assert await engine.find_exact("01") is None
    assert await engine.invalidate(Selection(scope='tenant "a"\\')) == 1
    assert await engine.find_exact("02") is None
    assert await engine.find_exact("03") is not None
    await backends.close(engine)
    again = await backends.open(lite)
    assert again.get_stats().total_entries == 1
    assert await again.find_exact("01") is None


async def test_an_expired_entry_is_not_served_from_either_side(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite)
    now = engine._maker.clock()
    engine._maker.clock = lambda: now - 100
    await _add(engine, "what is quantum computing", exact_key="ab", ttl_seconds=50)
    assert await engine.find_exact("ab") is not None
    engine._maker.clock = lambda: now
    assert await engine.find_exact("ab") is None
    assert await engine.find_similar("gpt-4", "what is quantum computing") is None
    direct = await backends_milvus_only(backends, engine)
    assert direct is None


async def backends_milvus_only(backends: Backends, engine: HybridBackend) -> object:
    """Ask the store itself."""
    return await engine._store.get_exact("ab", engine._maker.clock())


async def test_replicas_see_each_others_writes_and_deletions(backends: Backends, lite_server: int) -> None:
    connection = {"host": "127.0.0.1", "port": lite_server}
    milvus = {"collection": {"name": "replicas"}}
    one, other = [await backends.open(connection, milvus=milvus) for _ in range(2)]
    entry = await _add(one, "what is quantum computing", exact_key="ab")
    async with asyncio.timeout(60):
        while await other.find_exact("ab") is None:
            await asyncio.sleep(0.05)
    assert await other.find_similar("gpt-4", "what is quantum computing") is not None
    assert entry is not None
    await one.delete(entry)
    async with asyncio.timeout(60):
        while await other.find_exact("ab") is not None:
            await asyncio.sleep(0.05)


async def test_a_store_that_is_cut_off_is_a_miss_and_comes_back(
    backends: Backends, faulty_link: tuple[FaultyLink, int]
) -> None:
    link, port = faulty_link
    connection = {"host": "127.0.0.1", "port": port, "timeout": 5}
    milvus = {"collection": {"name": "cut"}, "search": {"timeout": 1}}
    engine = await backends.open(connection, milvus=milvus, local_cache_size=1)
    await _add(engine, "one two three", exact_key="01")
    await _add(engine, "four five six", exact_key="02")
    link.cut()
    assert await engine.find_exact("02") is not None
    assert await engine.find_exact("01") is None
    assert await engine.find_similar("gpt-4", "one two three") is None
    assert await _add(engine, "seven eight nine", exact_key="03") is None
    assert f"127.0.0.1:{port}" in engine.get_stats().store_problem
    link.heal()
    async with asyncio.timeout(60):
        while await engine.find_exact("03") is None or await engine.find_exact("01") is None:
            await asyncio.sleep(0.1)
    assert await engine.find_similar("gpt-4", "seven eight nine") is not None
    assert engine.get_stats().store_problem == ""


async def test_a_store_that_stalls_costs_its_timeout_a_few_times_and_nothing_after(
    backends: Backends, faulty_link: tuple[FaultyLink, int]
) -> None:
    link, port = faulty_link
    connection = {"host": "127.0.0.1", "port": port, "timeout": 20}
    milvus = {"collection": {"name": "stall"}, "search": {"timeout": 0.5}}
    engine = await backends.open(connection, backend="milvus", milvus=milvus)
    await _add(engine, "one two three", exact_key="01")
    link.stall()
    for _ in range(3):
        assert await engine.find_exact("01") is None
    calls = 0
    original = engine._store.get_exact

    async def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return await original(*arguments)

    engine._store.get_exact = counted  # type: ignore[method-assign]
    for _ in range(50):
        assert await engine.find_exact("01") is None
    assert calls <= 1
    link.heal()
    async with asyncio.timeout(60):
        while await engine.find_exact("01") is None:
            await asyncio.sleep(0.1)


async def test_bad_rows_are_skipped_counted_and_never_served(backends: Backends, lite: dict[str, Any]) -> None:
    engine = await backends.open(lite)
    await _add(engine, "one two three", exact_key="01")
    await _add(engine, "four five six", exact_key="02")
    store = engine._store
    row = (await store._query('exact_key == "02"', 1))[0]  # type: ignore[attr-defined]
    zero = np.zeros_like(np.asarray(row["embedding"], dtype=np.float32))
    for number, change in enumerate(({"response": ["{not json"]}, {"created_at": -5}, {"embedding": zero})):
        broken = {**row, "id": f"{number:032x}", "exact_key": f"{number + 16:02x}", **change}
        broken["written_at"] = row["written_at"] + 1
        await store._call(lambda client, data=broken: client.upsert("semantic_cache", [data]))  # type: ignore[attr-defined]
    await backends.close(engine)
    again = await backends.open(lite)
    for key in ("10", "11", "12"):
        assert await again.find_exact(key) is None
    assert await again.find_exact("01") is not None
    assert await again.find_exact("02") is not None
