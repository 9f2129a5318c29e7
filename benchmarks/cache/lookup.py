"""What a lookup costs by the number of entries, beside brute force in numpy and GPTCache, in one run.

Vectors are drawn around a few thousand centres, as questions about like things lie together; a lookup asks with a
vector near a stored one, as a question in other words does. Times are medians in one thread, without embedding.
"""

import asyncio
import os
import resource
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from benchmarks.cache import peer
from benchmarks.cache.report import Report, table
from fow_cache.data import load_questions
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity, Vectors
from semantic_router_proxy.embedding.factory import make_embedder

DIMENSION = 384
SIZES = (1_000, 10_000, 100_000)
QUERIES = 500
_NAMED = {
    "rebuild_100k_s": "semantic_100k_build_s",
    "numpy_100k_p50_ms": "semantic_100k_numpy_p50_ms",
    "gptcache_100k_p50_ms": "semantic_100k_gptcache_p50_ms",
    "gptcache_100k_recall_at_1": "semantic_100k_gptcache_recall_at_1",
}
ANSWER = b'{"choices": [{"message": {"content": "' + b"An answer of ordinary length. " * 30 + b'"}}]}'


class _GivenVectors:
    """Vectors come with the calls; nothing is embedded."""

    identity = EmbedderIdentity("given", "1", DIMENSION)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise NotImplementedError(texts)

    async def close(self) -> None:
        return None


def measure() -> Report:
    return asyncio.run(_measure())


