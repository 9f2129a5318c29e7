"""OpenTelemetry spans without its SDK: W3C trace context in and out, OTLP/HTTP in JSON to a collector.

Sources: W3C Trace Context (traceparent), OTLP 1.x (its JSON mapping writes ids in hexadecimal), and OpenTelemetry's
semantic conventions for HTTP and for generative AI. Texts of questions and answers are never part of a span.
"""

import asyncio
import contextlib
import os
import random
import re
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter

from semantic_router_proxy.config.server import TracingConfig
from semantic_router_proxy.version import __version__

_log = structlog.get_logger("semantic_router.tracing")

INTERNAL, SERVER, CLIENT = 1, 2, 3
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_HEADERS_VARIABLE = "OTEL_EXPORTER_OTLP_HEADERS"
_MOST_WAITING = 4096
_MOST_AT_ONCE = 512
_EXPORT_SECONDS = 2.0
_STATUS_ERROR = 2

Attributes = dict[str, str | int | float | bool]


class Span:
    """A piece of work with a beginning, an end and attributes."""

    def __init__(self, tracer: "Tracer", name: str, kind: int, trace_id: str, parent_id: str) -> None:
        self.trace_id = trace_id
        self.span_id = secrets.token_hex(8)
        self.attributes: Attributes = {}
        self.failed = False
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._parent_id = parent_id
        self._begun = time.time_ns()

    @property
    def traceparent(self) -> str:
        """The header that makes another service's spans children of this one."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    @contextlib.contextmanager
    def child(self, name: str, kind: int = INTERNAL) -> Iterator["Span"]:
        span = Span(self._tracer, name, kind, self.trace_id, self.span_id)
        try:
            yield span
        except BaseException:
            span.failed = True
            raise
        finally:
            span.end()

    def end(self) -> None:
        told: dict[str, Any] = {
            "traceId": self.trace_id,
            "spanId": self.span_id,
            "name": self._name,
            "kind": self._kind,
            "startTimeUnixNano": str(self._begun),
            "endTimeUnixNano": str(time.time_ns()),
            "attributes": [{"key": key, "value": _value(value)} for key, value in self.attributes.items()],
        }
        if self._parent_id:
            told["parentSpanId"] = self._parent_id
        if self.failed:
            told["status"] = {"code": _STATUS_ERROR}
        self._tracer.keep(told)


class Tracer:
    """Begins spans and sends those that have ended. What a collector does not take in time is dropped and counted."""

    def __init__(self, config: TracingConfig, registry: CollectorRegistry) -> None:
        self._config = config
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_WAITING)
        self._failing = False
        self._counter = Counter(
            "semantic_router_spans", "Spans by what became of them.", ["outcome"], registry=registry
        )

    def begin(self, headers: Mapping[str, str], name: str) -> Span | None:
        """Begin the span of a request; None where it is not to be traced. The caller's decision to sample stands."""
        if self._config.endpoint is None:
            return None
        found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        if found is not None and found[1].strip("0") and found[2].strip("0"):
            return Span(self, name, SERVER, found[1], found[2]) if int(found[3], 16) & 1 else None
        if random.random() >= self._config.sample_ratio:  # noqa: S311 - a share, not a secret
            return None
        return Span(self, name, SERVER, secrets.token_hex(16), "")

    def keep(self, span: dict[str, Any]) -> None:
        if len(self._waiting) == _MOST_WAITING:
            self._counter.labels("dropped").inc()
        self._waiting.append(span)

    async def run(self) -> None:
        """Send what has ended, again and again, for ever; at the end once more."""
        if self._config.endpoint is None:
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            try:
                while True:
                    await asyncio.sleep(_EXPORT_SECONDS)
                    await self._send(session)
            except asyncio.CancelledError:
                await self._send(session)
                raise

    async def _send(self, session: aiohttp.ClientSession) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_MOST_AT_ONCE, len(self._waiting)))]
            try:
                async with session.post(
                    f"{self._config.endpoint}/v1/traces",
                    data=orjson.dumps(self._document(batch)),
                    headers={"content-type": "application/json", **_extra_headers()},
                    allow_redirects=False,
                ) as response:
                    problem = "" if response.status < 300 else f"it answered {response.status}"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                problem = type(error).__name__
            self._counter.labels("failed" if problem else "sent").inc(len(batch))
            if problem and not self._failing:
                _log.warning("traces_not_taken", endpoint=self._config.endpoint, reason=problem)
            self._failing = bool(problem)
            if problem:
                return

    def _document(self, spans: list[dict[str, Any]]) -> dict[str, Any]:
        resource = {"service.name": self._config.service_name, "service.version": __version__}
        attributes = [{"key": key, "value": _value(value)} for key, value in resource.items()]
        scope = {"name": "semantic-router", "version": __version__}
        return {
            "resourceSpans": [
                {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": scope, "spans": spans}]}
            ]
        }


def child(parent: Span | None, name: str, kind: int = INTERNAL) -> contextlib.AbstractContextManager[Span | None]:
    """Return a child of a span that may not be there."""
    return contextlib.nullcontext() if parent is None else parent.child(name, kind)


def _value(value: str | float) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _extra_headers() -> dict[str, str]:
    """Return the headers that the environment adds, in OpenTelemetry's form: a=1,b=2."""
    pairs = (pair.partition("=") for pair in os.environ.get(_HEADERS_VARIABLE, "").split(","))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
