"""Sections that are modelled and not built yet: refused by a condition, never passed over in silence."""

from semantic_router_operator.api.semantic_router import SemanticRouter


def unimplemented(resource: SemanticRouter) -> list[str]:
    """Return the paths of the sections in use that the operator cannot carry out."""
    spec = resource.spec
    used = {
        "spec.router.autoscaling": spec.router.autoscaling,
        "spec.router.podDisruptionBudget": spec.router.pod_disruption_budget,
        "spec.router.ingress": spec.router.ingress,
        "spec.router.httpRoute": spec.router.http_route,
        "spec.milvus.managed": spec.milvus and spec.milvus.managed,
        "spec.migration": spec.migration,
        "spec.backup": spec.backup,
        "spec.monitoring": spec.monitoring,
        "spec.networkPolicy": spec.network_policy,
    }
    return [path for path, section in used.items() if section is not None]
