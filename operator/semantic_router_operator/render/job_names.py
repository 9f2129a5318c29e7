"""Names and labels of what a migration, or a restore, adds for its time."""

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names

# No Service, no Deployment and no budget of the router selects these pods.
APP = f"{names.APP}-job"
# A Job's name is a label's value of its pods.
_LONGEST = 63


def files(resource: SemanticRouter) -> str:
    """Return the name of the ConfigMap with the configurations of both sides, and of the Jobs' NetworkPolicy."""
    return f"{resource.metadata.name}-migration"


def restore_files(resource: SemanticRouter) -> str:
    """Return the name of the ConfigMap that the Jobs of a restore read, and of their NetworkPolicy."""
    return f"{resource.metadata.name}-restore"


def named(resource: SemanticRouter, tail: str) -> str:
    """Return a Job's name that ends in `tail`; of the resource's name as much as there is room for."""
    return resource.metadata.name[: _LONGEST - len(tail) - 1].rstrip("-.") + f"-{tail}"


def selector(resource: SemanticRouter) -> dict[str, str]:
    """Return the labels that pick the Jobs' pods."""
    return {"app.kubernetes.io/name": APP, "app.kubernetes.io/instance": resource.metadata.name}


def labels(resource: SemanticRouter, component: str = "migration") -> dict[str, str]:
    """Return the labels of the Jobs, of their pods and of what they use."""
    return {
        **selector(resource),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": names.MANAGED_BY,
    }
