"""The hybrid engine on a real Milvus that is not strongly consistent: deletions, bad rows, archives, replicas."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
import structlog

from semantic_router_proxy.cache.archive import ArchiveHeader
from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.cache.transfer import export_entries, import_entries
from tests.milvus.conftest import ROOT_TOKEN, Backends
from tests.milvus.entries import PARTITION, entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import DIMENSION, WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")

HEADER = ArchiveHeader(str(WordEmbedder.identity), DIMENSION)


async def _open(backends: Backends, server: MilvusServer, name: str, backend: str = "hybrid", **more: Any) -> Any:
    connection = {"host": "127.0.0.1", "port": server.port, "timeout": 20}
    connection["auth"] = {"enabled": True, "token": ROOT_TOKEN}
    collection = {"name": name, **more.pop("collection", {})}
    milvus = {"collection": collection, "search": {"timeout": 20, "consistency_level": "Session", "topk": 30}}
    return await backends.open(connection, backend, milvus, **more)


async def _until(engine: HybridBackend, entries: int) -> None:
    async with asyncio.timeout(60):
        while engine.get_stats().total_entries != entries:
            await asyncio.sleep(0.05)


async def test_what_was_written_a_moment_ago_is_deleted_and_invalidated_in_all_replicas(
    backends: Backends, milvus_server: MilvusServer
) -> None:
    one, other = [await _open(backends, milvus_server, "consistent") for _ in range(2)]
    written = await one.add_entry("r", "m", "what is a plum", b"{}", b"{}", exact_key="ff")
    assert written is not None
    assert await other.delete(written)
    assert not await one.delete(written)
    await one.restore([entry(number) for number in range(2500)])
    assert await one.invalidate(Selection(model="m")) == 2500
    assert await one._store.find(Selection(), 10) == []
    # Whatever the other one saw of it in between, it sees the deletions too.
    await _until(other, 0)
    assert await one.find_exact("e0000007") is None


async def test_comparing_finds_what_the_looks_missed(backends: Backends, milvus_server: MilvusServer) -> None:
    one, other = [await _open(backends, milvus_server, "compared") for _ in range(2)]
    await one.restore([entry(number) for number in range(30)])
    await _until(other, 30)
    store = one._store
    await store._call(lambda client: client.delete("compared", filter='id in ["00000001", "00000002"]'))
    row = (await store._query('id == "00000005"', 1, level="Strong"))[0]
    long_ago = {**row, "id": "000000ff", "exact_key": "eff", "written_at": row["written_at"] - 10**10}
    await store._call(lambda client: client.insert("compared", [long_ago]))
    await other._follower.follow()
    assert await other.find_exact("eff") is None
    assert other.get_stats().total_entries == 30
    assert await other._follower.compare()
    assert other.get_stats().total_entries == 29
    assert await other.find_exact("eff") is not None
    assert await other.find_exact("e0000001") is None


async def test_bad_rows_are_skipped_counted_logged_once_and_hide_no_good_one(
    backends: Backends, milvus_server: MilvusServer
) -> None:
    engine = await _open(backends, milvus_server, "bad_rows", backend="milvus")
    counted: list[str] = []
    engine._store._bad_row = lambda: counted.append("bad")
    await engine.restore([entry(1, "what is a plum")])
    row = (await engine._store._query('id == "00000001"', 1, level="Strong"))[0]
    unit = np.asarray(row["embedding"], dtype=np.float32)
    changes: list[dict[str, Any]] = [
        {"response": ['{"cut off": ']},
        {"response": ["no json"]},
        {"created_at": -5},
        {"embedding": 3 * unit},
        {"embedding": np.full_like(unit, np.nan)},
    ]
    put = 0
    for number, change in enumerate(changes):
        broken = {**row, "id": f"bad{number}", "exact_key": f"bad{number}", **change}
        try:
            await engine._store._call(lambda client, data=broken: client.insert("bad_rows", [data]))
            put += 1
        except StoreUnavailable:
            # Newer servers refuse what is not finite by themselves.
            assert number == len(changes) - 1
    assert put >= 4
    await engine._store._query("", None, ("count(*)",), level="Strong")
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            for number in range(put):
                assert await engine.find_exact(f"bad{number}") is None
            hit = await engine.find_similar("m", "what is a plum", partition=PARTITION)
            assert hit is not None
            assert hit.header.entry_id == "00000001"
    reasons = [log["reason"] for log in logs if log["event"] == "cache_row_skipped"]
    assert len(counted) > len(reasons) >= 3
    assert len(reasons) == len(set(reasons))


async def test_an_archive_moves_a_cache_to_another_index_and_metric(
    backends: Backends, milvus_server: MilvusServer
) -> None:
    first = await _open(backends, milvus_server, "moved_from")
    await first.restore([entry(number) for number in range(700)])
    await _until_read(first, 700)
    archive = b"".join([piece async for piece in export_entries(first, HEADER)])
    other = {"vector_field": {"name": "vector", "metric_type": "L2"}, "index": {"type": "IVF_FLAT"}}
    second = await _open(backends, milvus_server, "moved_to", collection=other)
    for _ in range(2):
        imported = await import_entries(second, HEADER, io.BytesIO(archive))
        assert (imported.read, imported.held) == (700, 700)
    assert second.get_stats().total_entries == 700
    for engine in (first, second):
        hit = await engine.find_exact("e00002bb")
        assert hit is not None
        assert (hit.header.query, hit.response) == ("question number 699", b'{"a": 1}')


async def _until_read(engine: HybridBackend, entries: int) -> None:
    """Wait until reading the store through gives so many: it is not strongly consistent."""
    async with asyncio.timeout(60):
        while len((await engine.read_entries("", 10_000)).entries) != entries:
            await asyncio.sleep(0.1)


async def test_as_many_like_questions_are_looked_at_as_configured(
    backends: Backends, milvus_server: MilvusServer
) -> None:
    engine = await _open(backends, milvus_server, "topk", backend="milvus", guard={"enabled": False})
    await engine.restore([entry(number, "what is a plum") for number in range(40)])
    vector, now = WordEmbedder.vector("what is a plum"), engine._maker.clock()
    async with asyncio.timeout(60):
        while len(await engine._store.search(PARTITION, vector, 1000, now)) != 30:
            await asyncio.sleep(0.1)
    hit = await engine.find_similar("m", "what is a plum", partition=PARTITION)
    assert hit is not None
