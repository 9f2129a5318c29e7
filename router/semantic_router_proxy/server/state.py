"""The dashboard's numbers, taken from the metrics and the recent requests."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from prometheus_client import CollectorRegistry

from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.observe import RequestRecord

_SHOWN = 40


def state(health: Health, *, with_questions: bool) -> dict[str, Any]:
    """Return everything that the dashboard shows. Questions are shown to those only who may see them."""
    status, ready = health.ready()
    gateway = health.gateway
    told: dict[str, Any] = {"ready": status == 200, **ready}
    if gateway is None:
        return told
    numbers = _samples(gateway.observer.registry)
    recent = list(gateway.observer.recent)
    now = time.monotonic()
    providers = [
        {
            "provider": provider.name,
            "endpoint": endpoint.base_url,
            "running": endpoint.running,
            "breaker": endpoint.breaker.state(now),
        }
        for provider in gateway.engine.providers.values()
        for endpoint in provider.endpoints
    ]
    told |= {
        "running": sum(value for _, value in numbers.get("semantic_router_requests_running", [])),
        "requests": _by(numbers, "semantic_router_requests_total", "cache"),
        "statuses": _by(numbers, "semantic_router_requests_total", "status"),
        "decisions": _by(numbers, "semantic_router_decisions_total", "decision"),
        "tokens": _by(numbers, "semantic_router_tokens_total", "kind"),
        "models": _models(numbers, list(gateway.engine.targets)),
        "latency": {kind: _percentiles(r.milliseconds for r in recent if r.cache == kind) for kind in ("hit", "miss")},
        "providers": providers,
        "cache": asdict(gateway.cache.get_stats()) if gateway.cache is not None else None,
        "recent": [_shown(record, with_questions=with_questions) for record in reversed(recent[-_SHOWN:])],
    }
    return told


def _samples(registry: CollectorRegistry) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric in registry.collect():
        for sample in metric.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def _by(numbers: dict[str, list[tuple[dict[str, str], float]]], name: str, label: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for labels, value in numbers.get(name, []):
        sums[labels[label]] = sums.get(labels[label], 0) + value
    return sums


def _models(numbers: dict[str, list[tuple[dict[str, str], float]]], models: list[str]) -> list[dict[str, Any]]:
    chosen = _by(numbers, "semantic_router_decisions_total", "model")
    calls = _by(numbers, "semantic_router_upstream_first_byte_seconds_count", "model")
    seconds = _by(numbers, "semantic_router_upstream_first_byte_seconds_sum", "model")
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
    told = asdict(record)
    del told["begun"]
    if not with_questions:
        told["question"] = ""
    return told
