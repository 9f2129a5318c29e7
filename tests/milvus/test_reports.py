"""Reports of wrong answers on a real Milvus Lite: the entry is gone for every replica, for the one asked at once."""

import asyncio
from typing import Any

import pytest

from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.service import Prepared, SemanticCache
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.cache import SemanticCacheConfig
from tests.milvus.conftest import Backends, FaultyLink
from tests.unit.cache.conftest import WordEmbedder

BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "What is quantum computing?"}]}
ANSWER = b'{"choices": [{"message": {"content": "A lot."}, "finish_reason": "stop"}]}'


def _cache(backend: HybridBackend) -> SemanticCache:
    return SemanticCache(backend, SemanticCacheConfig(), "m@1/8", "epoch", backend._maker.clock)


def _prepared(cache: SemanticCache, scope: str = "alice") -> Prepared:
    return cache.prepare("chat", BODY, scope, {})


async def _stored(cache: SemanticCache, embedder: WordEmbedder) -> str:
    vector = embedder.vector(BODY["messages"][0]["content"])
    entry = await cache.store(_prepared(cache), "small", vector, ANSWER)
    assert entry is not None
    return entry


async def test_a_reported_entry_is_served_by_no_replica(
    backends: Backends, lite_server: int, embedder: WordEmbedder
) -> None:
    connection = {"host": "127.0.0.1", "port": lite_server}
    milvus = {"collection": {"name": "reports"}}
    one, other = [_cache(await backends.open(connection, milvus=milvus)) for _ in range(2)]
    entry = await _stored(one, embedder)
    async with asyncio.timeout(60):
        while await other.find_exact(_prepared(other)) is None:
            await asyncio.sleep(0.05)
    assert not await other.report_wrong(entry, "bob")
    assert await other.find_exact(_prepared(other)) is not None
    assert await other.report_wrong(entry, "alice")
    assert await other.find_exact(_prepared(other)) is None
    async with asyncio.timeout(60):
        while await one.find_exact(_prepared(one)) is not None:
            await asyncio.sleep(0.05)
    assert not await one.report_wrong(entry, "alice")


async def test_a_report_holds_here_while_the_store_is_down(
    backends: Backends, lite_server: int, embedder: WordEmbedder
) -> None:
    link = FaultyLink(lite_server)
    connection = {"host": "127.0.0.1", "port": await link.start(), "timeout": 1}
    cache = _cache(await backends.open(connection, milvus={"collection": {"name": "reports_down"}}))
    entry = await _stored(cache, embedder)
    assert await cache.find_exact(_prepared(cache)) is not None
    link.cut()
    with pytest.raises(StoreUnavailable):
        await cache.report_wrong(entry, "alice")
    vector = embedder.vector(BODY["messages"][0]["content"])
    assert await cache.find_exact(_prepared(cache)) is None
    assert await cache.find_similar(_prepared(cache), "small", vector) is None
    link.heal()
    await link.close()
