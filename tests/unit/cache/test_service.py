"""The cache as the server uses it, on the memory backend: a repeat is a hit, an odd body only a miss."""

from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.unit.cache.conftest import WordEmbedder

from semantic_router_proxy.cache.entry import CacheHit
from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.cache import SemanticCacheConfig

BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "What are the main energy sources?"}]}


def _cache(embedder: WordEmbedder, **settings: Any) -> SemanticCache:
    config = SemanticCacheConfig(**settings)
    backend = MemoryBackend(config, embedder, CacheMetrics("memory", CollectorRegistry()), lambda: 0.0)
    return SemanticCache(backend, config, str(embedder.identity), "epoch", lambda: 0.0)


async def test_a_repeat_is_an_exact_hit_for_the_same_caller_only(embedder: WordEmbedder) -> None:
    cache = _cache(embedder)
    prepared = cache.prepare("chat.completions", BODY, "alice", {})
    assert await cache.store(prepared, "small", None, b'{"choices": []}') is not None
    assert await cache.find_exact(cache.prepare("chat.completions", {**BODY, "stream": True}, "alice", {})) is not None
    assert await cache.find_exact(cache.prepare("chat.completions", BODY, "bob", {})) is None


@pytest.mark.parametrize("odd", [2**64, "\ud800"])
async def test_a_body_without_a_json_form_is_never_kept(embedder: WordEmbedder, odd: Any) -> None:
    cache = _cache(embedder)
    prepared = cache.prepare("chat.completions", {**BODY, "odd": odd}, "alice", {})
    assert await cache.find_exact(prepared) is None
    assert await cache.store(prepared, "small", None, b'{"choices": []}') is None


async def test_with_a_global_scope_whoever_was_answered_may_report(embedder: WordEmbedder) -> None:
    cache = _cache(embedder, scope="global")
    entry = await cache.store(cache.prepare("chat", BODY, "alice", {}), "small", None, b'{"choices": []}')
    assert entry is not None
    assert await cache.report_wrong(entry, "bob")
    assert await cache.find_exact(cache.prepare("chat", BODY, "alice", {})) is None
    assert not await cache.report_wrong(entry, "bob")


class _Undeletable(MemoryBackend):
    """A backend whose store does not answer."""

    async def delete(self, entry_id: str) -> bool:
        raise StoreUnavailable("the store is down")


async def test_a_report_holds_even_where_the_store_keeps_the_entry(embedder: WordEmbedder) -> None:
    config = SemanticCacheConfig()
    backend = _Undeletable(config, embedder, CacheMetrics("memory", CollectorRegistry()), lambda: 0.0)
    registry = CollectorRegistry()
    cache = SemanticCache(backend, config, str(embedder.identity), "epoch", lambda: 0.0, registry)
    prepared = cache.prepare("chat", BODY, "alice", {})
    vector = embedder.vector("What are the main energy sources?")
    entry = await cache.store(prepared, "small", vector, b'{"choices": []}')
    assert entry is not None
    with pytest.raises(StoreUnavailable):
        await cache.report_wrong(entry, "alice")
    assert await cache.find_exact(prepared) is None
    assert await cache.find_similar(prepared, "small", vector) is None
    assert registry.get_sample_value("semantic_cache_feedback_total", {"result": "unavailable"}) == 1


class _Raising(MemoryBackend):
    """A backend with a mistake in it."""

    async def find_exact(self, exact_key: str) -> CacheHit | None:
        raise RuntimeError("a mistake")

    async def find_similar(self, *_: Any, **__: Any) -> CacheHit | None:
        raise IndexError("another")

    async def add_entry(self, *_: Any, **__: Any) -> str | None:
        raise ValueError("and one more")


async def test_a_backend_that_raises_is_a_miss_counted_and_logged_once(embedder: WordEmbedder) -> None:
    config, registry = SemanticCacheConfig(), CollectorRegistry()
    backend = _Raising(config, embedder, CacheMetrics("memory", registry))
    cache = SemanticCache(backend, config, str(embedder.identity), "epoch", lambda: 0.0, registry)
    prepared = cache.prepare("chat", BODY, "alice", {})
    vector = embedder.vector("What are the main energy sources?")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert await cache.find_exact(prepared) is None
            assert await cache.find_similar(prepared, "small", vector) is None
            assert await cache.store(prepared, "small", vector, b'{"choices": []}') is None
    for operation in ("find_exact", "find_similar", "store"):
        assert registry.get_sample_value("semantic_cache_failures_total", {"operation": operation}) == 3
    assert [log["operation"] for log in logs] == ["find_exact", "find_similar", "store"]
