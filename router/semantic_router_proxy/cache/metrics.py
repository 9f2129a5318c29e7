"""The cache's metrics under the seeds' names, and what lies beneath them."""

from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from semantic_router_proxy.cache.entry import CacheStats
from semantic_router_proxy.cache.match import Match

_LATENCY_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_SIMILARITY_BUCKETS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.825, 0.85, 0.875, 0.9, 0.925, 0.95, 0.975, 0.99, 1.0)

_BUILD_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class CacheMetrics:
    """Counters of one backend, and the numbers behind GetStats."""

    def __init__(self, backend: str, registry: CollectorRegistry) -> None:
        self.backend = backend
        self.hits = 0
        self.misses = 0
        self._entries = Gauge("semantic_cache_entries", "Entries in memory.", ["backend"], registry=registry).labels(
            backend
        )
        operations = Counter(
            "semantic_cache_operations", "Calls by outcome.", ["backend", "operation", "status"], registry=registry
        )
        ratio = Gauge("semantic_cache_hit_ratio", "Hits among lookups, 0 to 1.", ["backend"], registry=registry)
        self._ratio = ratio.labels(backend)
        seconds = Histogram(
            "semantic_cache_operation_seconds",
            "Time of one call.",
            ["backend", "operation"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self._similarity = Histogram(
            "semantic_cache_nearest_similarity",
            "Cosine of the nearest question of each lookup.",
            ["backend"],
            buckets=_SIMILARITY_BUCKETS,
            registry=registry,
        ).labels(backend)
        self._built = Histogram(
            "semantic_cache_index_build_seconds",
            "Time in which a partition's index in memory was made anew.",
            ["backend"],
            buckets=_BUILD_BUCKETS,
            registry=registry,
        ).labels(backend)
        self._rejections = Counter(
            "semantic_cache_guard_rejections", "Like questions that the guard refused.", ["rule"], registry=registry
        )
        self._breaker = Gauge(
            "semantic_cache_store_available", "1 while the store is asked, 0 while it is left alone.", registry=registry
        )
        self._pending = Gauge(
            "semantic_cache_pending_writes", "Entries that wait for the store.", ["backend"], registry=registry
        ).labels(backend)
        # A metric is looked up by its labels once: that costs more than counting with it.
        self._counted = cache(partial(operations.labels, backend))
        self._timed = cache(partial(seconds.labels, backend))
        self._entries.set(0)
        self._ratio.set(0)
        self._breaker.set(1)
        for status in ("hit_local", "hit_milvus", "miss"):
            self._counted("find_similar", status)

    def count(self, operation: str, status: str) -> None:
        self._counted(operation, status).inc()

    def time(self, operation: str, seconds: float) -> None:
        self._timed(operation).observe(seconds)

    def index_built(self, seconds: float) -> None:
        self._built.observe(seconds)

    def match(self, match: Match) -> None:
        """Record how near the nearest question was, and which rules of the guard objected."""
        if match.nearest is not None:
            self._similarity.observe(max(0.0, match.nearest.similarity))
        for rule in match.rejections:
            self._rejections.labels(rule).inc()

    def entries(self, count: int) -> None:
        self._entries.set(count)

    def pending(self, count: int) -> None:
        self._pending.set(count)

    def store_available(self, available: bool) -> None:
        self._breaker.set(1 if available else 0)

    def request(self, *, hit: bool) -> None:
        """Count one request that could be answered from the cache, however many tiers it asked."""
        if hit:
            self.hits += 1
        else:
            self.misses += 1
        self._ratio.set(self.hit_ratio)

    @property
    def hit_ratio(self) -> float:
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else 0.0

    def stats(self, total_entries: int, store_problem: str = "") -> CacheStats:
        return CacheStats(self.backend, total_entries, self.hits, self.misses, self.hit_ratio, store_problem)
