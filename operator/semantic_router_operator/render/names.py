"""Names and labels. A resource named `semantic-router` gets seed 000's names to the letter."""

from semantic_router_operator.api.semantic_router import SemanticRouter

APP = "semantic-router"
MANAGED_BY = "semantic-router-operator"

API_PORT = 8801
ADMIN_PORT = 8080
METRICS_PORT = 9190


def deployment(resource: SemanticRouter) -> str:
    """Return the name of the Deployment, the Service and the ServiceAccount."""
    return resource.metadata.name


def router_config(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-config"


def milvus_config(resource: SemanticRouter) -> str:
    return "milvus-client-config" if resource.metadata.name == APP else f"{resource.metadata.name}-milvus-client-config"


def model_claim(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-models"


def metrics_service(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-metrics"


def dashboard(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-dashboard"


def milvus_policy(resource: SemanticRouter) -> str:
    """Return the name of the NetworkPolicy around Milvus."""
    name = "allow-router-to-milvus"
    return name if resource.metadata.name == APP else f"{resource.metadata.name}-{name}"


def data_claim(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-data"


def selector(resource: SemanticRouter) -> dict[str, str]:
    """Return the labels that pick the router's pods; they never change, since a Deployment's selector cannot."""
    return {"app.kubernetes.io/name": APP, "app.kubernetes.io/instance": resource.metadata.name}


def labels(resource: SemanticRouter) -> dict[str, str]:
    """Return the labels of every object."""
    return {
        "app": APP,
        **selector(resource),
        "app.kubernetes.io/component": "router",
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def provider_key_variable(provider: str) -> str:
    """Return the environment variable that carries a provider's key."""
    return f"PROVIDER_{provider.upper().replace('-', '_')}_API_KEY"


EMBEDDING_KEY_VARIABLE = "EMBEDDING_API_KEY"
