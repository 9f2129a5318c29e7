"""Sections that wait for a kind which the cluster does not serve."""

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.milvus import managed_of
from semantic_router_operator.render.snapshots import wanted as wants_snapshots

_PLURALS = {
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "ServiceMonitor": "servicemonitors.monitoring.coreos.com",
    "PrometheusRule": "prometheusrules.monitoring.coreos.com",
    "VolumeSnapshot": "volumesnapshots.snapshot.storage.k8s.io (and the snapshot controller of the storage's vendor)",
    "Certificate": "certificates.cert-manager.io (https://cert-manager.io/docs/installation/)",
}
INSTALL_MILVUS_OPERATOR = (
    "helm repo add zilliztech-milvus-operator https://zilliztech.github.io/milvus-operator/ && "
    "helm install milvus-operator zilliztech-milvus-operator/milvus-operator -n milvus-operator --create-namespace"
)


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
        "spec.backup.snapshots": ("VolumeSnapshot", wants_snapshots(resource)),
        "spec.milvus.managed.tls.issuerRef": ("Certificate", _wants_certificate(resource)),
    }
    found = [
        (path, f"{path} waits for the kind {kind}: install the CRD {_PLURALS[kind]}")
        for path, (kind, wanted) in asked.items()
        if wanted and kind not in facts.kinds
    ]
    if managed_of(resource) is not None and "Milvus" not in facts.kinds:
        path = "spec.milvus.managed"
        found.append((path, f"{path} waits for milvus-operator: install it by `{INSTALL_MILVUS_OPERATOR}`"))
    return found


def _wants_certificate(resource: SemanticRouter) -> bool:
    managed = managed_of(resource)
    return managed is not None and managed.tls is not None and managed.tls.issuer_ref is not None
