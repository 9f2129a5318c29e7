"""NetworkPolicies around Milvus and what it stands on.

The labels are those of milvus-operator 1.3 and of the charts that it installs, as observed on a real API server.
"""

from typing import Any

from semantic_router_operator.api.lifecycle import NetworkPolicy
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import job_names, names
from semantic_router_operator.render.milvus_config import MILVUS_PORT
from semantic_router_operator.render.network import (
    NAMESPACE_LABEL,
    namespace_of,
    operator,
    pods_of,
    policy,
    prometheus,
    tcp,
)

Object = dict[str, Any]

_MILVUS = {"app.kubernetes.io/name": "milvus"}
# 9091 also serves /management without authentication.
_MILVUS_METRICS_PORT = 9091
_MILVUS_OPERATOR = pods_of({"app.kubernetes.io/name": "milvus-operator"}, "*")


def milvus_policies(resource: SemanticRouter) -> list[Object]:
    """Return the policies of Milvus' pods in the resource's namespace; one elsewhere is its owner's to protect."""
    wanted, milvus = resource.spec.network_policy, resource.spec.milvus
    if wanted is None or not wanted.enabled or milvus is None:
        return []
    if milvus.managed is not None:
        return _managed(resource, wanted, clustered=milvus.managed.mode == "cluster")
    if milvus.external is None or not wanted.restrict_milvus:
        return []
    host = milvus.external.address.rpartition(":")[0]
    if namespace_of(host, resource.metadata.namespace) != resource.metadata.namespace:
        return []
    # Of an external Milvus only the guide's label is known; its pods go on talking to one another.
    return [_access(resource, wanted, _MILVUS)]


def _access(resource: SemanticRouter, wanted: NetworkPolicy, milvus: dict[str, str]) -> Object:
    """Return seed 000's `allow-router-to-milvus`: Milvus' pods and who may reach them."""
    seeds = resource.metadata.name == names.APP
    router = {"app.kubernetes.io/name": names.APP} if seeds else names.selector(resource)
    milvus = _MILVUS if seeds else milvus
    from_router = {"from": [_from_namespace(resource, router)], "ports": tcp(MILVUS_PORT)}
    rules = [
        from_router,
        {"from": [operator(), pods_of(job_names.selector(resource))], "ports": tcp(MILVUS_PORT)},
        {"from": [prometheus(wanted)], "ports": tcp(_MILVUS_METRICS_PORT)},
        {"from": [pods_of(milvus)]},
        # Without this one milvus-operator takes its Milvus for unhealthy, or never for ready.
        {"from": [_MILVUS_OPERATOR], "ports": tcp(MILVUS_PORT, _MILVUS_METRICS_PORT)},
    ]
    return policy(resource, names.milvus_policy(resource), milvus, ingress=rules)


def _from_namespace(resource: SemanticRouter, pods: dict[str, str]) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: resource.metadata.namespace}},
        "podSelector": {"matchLabels": pods},
    }


def _managed(resource: SemanticRouter, wanted: NetworkPolicy, *, clustered: bool) -> list[Object]:
    name = names.milvus(resource)
    milvus = {**_MILVUS, "app.kubernetes.io/instance": name}
    etcd = {"app.kubernetes.io/name": "etcd", "app.kubernetes.io/instance": f"{name}-etcd"}
    minio = {"app": "minio", "release": f"{name}-minio"}
    pulsar = {"app": "pulsar", "release": f"{name}-pulsar"}
    jobs = pods_of(job_names.selector(resource))
    policies = [
        _access(resource, wanted, milvus),
        _dependency(resource, "etcd", etcd, [pods_of(milvus), _MILVUS_OPERATOR], 2379),
        _dependency(resource, "minio", minio, [pods_of(milvus), _MILVUS_OPERATOR, jobs], 9000),
    ]
    if clustered:
        policies.append(_dependency(resource, "pulsar", pulsar, [pods_of(milvus), _MILVUS_OPERATOR], 6650))
    return policies


def _dependency(
    resource: SemanticRouter, component: str, pods: dict[str, str], clients: list[Object], port: int
) -> Object:
    """Return the policy of one of Milvus' dependencies: its clients at its port, and its own pods at any."""
    rules = [{"from": clients, "ports": tcp(port)}, {"from": [pods_of(pods)]}]
    return policy(resource, names.of_milvus(resource, component), pods, ingress=rules)
