"""The dashboard's numbers, taken from the metrics and the recent requests."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from prometheus_client import CollectorRegistry

from semantic_router_proxy.server import timeline
from semantic_router_proxy.server.engine import Engine
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.version import __version__

_SHOWN = 60
_TIERS = ("exact", "semantic")
_STARTED = time.time()

Samples = dict[str, list[tuple[dict[str, str], float]]]


def state(health: Health, *, with_questions: bool) -> dict[str, Any]:
    """Return everything that the dashboard shows. Questions are shown to those only who may see them."""
    status, ready = health.ready()
    gateway = health.gateway
    told: dict[str, Any] = {
        "ready": status == 200,
        **ready,
        "version": __version__,
        "up_seconds": time.time() - _STARTED,
    }
    if gateway is None:
        return told
    numbers = _samples(gateway.observer.registry)
    recent = list(gateway.observer.recent)
    told |= {
        "running": sum(value for _, value in numbers.get("semantic_router_requests_running", [])),
        "requests": _by(numbers, "semantic_router_requests_total", "cache"),
        "statuses": _by(numbers, "semantic_router_requests_total", "status"),
        "timeline": {"seconds": timeline.SECONDS, "buckets": gateway.observer.timeline.series(time.time())},
        "decisions": _by(numbers, "semantic_router_decisions_total", "decision"),
        "tokens": _by(numbers, "semantic_router_tokens_total", "kind"),
        "money": _money(numbers),
        "models": _models(numbers, list(gateway.engine.targets)),
        "latency": _latency(recent),
        "providers": _providers(gateway.engine),
        "cache": _cache(gateway),
        "recent": [_shown(record, with_questions=with_questions) for record in reversed(recent[-_SHOWN:])],
        "questions_shown": with_questions,
        "callers": gateway.engine.access.names() if with_questions and gateway.engine.access is not None else [],
    }
    return told


def _providers(engine: Engine) -> list[dict[str, Any]]:
    now = time.monotonic()
    return [
        {
            "provider": provider.name,
            "endpoint": endpoint.base_url,
            "running": endpoint.running,
            "breaker": endpoint.breaker.state(now),
            "healthy": provider.healthy(endpoint) if provider.config.health_check is not None else None,
        }
        for provider in engine.providers.values()
        for endpoint in provider.endpoints
    ]


def _cache(gateway: Gateway) -> dict[str, Any] | None:
    if gateway.cache is None:
        return None
    config = gateway.engine.config.semantic_cache
    return {
        **asdict(gateway.cache.get_stats()),
        "similarity_threshold": config.similarity_threshold,
        "ttl_seconds": config.ttl_seconds,
        "scope": config.scope,
    }


def _latency(recent: list[RequestRecord]) -> dict[str, dict[str, float] | None]:
    """Return milliseconds of the recent requests, by how they were answered."""
    good = [record for record in recent if record.status < 400]
    hits = {tier: [r.milliseconds for r in good if r.cache == "hit" and r.tier == tier] for tier in _TIERS}
    asked = [r.milliseconds for r in good if r.cache in ("miss", "bypass")]
    return {name: _percentiles(values) for name, values in {**hits, "model": asked}.items()}


def _money(numbers: Samples) -> dict[str, dict[str, float]]:
    """Return what was spent and saved, by currency."""
    sums: dict[str, dict[str, float]] = {}
    for labels, value in numbers.get("semantic_router_cost_total", []):
        by_kind = sums.setdefault(labels["currency"], {"spent": 0.0, "saved": 0.0})
        by_kind[labels["kind"]] += value
    return sums


def _samples(registry: CollectorRegistry) -> Samples:
    found: Samples = {}
    for metric in registry.collect():
        for sample in metric.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def _by(numbers: Samples, name: str, label: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for labels, value in numbers.get(name, []):
        sums[labels[label]] = sums.get(labels[label], 0) + value
    return sums


def _models(numbers: Samples, models: list[str]) -> list[dict[str, Any]]:
    chosen = _by(numbers, "semantic_router_decisions_total", "model")
    calls = _by(numbers, "semantic_router_upstream_first_byte_seconds_count", "model")
    seconds = _by(numbers, "semantic_router_upstream_first_byte_seconds_sum", "model")
    tokens: dict[str, dict[str, float]] = {}
    for labels, value in numbers.get("semantic_router_tokens_total", []):
        kinds = tokens.setdefault(labels["model"], {})
        kinds[labels["kind"]] = kinds.get(labels["kind"], 0) + value
    errors: dict[str, float] = {}
    for labels, value in numbers.get("semantic_router_upstream_attempts_total", []):
        if not labels["outcome"].startswith("2"):
            errors[labels["model"]] = errors.get(labels["model"], 0) + value
    return [
        {
            "model": model,
            "chosen": chosen.get(model, 0),
            "answers": calls.get(model, 0),
            "first_byte_ms": round(seconds.get(model, 0) / calls[model] * 1000, 1) if calls.get(model) else None,
            "errors": errors.get(model, 0),
            "tokens": tokens.get(model, {}),
        }
        for model in models
    ]


def _percentiles(values: Iterable[float]) -> dict[str, float] | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def _shown(record: RequestRecord, *, with_questions: bool) -> dict[str, Any]:
    told = {name: getattr(record, name) for name in RequestRecord.__slots__ if name not in ("begun", "span")}
    if not with_questions:
        told["question"] = ""
    return told
