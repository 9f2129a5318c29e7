"""What the router tells about itself: metrics, one log line a request, and the recent requests for the dashboard."""

import time
from collections import deque
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from semantic_router_proxy.cache.match import Match
from semantic_router_proxy.config.server import TracingConfig
from semantic_router_proxy.server.timeline import Timeline
from semantic_router_proxy.server.tracing import Attributes, Span, Tracer

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_MONEY = (0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)
_RECENT = 1000

_log = structlog.get_logger("semantic_router.requests")


@dataclass(slots=True)
class RequestRecord:
    """One request from its first byte to its last. `question` is kept in memory for the dashboard, never logged."""

    request_id: str
    endpoint: str
    begun: float = field(default_factory=time.perf_counter)
    at: float = field(default_factory=time.time)
    status: int = 0
    cache: str = ""
    cache_reason: str = ""
    tier: str = ""
    similarity: float = 0.0
    nearest: float = 0.0
    objections: tuple[str, ...] = ()
    model: str = ""
    decision: str = ""
    reason: str = ""
    question: str = ""
    stream: bool = False
    coalesced: bool = False
    milliseconds: float = 0.0
    span: Span | None = None

    def saw(self, match: Match) -> None:
        """Remember what a semantic lookup met: the nearest question, and the guard's rules that objected."""
        self.nearest = match.nearest.similarity if match.nearest is not None else 0.0
        self.objections = match.rejections


class Observer:
    """Collects records. Label sets are few: endpoints, statuses, verdicts, and names out of the configuration."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        log_requests: bool = True,
        tracing: TracingConfig = TracingConfig(),  # noqa: B008 - immutable
    ) -> None:
        self.registry = registry
        self.tracer = Tracer(tracing, registry)
        self.recent: deque[RequestRecord] = deque(maxlen=_RECENT)
        self.timeline = Timeline()
        self._log_requests = log_requests
        self._requests = Counter(
            "semantic_router_requests",
            "Requests by outcome.",
            ["endpoint", "status", "cache"],
            registry=registry,
        )
        self._seconds = Histogram(
            "semantic_router_request_seconds",
            "Time from a request's arrival to the last byte of its answer.",
            ["endpoint", "cache"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.running = Gauge("semantic_router_requests_running", "Requests being answered.", registry=registry)
        self._decisions = Counter(
            "semantic_router_decisions", "Routed requests.", ["decision", "model"], registry=registry
        )
        self._attempts = Counter(
            "semantic_router_upstream_attempts",
            "Calls to providers; the outcome is a status, timeout or unreachable.",
            ["model", "outcome"],
            registry=registry,
        )
        self._first_byte = Histogram(
            "semantic_router_upstream_first_byte_seconds",
            "Time to the first byte of a provider's answer.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._embedding = Histogram(
            "semantic_router_embedding_seconds", "Time to embed a question.", buckets=_SECONDS, registry=registry
        )
        self._tokens = Counter(
            "semantic_router_tokens",
            "Tokens by origin: prompt and completion were paid for, saved came from the cache.",
            ["model", "kind"],
            registry=registry,
        )
        self._cost = Counter(
            "semantic_router_cost",
            "Money by the models' prices: spent on answers, and saved by answers from the cache.",
            ["model", "kind", "currency"],
            registry=registry,
        )
        self._answer_cost = Histogram(
            "semantic_router_answer_cost",
            "Money that one answer cost by the model's prices.",
            ["model", "currency"],
            buckets=_MONEY,
            registry=registry,
        )
        self._failures = Counter(
            "semantic_router_stage_failures",
            "Stages that failed without failing a request.",
            ["stage"],
            registry=registry,
        )
        self._children: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def finished(self, record: RequestRecord) -> None:
        record.milliseconds = (time.perf_counter() - record.begun) * 1000
        key = (record.endpoint, str(record.status), record.cache or "none")
        children = self._children.get(key)
        if children is None:
            children = (self._requests.labels(*key), self._seconds.labels(key[0], key[2]))
            self._children[key] = children
        children[0].inc()
        children[1].observe(record.milliseconds / 1000)
        self.recent.append(record)
        outcome = record.tier if record.cache == "hit" else record.cache or "other"
        self.timeline.add(record.at, "error" if record.status >= 400 else outcome)
        if record.span is not None:
            _end_span(record.span, record)
        if self._log_requests:
            _log.info(
                "request",
                request_id=record.request_id,
                endpoint=record.endpoint,
                status=record.status,
                milliseconds=round(record.milliseconds, 2),
                cache=record.cache,
                cache_reason=record.cache_reason,
                tier=record.tier,
                model=record.model,
                decision=record.decision,
                stream=record.stream,
                **({"trace_id": record.span.trace_id} if record.span is not None else {}),
            )

    def decided(self, decision: str, model: str) -> None:
        self._decisions.labels(decision or "none", model).inc()

    def attempted(self, model: str, outcome: str) -> None:
        self._attempts.labels(model, outcome).inc()

    def first_byte(self, model: str, seconds: float) -> None:
        self._first_byte.labels(model).observe(seconds)

    def embedded(self, seconds: float) -> None:
        self._embedding.observe(seconds)

    def tokens(self, model: str, kind: str, count: int) -> None:
        if count:
            self._tokens.labels(model, kind).inc(count)

    def money(self, model: str, kind: str, amount: float, currency: str) -> None:
        self._cost.labels(model, kind, currency).inc(amount)
        if kind == "spent":
            self._answer_cost.labels(model, currency).observe(amount)

    def stage_failed(self, stage: str) -> None:
        self._failures.labels(stage).inc()


def _end_span(span: Span, record: RequestRecord) -> None:
    told: Attributes = {
        "http.request.method": "POST",
        "url.path": f"/v1/{record.endpoint}",
        "http.response.status_code": record.status,
        "gen_ai.request.model": record.model,
        "semantic_router.request_id": record.request_id,
        "semantic_router.cache": record.cache,
        "semantic_router.cache.tier": record.tier,
        "semantic_router.cache.reason": record.cache_reason,
        "semantic_router.decision": record.decision,
        "semantic_router.stream": record.stream,
        "semantic_router.coalesced": record.coalesced,
    }
    span.attributes |= {key: value for key, value in told.items() if value != ""}
    if record.tier == "semantic":
        span.attributes["semantic_router.cache.similarity"] = float(record.similarity)
    span.failed = record.status >= 500
    span.end()
