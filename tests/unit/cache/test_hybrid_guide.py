"""The example of the hybrid cache's guide, call for call, with the default embedding model."""

import pytest
from prometheus_client import CollectorRegistry
from tests.unit.cache.store_in_memory import StoreInMemory

from semantic_router_proxy.cache.hybrid import HybridBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.onnx import OnnxEmbedder

STORED, ASKED = "What is quantum computing?", "Explain quantum computers"
# Measured: the default model, 53aa51172d14-int8.
SIMILARITY = 0.8252


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(EmbeddingConfig())


@pytest.mark.parametrize(
    ("threshold", "found"), [(0.85, False), (SIMILARITY - 0.001, True), (SIMILARITY + 0.001, False)]
)
async def test_the_guides_example(embedder: OnnxEmbedder, threshold: float, found: bool) -> None:
    config = SemanticCacheConfig(
        enabled=True, backend_type="hybrid", similarity_threshold=threshold, ttl_seconds=3600,
        max_memory_entries=100_000, hnsw_m=16, hnsw_ef_construction=200,
        backend_config_path="config/semantic-cache/milvus.yaml", local_cache_size=1000,
    )  # fmt: skip
    registry = CollectorRegistry()
    cache = HybridBackend("hybrid", config, embedder, StoreInMemory(), CacheMetrics("hybrid", registry))
    cache.start()
    await cache.synchronised()
    request, response = b'{"prompt": "What is quantum computing?"}', b'{"response": "Quantum computing is..."}'
    await cache.add_entry("request-id-123", "gpt-4", STORED, request, response)
    hit = await cache.find_similar("gpt-4", ASKED)
    assert (hit is not None) == found
    if hit is not None:
        assert hit.response == response
        assert hit.similarity == pytest.approx(SIMILARITY, abs=1e-4)
    assert await cache.find_similar("gpt-3.5", STORED) is None
    stats = cache.get_stats()
    assert (stats.total_entries, stats.hit_count, stats.miss_count) == (1, int(found), 2 - int(found))
    assert stats.hit_ratio == stats.hit_count / 2

    def metric(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"backend": "hybrid", **labels})

    assert metric("semantic_cache_entries") == 1
    assert metric("semantic_cache_hit_ratio") == stats.hit_ratio
    counts = {
        status: metric("semantic_cache_operations_total", operation="find_similar", status=status)
        for status in ("hit_local", "hit_milvus", "miss")
    }
    assert counts == {"hit_local": int(found), "hit_milvus": 0, "miss": 2 - int(found)}
    await cache.close()
