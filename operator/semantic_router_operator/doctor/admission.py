"""Whether NetworkPolicies let one pod reach another, as far as their texts tell.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: policies add up, a pod that none selects is
open, and one that some select is reached only by what one of them admits.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from semantic_router_operator.doctor.survey import Json, labels

Labels = Mapping[str, str]


def selects(selector: Json | None, own: Labels) -> bool:
    """Whether a label selector fits; an empty one fits everything, none fits nothing."""
    if selector is None:
        return False
    if not (selector.get("matchLabels") or {}).items() <= own.items():
        return False
    return all(_expression(each, own) for each in selector.get("matchExpressions") or ())


def _expression(expression: Json, own: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return own.get(key) in values
        case "NotIn":
            return own.get(key) not in values
        case "Exists":
            return key in own
        case _:
            return key not in own


def admitting(
    policies: Iterable[Json], direction: str, pod: Json, peer: Json, peer_namespace: Labels, port: int
) -> tuple[bool, list[str]]:
    """Return whether `pod` may talk with `peer` at `port`, and the names of the policies that select `pod`.

    `direction` is Ingress (peer calls pod) or Egress (pod calls peer). `policies` are those of the pod's namespace;
    named ports are not looked up and count as admitting.
    """
    key, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    chosen = [
        each
        for each in policies
        if selects(each["spec"].get("podSelector"), labels(pod)) and direction in _types(each["spec"])
    ]
    if not chosen:
        return True, []
    rules = [rule for each in chosen for rule in each["spec"].get(key) or ()]
    same = pod["metadata"].get("namespace") == peer["metadata"].get("namespace")
    admitted = any(
        _port(rule, port)
        and (not rule.get(side) or any(_peer(each, peer, peer_namespace, same=same) for each in rule[side]))
        for rule in rules
    )
    return admitted, sorted(each["metadata"]["name"] for each in chosen)


def _types(spec: Json) -> list[str]:
    return list(spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]))


def _port(rule: Json, port: int) -> bool:
    if not rule.get("ports"):
        return True
    for each in rule["ports"]:
        first = each.get("port")
        if each.get("protocol", "TCP") != "TCP":
            continue
        if first is None or isinstance(first, str) or first <= port <= each.get("endPort", first):
            return True
    return False


def _peer(rule: Json, peer: Json, namespace: Labels, *, same: bool) -> bool:
    if "ipBlock" in rule:
        address = (peer.get("status") or {}).get("podIP")
        if not address or ip_address(address) not in ip_network(rule["ipBlock"]["cidr"]):
            return False
        return not any(ip_address(address) in ip_network(each) for each in rule["ipBlock"].get("except") or ())
    if "namespaceSelector" in rule:
        if not selects(rule["namespaceSelector"], namespace):
            return False
    elif not same:
        return False
    return "podSelector" not in rule or selects(rule["podSelector"], labels(peer))
