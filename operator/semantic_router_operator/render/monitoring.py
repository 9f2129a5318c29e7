"""What prometheus-operator and Grafana take: ServiceMonitor, PrometheusRule and a dashboard's ConfigMap."""

from typing import Any

from semantic_router_operator.api.lifecycle import Monitoring
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.alerts import alerts
from semantic_router_operator.render.dashboard import dashboard_text
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_config import milvus_in_use

Object = dict[str, Any]

_API_VERSION = "monitoring.coreos.com/v1"


def service_monitor(resource: SemanticRouter, facts: ClusterFacts) -> Object | None:
    """Return the ServiceMonitor of the metrics port, or None where it is not wanted or its kind not served.

    A managed Milvus gets none: milvus-operator's PodMonitor scrapes it, and a second one would count everything twice.
    """
    monitoring = resource.spec.monitoring
    if monitoring is None or monitoring.service_monitor == "off" or "ServiceMonitor" not in facts.kinds:
        return None
    return {
        "apiVersion": _API_VERSION,
        "kind": "ServiceMonitor",
        "metadata": _labelled(resource, monitoring),
        "spec": {
            # The series' `job` is the resource's name, by which alerts and dashboard find them.
            "jobLabel": "app.kubernetes.io/instance",
            "selector": {"matchLabels": names.selector(resource)},
            "endpoints": [{"port": "metrics", "path": "/metrics", "interval": "30s"}],
        },
    }


def milvus_monitor(resource: SemanticRouter, facts: ClusterFacts) -> Object | None:
    """Return the ServiceMonitor of an external Milvus, or None where nobody says which Services are to be scraped."""
    monitoring, milvus = resource.spec.monitoring, milvus_in_use(resource)
    wanted = milvus.external.metrics if milvus is not None and milvus.external is not None else None
    if monitoring is None or monitoring.service_monitor == "off" or wanted is None:
        return None
    if "ServiceMonitor" not in facts.kinds:
        return None
    described = _labelled(resource, monitoring)
    # By this label dashboards tell one resource's Milvus from another's, wherever it runs.
    label = {"targetLabel": "semantic_router", "replacement": f"{resource.metadata.namespace}/{resource.metadata.name}"}
    return {
        "apiVersion": _API_VERSION,
        "kind": "ServiceMonitor",
        "metadata": {**described, "name": names.milvus_monitor(resource)},
        "spec": {
            "namespaceSelector": {"matchNames": [wanted.namespace or resource.metadata.namespace]},
            "selector": {"matchLabels": wanted.match_labels},
            "endpoints": [{"port": wanted.port, "path": "/metrics", "interval": "30s", "relabelings": [label]}],
        },
    }


def prometheus_rule(resource: SemanticRouter, facts: ClusterFacts) -> Object | None:
    """Return the PrometheusRule with the alerts, or None where it is not wanted or its kind not served."""
    monitoring = resource.spec.monitoring
    if monitoring is None or monitoring.rules == "off" or "PrometheusRule" not in facts.kinds:
        return None
    return {
        "apiVersion": _API_VERSION,
        "kind": "PrometheusRule",
        "metadata": _labelled(resource, monitoring),
        "spec": {
            "groups": [
                {
                    "name": f"semantic-router.{resource.metadata.namespace}.{resource.metadata.name}",
                    "rules": alerts(resource),
                }
            ]
        },
    }


def dashboard(resource: SemanticRouter) -> Object | None:
    """Return the ConfigMap that Grafana's sidecar picks up by its label."""
    monitoring = resource.spec.monitoring
    if monitoring is None or not monitoring.dashboard:
        return None
    name = names.dashboard(resource)
    described = metadata(resource, name)
    described["labels"] = {**described["labels"], "grafana_dashboard": "1"}
    text = dashboard_text(resource)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {f"{name}.json": text}}


def _labelled(resource: SemanticRouter, monitoring: Monitoring) -> Object:
    """Return metadata with the labels by which a Prometheus selects; ours win."""
    described = metadata(resource, names.deployment(resource))
    described["labels"] = {**monitoring.labels, **described["labels"]}
    return described
