"""How clients outside the cluster reach the API: Ingress and HTTPRoute. Admin and metrics stay inside."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import metadata


def ingress(resource: SemanticRouter) -> dict[str, Any] | None:
    """Return the Ingress, or None where there is none."""
    wanted = resource.spec.router.ingress
    if wanted is None or not wanted.enabled:
        return None
    backend = {"service": {"name": names.deployment(resource), "port": {"name": "http"}}}
    spec: dict[str, Any] = {
        "rules": [
            {
                "host": wanted.host,
                "http": {"paths": [{"path": wanted.path, "pathType": "Prefix", "backend": backend}]},
            }
        ]
    }
    if wanted.class_name is not None:
        spec["ingressClassName"] = wanted.class_name
    if wanted.tls_secret_ref is not None:
        spec["tls"] = [{"hosts": [wanted.host], "secretName": wanted.tls_secret_ref.name}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(resource, names.deployment(resource), wanted.annotations),
        "spec": spec,
    }


def http_route(resource: SemanticRouter, facts: ClusterFacts) -> dict[str, Any] | None:
    """Return the HTTPRoute (gateway.networking.k8s.io/v1), or None where it is not wanted or not served."""
    wanted = resource.spec.router.http_route
    if wanted is None or not wanted.enabled or "HTTPRoute" not in facts.kinds:
        return None
    spec: dict[str, Any] = {
        "parentRefs": [parent.model_dump(by_alias=True, exclude_none=True) for parent in wanted.parent_refs],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": names.deployment(resource), "port": names.API_PORT}],
            }
        ],
    }
    if wanted.hostnames:
        spec["hostnames"] = list(wanted.hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(resource, names.deployment(resource)),
        "spec": spec,
    }
