"""Backend memory: seed 001's calls, limits, lives, and what a lookup never does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from tests.unit.cache.conftest import DIMENSION, WordEmbedder

from semantic_router_proxy.cache.entry import CacheHit, Selection
from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.config.cache import GuardConfig, SemanticCacheConfig
from semantic_router_proxy.config.embedding import DEFAULT_MODEL
from semantic_router_proxy.embedding.base import EmbedderIdentity


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _backend(embedder: WordEmbedder, clock: Clock | None = None, **settings: Any) -> MemoryBackend:
    config = SemanticCacheConfig(**{"similarity_threshold": 0.8, **settings})
    metrics = CacheMetrics("memory", CollectorRegistry())
    return MemoryBackend(config, embedder, metrics, clock or Clock())


async def _add(cache: MemoryBackend, query: str, answer: bytes = b"{}", **more: Any) -> str | None:
    return await cache.add_entry("request-1", "gpt-4", query, b"{}", answer, **more)


async def test_an_entry_is_found_by_model_and_query(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    await _add(cache, "What is quantum computing?", b'{"a": 1}')
    hit = await cache.find_similar("gpt-4", "what is quantum computing?")
    assert hit is not None
    assert (hit.response, hit.tier, hit.source) == (b'{"a": 1}', "semantic", "local")
    assert hit.similarity == pytest.approx(1.0)
    assert await cache.find_similar("gpt-5", "What is quantum computing?") is None
    stats = cache.get_stats()
    assert (stats.total_entries, stats.hit_count, stats.miss_count, stats.hit_ratio) == (1, 1, 1, 0.5)


async def test_partitions_do_not_see_each_other(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    await _add(cache, "What is quantum computing?", partition="a")
    assert await cache.find_similar("gpt-4", "What is quantum computing?", partition="b") is None
    assert await cache.find_similar("gpt-4", "What is quantum computing?") is None
    assert await cache.find_similar("gpt-4", "What is quantum computing?", partition="a") is not None


async def test_the_guard_stands_behind_similarity(embedder: WordEmbedder) -> None:
    question, trap = "What happened in the long year 2023?", "What happened in the long year 2024?"
    guarded, open_ = _backend(embedder), _backend(embedder, guard=GuardConfig(enabled=False))
    for cache in (guarded, open_):
        await _add(cache, question)
    assert await guarded.find_similar("gpt-4", trap, threshold=0.0) is None
    assert await open_.find_similar("gpt-4", trap, threshold=0.0) is not None


@pytest.mark.parametrize(("model", "served"), [(DEFAULT_MODEL, True), ("words", False)])
async def test_other_words_are_taken_for_the_same_only_with_the_model_that_it_was_measured_for(
    embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch, model: str, served: bool
) -> None:
    monkeypatch.setattr(embedder, "identity", EmbedderIdentity(model, "1", DIMENSION), raising=False)
    cache = _backend(embedder)
    question, other = "How do I exit vim?", "How can I quit vim?"
    vector = embedder.vector(question)
    await _add(cache, question, embedding=vector)
    assert (await cache.find_similar("gpt-4", other, embedding=vector) is not None) == served


async def test_a_given_threshold_stands_in_place_of_the_configured_one(embedder: WordEmbedder) -> None:
    cache = _backend(embedder, similarity_threshold=0.99)
    await _add(cache, "how do i sort a list please")
    assert await cache.find_similar("gpt-4", "how can i sort a list please") is None
    assert await cache.find_similar("gpt-4", "how can i sort a list please", threshold=0.5) is not None
    assert await cache.find_similar("gpt-4", "how can i sort a list please", threshold=0.999) is None


async def test_a_hit_that_is_not_accepted_is_a_miss(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    await _add(cache, "What is quantum computing?")
    offered = []

    async def refuse(hit: CacheHit) -> bool:
        offered.append(hit.similarity)
        return False

    assert await cache.find_similar("gpt-4", "What is quantum computing?", accept=refuse) is None
    assert offered == [pytest.approx(1.0)]
    stats = cache.get_stats()
    assert (stats.hit_count, stats.miss_count) == (0, 1)


async def test_a_new_threshold_and_guard_hold_at_once(embedder: WordEmbedder) -> None:
    cache = _backend(embedder, similarity_threshold=0.99)
    await _add(cache, "how do i sort a list please")
    assert await cache.find_similar("gpt-4", "how can i sort a list please") is None
    cache.reconfigure(SemanticCacheConfig(similarity_threshold=0.5))
    assert await cache.find_similar("gpt-4", "how can i sort a list please") is not None


async def test_an_expired_entry_is_never_served(embedder: WordEmbedder) -> None:
    clock = Clock()
    cache = _backend(embedder, clock, ttl_seconds=60)
    entry = await _add(cache, "What is quantum computing?", exact_key="k")
    clock.now += 59.9
    assert await cache.find_exact("k") is not None
    clock.now += 0.1
    assert await cache.find_exact("k") is None
    assert await cache.find_similar("gpt-4", "What is quantum computing?") is None
    assert entry is not None
    assert await cache.get(entry) is None


async def test_a_life_can_only_be_shortened(embedder: WordEmbedder) -> None:
    clock = Clock()
    cache = _backend(embedder, clock, ttl_seconds=60)
    await _add(cache, "one two three", exact_key="short", ttl_seconds=10)
    await _add(cache, "four five six", exact_key="long", ttl_seconds=3600)
    assert await _add(cache, "seven eight nine", exact_key="none", ttl_seconds=0) is None
    clock.now += 30
    assert await cache.find_exact("short") is None
    assert await cache.find_exact("long") is not None
    clock.now += 30
    assert await cache.find_exact("long") is None
    assert await cache.find_exact("none") is None


async def test_the_oldest_leaves_when_there_is_no_room(embedder: WordEmbedder) -> None:
    cache = _backend(embedder, max_entries=3)
    for number in range(5):
        await _add(cache, f"question number {number}", exact_key=str(number))
    assert [await cache.find_exact(str(number)) is not None for number in range(5)] == [False, False, True, True, True]
    assert cache.get_stats().total_entries == 3


async def test_a_repeated_request_replaces_its_entry(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    await _add(cache, "What is quantum computing?", b'{"old": 1}', exact_key="k")
    await _add(cache, "What is quantum computing?", b'{"new": 1}', exact_key="k")
    hit = await cache.find_exact("k")
    assert hit is not None
    assert hit.response == b'{"new": 1}'
    assert cache.get_stats().total_entries == 1


async def test_an_exact_only_entry_is_found_by_its_key_alone(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    await _add(cache, "What is quantum computing?", exact_key="k", semantic=False)
    assert await cache.find_exact("k") is not None
    assert await cache.find_similar("gpt-4", "What is quantum computing?") is None


async def test_an_answer_that_is_too_large_is_not_stored(embedder: WordEmbedder) -> None:
    cache = _backend(embedder, max_response_bytes=10)
    assert await _add(cache, "What is quantum computing?", b"x" * 11) is None
    assert cache.get_stats().total_entries == 0


@pytest.mark.parametrize("answer", [b"", b"{", b'{"a": }', b"{not json}", b"words", b"7", b'{"a": "\xff"}'])
async def test_an_answer_that_is_no_json_document_is_neither_stored_nor_restored(
    embedder: WordEmbedder, answer: bytes
) -> None:
    cache = _backend(embedder)
    assert await _add(cache, "What is quantum computing?", answer, exact_key="k") is None
    await _add(cache, "What is quantum computing?", b"{}", exact_key="k")
    (whole,) = (await cache.read_entries("", 10)).entries
    assert await cache.restore([replace(whole, response=answer)]) == 0
    hit = await cache.find_exact("k")
    assert hit is not None
    assert hit.response == b"{}"


@pytest.mark.parametrize(
    "vector",
    [np.ones(DIMENSION - 1), np.zeros(DIMENSION), np.full(DIMENSION, np.nan), np.full((1, DIMENSION), 1.0)],
    ids=["short", "zero", "nan", "matrix"],
)
async def test_a_wrong_vector_is_refused_and_not_stored(embedder: WordEmbedder, vector: np.ndarray) -> None:
    cache = _backend(embedder)
    with pytest.raises(ValueError, match="the vector"):
        await _add(cache, "What is it about?", embedding=vector)
    with pytest.raises(ValueError, match="the vector"):
        await cache.find_similar("gpt-4", "What is it about?", embedding=vector)
    assert cache.get_stats().total_entries == 0


async def test_vectors_are_normalised(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    long = 7 * WordEmbedder.vector("what is quantum computing?")
    await _add(cache, "What is quantum computing?", embedding=long)
    hit = await cache.find_similar("gpt-4", "What is quantum computing?", embedding=long)
    assert hit is not None
    assert hit.similarity == pytest.approx(1.0, abs=1e-5)


async def test_entries_are_deleted_one_by_one_and_by_scope_and_model(embedder: WordEmbedder) -> None:
    cache = _backend(embedder)
    first = await _add(cache, "one two three", exact_key="1", scope="a")
    await _add(cache, "four five six", exact_key="2", scope="a")
    await _add(cache, "seven eight nine", exact_key="3", scope="b")
    assert first is not None
    assert await cache.delete(first)
    assert not await cache.delete(first)
    assert await cache.invalidate(Selection(scope="a")) == 1
    assert await cache.find_exact("3") is not None
    assert await cache.invalidate(Selection(model="other")) == 0
    assert await cache.invalidate() == 1
    assert cache.get_stats().total_entries == 0
