"""Names and labels of what a migration adds for its time."""

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names

# No Service, no Deployment and no budget of the router selects these pods.
_APP = f"{names.APP}-job"


def files(resource: SemanticRouter) -> str:
    """Return the name of the ConfigMap with the configurations of both sides, and of the Jobs' NetworkPolicy."""
    return f"{resource.metadata.name}-migration"


def selector(resource: SemanticRouter) -> dict[str, str]:
    """Return the labels that pick the Jobs' pods."""
    return {"app.kubernetes.io/name": _APP, "app.kubernetes.io/instance": resource.metadata.name}


def labels(resource: SemanticRouter) -> dict[str, str]:
    """Return the labels of the Jobs, of their pods and of what they use."""
    return {
        **selector(resource),
        "app.kubernetes.io/component": "migration",
        "app.kubernetes.io/managed-by": names.MANAGED_BY,
    }
