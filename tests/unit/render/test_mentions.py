"""Secrets and ConfigMaps that a pod template mentions."""

from typing import Any

from semantic_router_operator.api.validate import parse
from semantic_router_operator.plan.secrets import SecretState, mention_problems, reason_of
from semantic_router_operator.render.deployment import CHECKSUM_ANNOTATION
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.mentions import Mention, mentions
from semantic_router_operator.render.objects import render

TEMPLATE: dict[str, Any] = {
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c1", "key": "k", "optional": True}}},
        {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "envFrom": [{"secretRef": {"name": "s2"}}, {"prefix": "X_", "configMapRef": {"name": "c2"}}],
    "volumes": [
        {"name": "a", "secret": {"secretName": "s3", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"name": "b", "configMap": {"name": "c3", "optional": True}},
        {"name": "c", "projected": {"sources": [{"secret": {"name": "s4"}}, {"configMap": {"name": "c4"}}, {}]}},
        {"name": "d", "emptyDir": {}},
    ],
}
EXPECTED = [
    Mention("ConfigMap", "c1", ("k",), optional=True),
    Mention("ConfigMap", "c2"),
    Mention("ConfigMap", "c3", optional=True),
    Mention("ConfigMap", "c4"),
    Mention("Secret", "s1", ("k",)),
    Mention("Secret", "s2"),
    Mention("Secret", "s3", ("ca.crt",)),
    Mention("Secret", "s4"),
]


def _raw(template: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "n", "uid": "u"}, "spec": {"router": {"podTemplate": template}}}


def _checksum(template: dict[str, Any], **facts: Any) -> str:
    objects = render(parse(_raw(template)), ClusterFacts(**facts))
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    return str(deployment["spec"]["template"]["metadata"]["annotations"][CHECKSUM_ANNOTATION])


def test_every_way_to_mention_one_is_found() -> None:
    assert mentions(parse(_raw(TEMPLATE))) == EXPECTED


def test_what_is_malformed_is_passed_over_for_the_api_server_to_refuse() -> None:
    odd = {
        "env": [{"valueFrom": "x"}],
        "volumes": [{"secret": "s"}, {"projected": {"sources": "x"}}, {"configMap": {}}],
    }
    assert mentions(parse(_raw(odd))) == []


def test_each_change_restarts_the_pods_and_no_other_does() -> None:
    secrets, maps = ({each.name: "1" for each in EXPECTED if each.kind == kind} for kind in ("Secret", "ConfigMap"))
    before = _checksum(TEMPLATE, secret_versions=secrets, config_map_versions=maps)
    for name in secrets:
        assert _checksum(TEMPLATE, secret_versions=secrets | {name: "2"}, config_map_versions=maps) != before
    for name in maps:
        assert _checksum(TEMPLATE, secret_versions=secrets, config_map_versions=maps | {name: "2"}) != before
    more = {"other": "9"}
    assert _checksum(TEMPLATE, secret_versions=secrets | more, config_map_versions=maps | more) == before
    assert _checksum({}, secret_versions=more) == _checksum({})


def test_what_is_missing_is_named_unless_pods_start_without_it() -> None:
    found = {"s1": SecretState("1", frozenset({"other"})), "s2": SecretState("1"), "s4": SecretState("1")}
    maps = {"c2": SecretState("1"), "c4": SecretState("1")}
    problems = mention_problems(EXPECTED, found, maps)
    assert [problem.partition(";")[0] for problem in problems] == ["Secret/s1 has no key k", "Secret/s3 does not exist"]
    assert reason_of(problems) == "SecretInvalid"
    assert reason_of(mention_problems([Mention("ConfigMap", "c2")], {}, {})) == "ConfigMapInvalid"
