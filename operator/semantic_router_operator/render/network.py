"""Who may talk to whom: NetworkPolicies around the router's pods. Those around Milvus are in `milvus_network`.

A policy sees the address and the port of the pod that answers, not those of the Service in front of it. So a host
inside the cluster is admitted by its namespace with any port, and one outside by its port with any address.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from semantic_router_operator.api.lifecycle import NetworkPolicy
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import job_names, names
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_config import MILVUS_PORT, milvus_in_use
from semantic_router_operator.render.model_files import loads_model

Object = dict[str, Any]
Peer = dict[str, Any]

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# Cloud providers hand out credentials at 169.254.169.254; no provider of models is there.
_OUTSIDE: list[Peer] = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
    {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10"]}},
]
DNS: Object = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}
# The labels under which these programs' own charts and operators run them.
_PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
_OPERATOR = {"app.kubernetes.io/name": names.MANAGED_BY}


def router_policy(resource: SemanticRouter) -> Object | None:
    """Return the policy of the router's pods, both ways, or None where none is wanted."""
    wanted = resource.spec.network_policy
    if wanted is None or not wanted.enabled:
        return None
    return policy(
        resource,
        names.deployment(resource),
        names.selector(resource),
        ingress=_ingress(resource, wanted),
        egress=[DNS, *_egress(resource), *wanted.egress],
    )


def policy(
    resource: SemanticRouter,
    name: str,
    pods: dict[str, str],
    *,
    ingress: list[Object] | None = None,
    egress: list[Object] | None = None,
) -> Object:
    """Return a NetworkPolicy for the pods with these labels; a direction that is None is not restricted."""
    spec: Object = {"podSelector": {"matchLabels": pods}, "policyTypes": []}
    for direction, rules in (("Ingress", ingress), ("Egress", egress)):
        if rules is not None:
            spec["policyTypes"].append(direction)
            spec[direction.lower()] = rules
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(resource, name),
        "spec": spec,
    }


def pods_of(labels: dict[str, str], namespace: str | None = None) -> Peer:
    """Return the peer of pods with these labels: in the policy's own namespace, or in another one; "*": in any."""
    peer: Peer = {"podSelector": {"matchLabels": labels}}
    if namespace == "*":
        return {"namespaceSelector": {}, **peer}
    return peer if namespace is None else {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}}, **peer}


def tcp(*ports: int) -> list[Object]:
    """Return the ports of a rule."""
    return [{"protocol": "TCP", "port": port} for port in ports]


def prometheus(wanted: NetworkPolicy) -> Peer:
    """Return who may scrape: a namespace where one is named, else Prometheus' pods wherever they run."""
    if wanted.prometheus_namespace is None:
        return pods_of(_PROMETHEUS, "*")
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: wanted.prometheus_namespace}}}


def operator() -> Peer:
    """Return our operator's pods, whose namespace rendering does not know."""
    return pods_of(_OPERATOR, "*")


def _ingress(resource: SemanticRouter, wanted: NetworkPolicy) -> list[Object]:
    clients: Object = {"from": list(wanted.ingress_from)} if wanted.ingress_from else {}
    # The Jobs of a migration take the entries of a memory along.
    admins = [
        operator(),
        pods_of(job_names.selector(resource)),
        *([{"podSelector": {}}] if resource.spec.router.service.admin_port else []),
    ]
    return [
        {**clients, "ports": tcp(names.API_PORT)},
        {"from": admins, "ports": tcp(names.ADMIN_PORT)},
        # The operator watches the failures of requests while a migration is on trial.
        {"from": [prometheus(wanted), operator()], "ports": tcp(names.METRICS_PORT)},
    ]


def _egress(resource: SemanticRouter) -> list[Object]:
    """Return one rule for each place that the configuration names, in its order and without repetitions."""
    spec, namespace = resource.spec, resource.metadata.namespace
    places: list[Iterable[Object]] = []
    places.append(milvus_rules(resource))
    urls = [url for provider in spec.providers for url in (provider.base_url, *provider.endpoints)]
    if spec.cache.embedding.base_url is not None:
        urls.append(spec.cache.embedding.base_url)
    if spec.monitoring is not None and spec.monitoring.tracing is not None:
        urls.append(spec.monitoring.tracing.endpoint)
    for url in urls:
        parts = urlsplit(url)
        port_number = parts.port or (443 if parts.scheme == "https" else 80)
        places.append(leads_to(parts.hostname or "", port_number, namespace))
    if loads_model(resource):
        places.append([{"to": _OUTSIDE, "ports": tcp(443)}])
    rules: list[Object] = []
    for rule in (each for place in places for each in place):
        if rule not in rules:
            rules.append(rule)
    return rules


def milvus_rules(resource: SemanticRouter) -> list[Object]:
    """Return the egress rules that lead to the Milvus in use; none without one that others can reach."""
    milvus = milvus_in_use(resource)
    if milvus is not None and milvus.external is not None:
        host, _, port = milvus.external.address.rpartition(":")
        return list(leads_to(host, int(port), resource.metadata.namespace, behind_service=(MILVUS_PORT,)))
    if milvus is not None and milvus.managed is not None:
        labels = {"app.kubernetes.io/name": "milvus", "app.kubernetes.io/instance": names.milvus(resource)}
        return [{"to": [pods_of(labels)], "ports": tcp(MILVUS_PORT)}]
    return []


def leads_to(host: str, port: int, namespace: str, behind_service: tuple[int, ...] = ()) -> Iterable[Object]:
    """Yield the egress rules that lead to a host. `behind_service` are the ports of its pods, where they are known."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        yield {"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}], "ports": tcp(port)}
        return
    home = namespace_of(host, namespace)
    if home is not None:
        inside: Object = {"to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: home}}}]}
        if behind_service:
            inside["ports"] = tcp(*dict.fromkeys((port, *behind_service)))
        yield inside
    if home is None or host.count(".") == 1:
        # NAME.NAMESPACE looks like a domain, and may be one.
        yield {"to": _OUTSIDE, "ports": tcp(port)}


def namespace_of(host: str, own: str) -> str | None:
    """Return the namespace of a Service's host name, or None for a host outside the cluster.

    https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/: NAME, NAME.NAMESPACE, NAME.NAMESPACE.svc
    and what follows it; in front of NAME a pod's own name may stand.
    """
    labels = host.rstrip(".").split(".")
    if len(labels) == 1:
        return own
    if len(labels) == 2:
        return labels[1]
    return labels[labels.index("svc") - 1] if "svc" in labels[2:] else None
