"""A Grafana dashboard of one resource, in the JSON model of Grafana 10 and later."""

import hashlib
import json
from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.milvus_config import milvus_is_scraped

Panel = dict[str, Any]
_WIDTH, _HEIGHT = 8, 8
_PER_ROW = 3
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard_text(resource: SemanticRouter) -> str:
    """Return the dashboard's JSON."""
    name, namespace = resource.metadata.name, resource.metadata.namespace
    panels = _panels(f'job="{name}",namespace="{namespace}"')
    if milvus_is_scraped(resource):
        panels += _milvus_panels(f'semantic_router="{namespace}/{name}"')
    identity = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:16]
    model = {
        # At most 40 characters; a name of its own, so that two resources never share a dashboard.
        "uid": f"semantic-router-{identity}",
        "title": f"Semantic router {namespace}/{name}",
        "tags": ["semantic-router"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [
            {
                **panel,
                "id": number + 1,
                "gridPos": {
                    "x": number % _PER_ROW * _WIDTH,
                    "y": number // _PER_ROW * _HEIGHT,
                    "w": _WIDTH,
                    "h": _HEIGHT,
                },
            }
            for number, panel in enumerate(panels)
        ],
    }
    return json.dumps(model, indent=1, ensure_ascii=False) + "\n"


def _panels(where: str) -> list[Panel]:
    requests = f"semantic_router_requests_total{{{where}"
    hit_ratio = (
        f'sum(rate({requests},cache="hit"}}[$__rate_interval]))'
        f' / sum(rate({requests},cache=~"hit|miss"}}[$__rate_interval]))'
    )
    return [
        _panel("Hit rate", "percentunit", ("hits among lookups", hit_ratio)),
        _panel(
            "Requests by cache outcome",
            "reqps",
            ("{{cache}}", f"sum by (cache) (rate({requests}}}[$__rate_interval]))"),
        ),
        _panel(
            "Errors",
            "reqps",
            ("{{status}}", f'sum by (status) (rate({requests},status=~"[45].."}}[$__rate_interval]))'),
        ),
        _panel("Request latency", "s", *_quantiles("semantic_router_request_seconds_bucket", where, "cache")),
        _panel(
            "Query latency of the cache",
            "s",
            *_quantiles("semantic_cache_operation_seconds_bucket", where, "operation"),
        ),
        _panel("Embedding latency", "s", *_quantiles("semantic_router_embedding_seconds_bucket", where)),
        _panel("Similarity of the nearest question", "percentunit", *_drift(where)),
        _panel(
            "Refused by the guard",
            "ops",
            (
                "{{rule}}",
                f"sum by (rule) (rate(semantic_cache_guard_rejections_total{{{where}}}[$__rate_interval]))",
            ),
        ),
        _panel("Making an index in memory", "s", *_quantiles("semantic_cache_index_build_seconds_bucket", where)),
        _panel("Entries in memory", "short", ("{{pod}}", f"sum by (pod) (semantic_cache_entries{{{where}}})")),
        _panel(
            "Requests by model",
            "reqps",
            ("{{model}}", f"sum by (model) (rate(semantic_router_decisions_total{{{where}}}[$__rate_interval]))"),
        ),
        _panel(
            "Calls to providers",
            "reqps",
            (
                "{{model}} {{outcome}}",
                f"sum by (model, outcome) (rate(semantic_router_upstream_attempts_total{{{where}}}[$__rate_interval]))",
            ),
        ),
        _panel(
            "Shadow mode: compared answers",
            "ops",
            (
                "{{outcome}}",
                f"sum by (outcome) (rate(semantic_cache_shadow_comparisons_total{{{where}}}[$__rate_interval]))",
            ),
        ),
        _panel(
            "Tokens",
            "short",
            ("{{kind}}", f"sum by (kind) (rate(semantic_router_tokens_total{{{where}}}[$__rate_interval]))"),
        ),
        _panel(
            "Store",
            "short",
            ("available", f"min(semantic_cache_store_available{{{where}}})"),
            ("waiting writes", f"sum(semantic_cache_pending_writes{{{where}}})"),
        ),
        _panel(
            "Written entries",
            "ops",
            (
                "{{status}}",
                f'sum by (status) (rate(semantic_cache_operations_total{{{where},operation="add_entry"}}'
                "[$__rate_interval]))",
            ),
        ),
        _panel("Requests being answered", "short", ("{{pod}}", f"semantic_router_requests_running{{{where}}}")),
    ]


def _milvus_panels(where: str) -> list[Panel]:
    """Milvus' own side, in milliseconds; its index builder moved from the index node to the data node in 2.6."""
    built = "milvus_(indexnode|datanode)_build_index_latency_bucket"
    return [
        _panel("Milvus: searches", "ms", *_quantiles("milvus_proxy_sq_latency_bucket", where, "query_type")),
        _panel("Milvus: writes", "ms", *_quantiles("milvus_proxy_mutation_latency_bucket", where, "msg_type")),
        _panel("Milvus: building an index", "ms", *_quantiles("", f'__name__=~"{built}",{where}')),
        _panel(
            "Milvus: requests by outcome",
            "reqps",
            (
                "{{status}}",
                f'sum by (status) (rate(milvus_proxy_req_count{{{where},status!="total"}}[$__rate_interval]))',
            ),
        ),
    ]


def _quantiles(metric: str, where: str, *by: str) -> list[tuple[str, str]]:
    groups = ", ".join(("le", *by))
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return [
        (
            f"p{percent} {legend}".strip(),
            f"histogram_quantile(0.{percent}, sum by ({groups}) (rate({metric}{{{where}}}[$__rate_interval])))",
        )
        for percent in (50, 99)
    ]


def _drift(where: str) -> list[tuple[str, str]]:
    """Questions move away from what is cached: the median falls, and with it the hit rate."""
    bucket = f"semantic_cache_nearest_similarity_bucket{{{where}}}"
    now = f"histogram_quantile(0.5, sum by (le) (rate({bucket}[$__rate_interval])))"
    return [("median", now), ("median a week ago", now.replace("[$__rate_interval]", "[1h] offset 7d"))]


def _panel(title: str, unit: str, *series: tuple[str, str]) -> Panel:
    return {
        "title": title,
        "type": "timeseries",
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
            for number, (legend, expression) in enumerate(series)
        ],
    }