async def _measure() -> Report:
    # First: the benchmark's own data would compete with the model for the processor's caches.
    figures: dict[str, float] = {"embed_p50_ms": await _embedding()}
    shown = table(
        "Lookup, median", "entries", "index ms", "whole ms", "recall@1", "numpy ms", "GPTCache ms", "built in s"
    )
    for size in _sizes():
        row = await _one_size(size)
        name = f"{size // 1000}k"
        figures |= {f"semantic_{name}_{key}": value for key, value in row.items()}
        shown.add_row(
            f"{size:,}",
            *(
                f"{row[key]:.3f}"
                for key in ("index_p50_ms", "p50_ms", "recall_at_1", "numpy_p50_ms", "gptcache_p50_ms")
            ),
            f"{row['build_s']:.1f}",
        )
    figures["recall_at_1"] = min(value for key, value in figures.items() if key.endswith("k_recall_at_1"))
    for key, source in _NAMED.items():
        if source in figures:
            figures[key] = figures[source]
    figures["exact_p50_us"] = await _exact()
    figures["entry_bytes"] = await _entry_bytes()
    figures["rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    single = table("Single figures", "what", "value")
    for key in ("exact_p50_us", "embed_p50_ms", "entry_bytes", "rss_mb"):
        single.add_row(key, f"{figures[key]:.1f}")
    return Report({key: round(value, 4) for key, value in figures.items()}, (shown, single))


def _sizes() -> tuple[int, ...]:
    """Return the numbers of entries: the usual ones, or those of BENCH_CACHE_SIZES (a million needs 8 GB)."""
    asked = os.environ.get("BENCH_CACHE_SIZES", "")
    return tuple(int(size) for size in asked.split(",")) if asked else SIZES


async def _one_size(size: int) -> dict[str, float]:
    stored, asked = _vectors(size)
    nearest = np.argmax(stored @ asked.T, axis=0)
    config = SemanticCacheConfig(max_entries=size, similarity_threshold=0.8)
    backend = MemoryBackend(config, _GivenVectors(), CacheMetrics("memory", CollectorRegistry()))
    begin, processor = time.perf_counter(), time.process_time()
    for number, vector in enumerate(stored):
        await backend.add_entry("", "m", _question(number), b"{}", ANSWER, partition="p", embedding=vector)
    await backend._view.settled()
    built, processor = time.perf_counter() - begin, time.process_time() - processor
    view = backend._view
    found = [view.search("p", vector, 10)[0].header.query for vector in asked]
    right = [text == _question(int(number)) for text, number in zip(found, nearest, strict=True)]
    index_ms = _median(lambda number: view.search("p", asked[number], 10)) * 1000
    numpy_ms = _median(lambda number: int(np.argmax(stored @ asked[number]))) * 1000
    hits = 0

    async def look_up(number: int) -> None:
        nonlocal hits
        hit = await backend.find_similar("m", _question(int(nearest[number])), partition="p", embedding=asked[number])
        hits += hit is not None

    whole_ms = await _median_async(look_up) * 1000
    await backend.close()
    if hits == 0:
        raise RuntimeError("no lookup was a hit: the benchmark measures nothing")
    theirs = peer.look_up(stored, asked, nearest)
    return {
        "index_p50_ms": index_ms,
        "p50_ms": whole_ms,
        "recall_at_1": float(np.mean(right)),
        "numpy_p50_ms": numpy_ms,
        "build_s": built,
        "build_cpu_s": processor,
        "gptcache_p50_ms": theirs["p50_ms"],
        "gptcache_recall_at_1": theirs["recall_at_1"],
    }


async def _exact() -> float:
    """An exact hit inside the process: policy, key, look-up. Microseconds."""
    config = SemanticCacheConfig(max_entries=10_000)
    backend = MemoryBackend(config, _GivenVectors(), CacheMetrics("memory", CollectorRegistry()))
    cache = SemanticCache(backend, config, "given@1/384", "epoch", time.time)

    def body(number: int) -> dict[str, Any]:
        return {
            "model": "auto",
            "messages": [
                {"role": "system", "content": "You are the help desk of an energy company. Be brief. " * 15},
                {"role": "user", "content": _question(number)},
            ],
            "temperature": 0.7,
        }

    for number in range(QUERIES):
        prepared = cache.prepare("chat.completions", body(number), "scope", {})
        await cache.store(prepared, "small", None, ANSWER)

    async def look_up(number: int) -> None:
        hit = await cache.find_exact(cache.prepare("chat.completions", body(number), "scope", {}))
        if hit is None:
            raise RuntimeError("an exact repeat was no hit: the benchmark measures nothing")

    return await _median_async(look_up) * 1e6


async def _entry_bytes() -> float:
    """Memory of one entry with its vector, question and answer (Python's own allocations and the vectors')."""
    count = 4000
    stored, _ = _vectors(count)
    tracemalloc.start()
    config = SemanticCacheConfig(max_entries=count)
    backend = MemoryBackend(config, _GivenVectors(), CacheMetrics("memory", CollectorRegistry()))
    for number, vector in enumerate(stored):
        answer = b'{"id": %d, ' % number + ANSWER[1:]
        await backend.add_entry("", "m", _question(number), b"{}", answer, partition="p", embedding=vector)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await backend.close()
    return size / count


async def _embedding() -> float:
    """Return the median over the questions of fow-cache, half of which have at most 8 tokens."""
    embedder = await make_embedder(EmbeddingConfig())
    questions = [str(row["a"]) for row in load_questions()]

    async def embed(number: int) -> None:
        await embedder.embed([questions[number]])

    milliseconds = await _median_async(embed, times=len(questions)) * 1000
    await embedder.close()
    return milliseconds


def _question(number: int) -> str:
    return f"How do I configure the setting called option {number} of the product?"


def _vectors(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return stored and asked unit vectors; the cosine of a question and its nearest is about 0.9."""
    random = np.random.default_rng(7)
    centres = random.normal(size=(max(50, size // 20), DIMENSION))
    stored = centres[random.integers(0, len(centres), size)] + 0.7 * random.normal(size=(size, DIMENSION))
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    chosen = random.integers(0, size, QUERIES)
    asked = stored[chosen] + random.normal(size=(QUERIES, DIMENSION)) * (0.45 / np.sqrt(DIMENSION))
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return stored.astype(np.float32), asked.astype(np.float32)


def _median(call: Callable[[int], object]) -> float:
    taken = []
    for number in range(QUERIES):
        begin = time.perf_counter()
        call(number)
        taken.append(time.perf_counter() - begin)
    return median(taken)


async def _median_async(call: Callable[[int], Awaitable[None]], times: int = QUERIES) -> float:
    taken = []
    for number in range(times):
        begin = time.perf_counter()
        await call(number)
        taken.append(time.perf_counter() - begin)
    return median(taken)
