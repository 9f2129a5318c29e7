"""Every index, metric and consistency level that a configuration may name, on a real server."""

import asyncio
import time
from typing import Any

import pytest

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.config.milvus import MilvusConfig
from tests.milvus.conftest import milvus_config
from tests.milvus.entries import PARTITION, entry
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

pytestmark = pytest.mark.xdist_group("milvus-server")

QUESTIONS = [f"{animal} {part}" for animal in ("giraffe", "whale", "ant") for part in ("leg", "eye", "heart", "age")]


async def _found(config: MilvusConfig) -> tuple[str, float]:
    """Write all questions and search one; return what was found and its likeness."""
    store = MilvusStore(config, WordEmbedder.identity)
    await store.open()
    try:
        await store.put([entry(number, question) for number, question in enumerate(QUESTIONS)])
        async with asyncio.timeout(30):
            # Below Strong, a write may be seen a little later.
            while not (found := await store.search(PARTITION, WordEmbedder.vector("whale eye"), 3, time.time())):
                await asyncio.sleep(0.05)
        return found[0].header.query, found[0].similarity
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("kind", "params", "search"),
    [
        ("HNSW", {"M": 8, "efConstruction": 40}, {"ef": 32}),
        ("FLAT", {}, {}),
        ("IVF_FLAT", {"nlist": 16}, {"nprobe": 16}),
        ("IVF_SQ8", {"nlist": 16}, {"nprobe": 16}),
        ("IVF_PQ", {"nlist": 16, "m": 8, "nbits": 8}, {"nprobe": 16}),
        ("SCANN", {"nlist": 16}, {"nprobe": 16, "reorder_k": 50}),
        ("DISKANN", {}, {}),
        ("AUTOINDEX", {}, {}),
    ],
)
async def test_an_index_type(
    milvus_server: MilvusServer, kind: str, params: dict[str, Any], search: dict[str, Any]
) -> None:
    collection = {"name": f"kind_{kind.lower()}", "index": {"type": kind, "params": params}}
    query, similarity = await _found(milvus_config(milvus_server, collection=collection, search={"params": search}))
    assert query == "whale eye"
    assert similarity == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("metric", ["IP", "COSINE", "L2"])
@pytest.mark.parametrize("partition_key", [True, False])
async def test_a_likeness_is_a_cosine_with_every_metric(
    milvus_server: MilvusServer, metric: str, partition_key: bool
) -> None:
    name = f"metric_{metric.lower()}_{str(partition_key).lower()}"
    collection = {"name": name, "vector_field": {"metric_type": metric}, "partition_key": partition_key}
    store = MilvusStore(milvus_config(milvus_server, collection=collection), WordEmbedder.identity)
    await store.open()
    await store.put([entry(number, question) for number, question in enumerate(QUESTIONS)])
    asked = WordEmbedder.vector("whale toe")
    for candidate in await store.search(PARTITION, asked, 10, time.time()):
        cosine = float(asked @ WordEmbedder.vector(candidate.header.query))
        assert candidate.similarity == pytest.approx(cosine, abs=1e-4)
    await store.close()


@pytest.mark.parametrize("level", ["Strong", "Bounded", "Session", "Eventually"])
async def test_a_consistency_level(milvus_server: MilvusServer, level: str) -> None:
    collection = {"name": f"level_{level.lower()}"}
    config = milvus_config(milvus_server, collection=collection, search={"consistency_level": level})
    assert (await _found(config))[0] == "whale eye"
