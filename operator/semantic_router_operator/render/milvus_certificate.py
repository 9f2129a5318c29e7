"""The server certificate of a managed Milvus, where cert-manager is to make it."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus import managed_of


def certificate(resource: SemanticRouter, facts: ClusterFacts) -> dict[str, Any] | None:
    """Return cert-manager's Certificate, or None where none is wanted or its kind is not served."""
    managed = managed_of(resource)
    issuer = managed.tls.issuer_ref if managed is not None and managed.tls is not None else None
    if issuer is None or "Certificate" not in facts.kinds:
        return None
    service, namespace = f"{names.milvus(resource)}-milvus", resource.metadata.namespace
    hosts = [
        service,
        f"{service}.{namespace}",
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.cluster.local",
    ]
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": metadata(resource, names.milvus_server_secret(resource)),
        "spec": {
            "secretName": names.milvus_server_secret(resource),
            "dnsNames": hosts,
            "issuerRef": {"group": "cert-manager.io", "kind": issuer.kind, "name": issuer.name},
            "usages": ["server auth"],
        },
    }
