"""How many pods run, and how many may be away at once: HorizontalPodAutoscaler and PodDisruptionBudget."""

from typing import Any

from semantic_router_operator.api.router import Autoscaling
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.metadata import metadata

# The router's own gauge, as a custom metric of its pods (custom.metrics.k8s.io).
_RUNNING = "semantic_router_requests_running"


def autoscaler(resource: SemanticRouter) -> dict[str, Any] | None:
    """Return the HorizontalPodAutoscaler, or None where replicas are fixed."""
    autoscaling = resource.spec.router.autoscaling
    if autoscaling is None or not resource.autoscaled:
        return None
    name = names.deployment(resource)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(resource, name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": autoscaling.min_replicas,
            "maxReplicas": autoscaling.max_replicas,
            "metrics": _metrics(autoscaling),
            # A pod that goes takes its memory cache along, so fewer pods is a slower decision than more pods.
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    }


def _metrics(autoscaling: Autoscaling) -> list[dict[str, Any]]:
    cpu = {"type": "Utilization", "averageUtilization": autoscaling.target_cpu_utilization}
    metrics: list[dict[str, Any]] = [{"type": "Resource", "resource": {"name": "cpu", "target": cpu}}]
    if autoscaling.target_running_requests is not None:
        running = {"type": "AverageValue", "averageValue": str(autoscaling.target_running_requests)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": _RUNNING}, "target": running}})
    return metrics


def disruption_budget(resource: SemanticRouter) -> dict[str, Any] | None:
    """Return the PodDisruptionBudget: by default one pod at a time may be evicted."""
    budget = resource.spec.router.pod_disruption_budget
    if budget is None or not budget.enabled:
        return None
    if budget.min_available is not None:
        limit = {"minAvailable": budget.min_available}
    else:
        limit = {"maxUnavailable": 1 if budget.max_unavailable is None else budget.max_unavailable}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(resource, names.deployment(resource)),
        # A pod that is not ready serves nobody; it must not stop a node from being drained.
        "spec": {
            **limit,
            "selector": {"matchLabels": names.selector(resource)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
