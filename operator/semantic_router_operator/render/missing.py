"""Sections that wait for a kind which the cluster does not serve."""

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.facts import ClusterFacts

_PLURALS = {
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "ServiceMonitor": "servicemonitors.monitoring.coreos.com",
    "PrometheusRule": "prometheusrules.monitoring.coreos.com",
}


def missing_kinds(resource: SemanticRouter, facts: ClusterFacts) -> list[tuple[str, str]]:
    """Return path and sentence of each section that was asked for and is left out until its kind is served."""
    route, monitoring = resource.spec.router.http_route, resource.spec.monitoring
    asked = {
        "spec.router.httpRoute": ("HTTPRoute", route is not None and route.enabled),
        "spec.monitoring.serviceMonitor": (
            "ServiceMonitor",
            monitoring is not None and monitoring.service_monitor == "on",
        ),
        "spec.monitoring.rules": ("PrometheusRule", monitoring is not None and monitoring.rules == "on"),
    }
    return [
        (path, f"{path} waits for the kind {kind}: install the CRD {_PLURALS[kind]}")
        for path, (kind, wanted) in asked.items()
        if wanted and kind not in facts.kinds
    ]
