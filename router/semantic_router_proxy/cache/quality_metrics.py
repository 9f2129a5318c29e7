"""How right the cache's answers are: what the verifier said, what shadow hits were worth, what callers reported."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from semantic_router_proxy.cache.verify import Outcome

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COSINES = (0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0)


class QualityMetrics:
    """Decisions are names out of the configuration, `none` where no decision routed the question."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._same = 0
        self._different = 0
        self._verifications = Counter(
            "semantic_cache_verifications", "Like questions put to the verifier.", ["outcome"], registry=registry
        )
        self._seconds = Histogram(
            "semantic_cache_verification_seconds", "Time to a verdict.", buckets=_SECONDS, registry=registry
        )
        self._shadow = Counter(
            "semantic_cache_shadow_hits", "Semantic hits that were not served.", ["decision"], registry=registry
        )
        self._compared = Counter(
            "semantic_cache_shadow_comparisons",
            "Shadow hits compared with a fresh answer; `different` is a false hit.",
            ["decision", "outcome"],
            registry=registry,
        )
        self._agreement = Histogram(
            "semantic_cache_shadow_agreement",
            "Cosine of a cached answer and the fresh one.",
            buckets=_COSINES,
            registry=registry,
        )
        self._false = Gauge(
            "semantic_cache_false_hit_ratio",
            "False hits among those compared since the start, 0 to 1.",
            registry=registry,
        )
        self._feedback = Counter(
            "semantic_cache_feedback", "Reports of wrong answers by result.", ["result"], registry=registry
        )
        self._failures = Counter(
            "semantic_cache_failures",
            "Calls of the backend that raised, which none should: each was a miss.",
            ["operation"],
            registry=registry,
        )
        for outcome in Outcome:
            self._verifications.labels(outcome)
        for result in ("deleted", "unknown", "unavailable"):
            self._feedback.labels(result)

    def verified(self, outcome: Outcome, seconds: float) -> None:
        self._verifications.labels(outcome).inc()
        self._seconds.observe(seconds)

    def shadow_hit(self, decision: str) -> None:
        self._shadow.labels(decision or "none").inc()

    def compared(self, decision: str, agreement: float, *, same: bool) -> None:
        self._same += same
        self._different += not same
        self._compared.labels(decision or "none", "same" if same else "different").inc()
        self._agreement.observe(agreement)
        self._false.set(self._different / (self._same + self._different))

    def not_compared(self, decision: str) -> None:
        """Count a comparison that failed: no words to compare, or no vectors."""
        self._compared.labels(decision or "none", "failed").inc()

    def feedback(self, result: str) -> None:
        self._feedback.labels(result).inc()

    def failed(self, operation: str) -> None:
        self._failures.labels(operation).inc()
