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


def milvus_monitor(resource: SemanticRouter) -> str:
    """Return the name of the ServiceMonitor of an external Milvus."""
    return f"{resource.metadata.name}-milvus"


def dashboard(resource: SemanticRouter) -> str:
    return f"{resource.metadata.name}-dashboard"


def milvus_policy(resource: SemanticRouter) -> str:
    """Return the name of the NetworkPolicy around Milvus."""
    name = "allow-router-to-milvus"
    if resource.milvus_name:
        return f"{resource.milvus_name}-{name}"
    return name if resource.metadata.name == APP else f"{resource.metadata.name}-{name}"


def milvus(resource: SemanticRouter) -> str:
    """Return the name of the Milvus that milvus-operator runs for the resource; the first one has the resource's."""
    return resource.milvus_name or resource.metadata.name


def second_milvus(resource: SemanticRouter, mode: str) -> str:
    """Return the name of one that is made beside the first one, since a Milvus keeps its mode."""
    return f"{resource.metadata.name}-milvus-{mode}"


def of_milvus(resource: SemanticRouter, what: str) -> str:
    """Return the name of something that belongs to the managed Milvus."""
    return f"{resource.milvus_name or f'{resource.metadata.name}-milvus'}-{what}"


def milvus_host(resource: SemanticRouter) -> str:
    """Return the Service that milvus-operator makes for it."""
    return f"{milvus(resource)}-milvus.{resource.metadata.namespace}.svc"


def milvus_root_secret(resource: SemanticRouter) -> str:
    """Return the Secret with root's password (key `password`), for the operator, Milvus itself and milvus-backup."""
    return of_milvus(resource, "root")


def milvus_user_secret(resource: SemanticRouter) -> str:
    """Return the Secret with the user of the router (keys `username` and `password`)."""
    return of_milvus(resource, "auth")


def milvus_server_secret(resource: SemanticRouter) -> str:
    """Return the Secret with the server's certificate (keys `tls.crt`, `tls.key` and `ca.crt`)."""
    milvus = resource.spec.milvus
    tls = milvus.managed.tls if milvus is not None and milvus.managed is not None else None
    if tls is not None and tls.secret_ref is not None:
        return tls.secret_ref.name
    return of_milvus(resource, "tls")


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
