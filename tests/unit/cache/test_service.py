"""The cache as the server uses it, on the memory backend: a repeat is a hit, an odd body only a miss."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.unit.cache.conftest import WordEmbedder

from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.cache import SemanticCacheConfig

BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "What are the main energy sources?"}]}


def _cache(embedder: WordEmbedder) -> SemanticCache:
    config = SemanticCacheConfig()
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
