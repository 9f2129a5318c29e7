"""Who may talk to whom, by the addresses that the resource names."""

from typing import Any

import pytest

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.network import namespace_of
from semantic_router_operator.render.objects import render

Json = dict[str, Any]
PROVIDER: Json = {"name": "p", "baseURL": "http://vllm/v1"}


def _policies(name: str = "semantic-router", provider: Json = PROVIDER, **spec: Any) -> dict[str, Json]:
    spec = {"providers": [provider], "models": [{"name": "m", "provider": "p"}], "networkPolicy": {}} | spec
    raw = {"metadata": {"name": name, "namespace": "own", "uid": "u"}, "spec": spec}
    objects = render(parse(raw), ClusterFacts())
    return {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "NetworkPolicy"}


def _to(address: str) -> list[Json]:
    """The egress rules for one provider, without the one for DNS."""
    rules: list[Json] = _policies(provider=PROVIDER | {"baseURL": address})["semantic-router"]["egress"]
    return rules[1:]


def _namespace(name: str) -> Json:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


@pytest.mark.parametrize(
    ("host", "namespace"),
    [
        ("vllm", "own"),
        ("vllm.models", "models"),
        ("vllm.models.svc", "models"),
        ("vllm.models.svc.cluster.local", "models"),
        ("vllm.models.svc.cluster.local.", "models"),
        ("vllm-0.vllm.models.svc.cluster.local", "models"),
        ("api.openai.com", None),
        ("svc.example.com", None),
    ],
)
def test_the_namespace_of_a_host(host: str, namespace: str | None) -> None:
    assert namespace_of(host, "own") == namespace


def test_a_host_inside_is_let_through_by_namespace_since_a_service_may_map_its_port() -> None:
    assert _to("http://vllm.models.svc:80/v1") == [{"to": [_namespace("models")]}]


@pytest.mark.parametrize(
    ("address", "port"),
    [("https://api.openai.com/v1", 443), ("http://api.openai.com/v1", 80), ("https://llm.example.com:8443/v1", 8443)],
)
def test_a_host_outside_is_let_through_by_port_but_never_to_the_metadata_service(address: str, port: int) -> None:
    (rule,) = _to(address)
    assert rule["ports"] == [{"protocol": "TCP", "port": port}]
    assert rule["to"][0] == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}


def test_an_address_is_let_through_alone() -> None:
    assert _to("http://192.0.2.7:8000/v1")[0]["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]
    assert _to("http://[2001:db8::7]:8000/v1")[0]["to"] == [{"ipBlock": {"cidr": "2001:db8::7/128"}}]


def test_name_dot_namespace_may_as_well_be_a_domain() -> None:
    inside, outside = _to("https://vllm.models/v1")
    assert inside == {"to": [_namespace("models")]}
    assert outside["ports"] == [{"protocol": "TCP", "port": 443}]


def test_nothing_is_restricted_where_nobody_asked() -> None:
    assert _policies(networkPolicy={"enabled": False}) == {}


def test_the_guides_policy_to_the_letter_beside_what_milvus_itself_needs() -> None:
    external = {"external": {"address": "milvus-cluster.own.svc.cluster.local:19530"}}
    policy = _policies(milvus=external)["allow-router-to-milvus"]
    assert policy["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "milvus"}}
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"][0] == {
        "from": [_namespace("own") | {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "semantic-router"}}}],
        "ports": [{"protocol": "TCP", "port": 19530}],
    }
    components = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "milvus"}}}
    assert {"from": [components]} in policy["ingress"]


def test_a_milvus_elsewhere_or_shared_is_left_to_its_owner() -> None:
    elsewhere = {"external": {"address": "milvus.other.svc:19530"}}
    assert set(_policies(milvus=elsewhere)) == {"semantic-router"}
    shared = {"external": {"address": "milvus:19530"}}
    assert set(_policies(milvus=shared, networkPolicy={"restrictMilvus": False})) == {"semantic-router"}


@pytest.mark.parametrize(("mode", "dependencies"), [("standalone", 2), ("cluster", 3)])
def test_milvus_operator_reaches_everything_of_a_managed_milvus(mode: str, dependencies: int) -> None:
    policies = _policies(name="team", milvus={"managed": {"mode": mode}})
    around = [policy for name, policy in policies.items() if name != "team"]
    assert len(around) == 1 + dependencies
    operator = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "milvus-operator"}},
    }
    for policy in around:
        assert any(operator in rule["from"] for rule in policy["ingress"])


def test_only_those_who_are_named_reach_admin_and_metrics() -> None:
    clients, admins, scrapers = _policies(networkPolicy={"prometheusNamespace": "monitoring"})["semantic-router"][
        "ingress"
    ]
    assert "from" not in clients
    assert [port["port"] for rule in (clients, admins, scrapers) for port in rule["ports"]] == [8801, 8080, 9190]
    assert scrapers["from"][0] == _namespace("monitoring")
    assert scrapers["from"][1:] == [peer for peer in admins["from"] if "semantic-router-operator" in str(peer)]
    assert all("podSelector" in peer for peer in admins["from"])
