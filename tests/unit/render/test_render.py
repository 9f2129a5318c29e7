"""Properties of what is rendered, beside the golden files."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantic_router_operator.api.router import Image
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.deployment import CHECKSUM_ANNOTATION, image_reference
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_proxy.config.load import load_config

AWKWARD = st.sampled_from(["123456", "on", "null", "1e3", "a: b", "{{ x }}", '"', "'", "- x", "#", "ä", "%", "|"])
NAME = st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
SPEC = st.fixed_dictionaries(
    {
        "providers": st.just([{"name": "p", "baseURL": "http://vllm:8000/v1"}]),
        "models": st.lists(st.one_of(AWKWARD, NAME), min_size=1, max_size=4, unique=True).map(
            lambda names: [{"name": name, "provider": "p", "upstreamName": name} for name in names]
        ),
    },
    optional={
        "profile": st.sampled_from(["development", "staging"]),
        "cache": st.fixed_dictionaries(
            {},
            optional={
                "similarityThreshold": st.floats(0, 1),
                "ttlSeconds": st.integers(0, 10**6),
                "evictionPolicy": st.sampled_from(["fifo", "lru", "lfu"]),
                "scope": st.sampled_from(["identity", "global"]),
                "hnsw": st.fixed_dictionaries({}, optional={"m": st.integers(2, 128)}),
            },
        ),
        "milvus": st.sampled_from([{"embedded": {}}, {"external": {"address": "milvus:19530"}}]),
    },
)


def _resource(spec: dict[str, Any], name: str = "semantic-router") -> SemanticRouter:
    spec = dict(spec)
    if "embedded" in spec.get("milvus", {}):
        spec.pop("profile", None)
    return parse({"metadata": {"name": name, "namespace": "ns", "uid": "u-1"}, "spec": spec})


def _objects(spec: dict[str, Any], facts: ClusterFacts | None = None) -> dict[str, dict[str, Any]]:
    objects = render(_resource(spec), facts or ClusterFacts())
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}


BASE: dict[str, Any] = {
    "providers": [{"name": "p", "baseURL": "http://vllm/v1"}],
    "models": [{"name": "m", "provider": "p"}],
}


@given(SPEC)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_every_valid_resource_renders_a_config_that_the_router_takes(tmp_path: Path, spec: dict[str, Any]) -> None:
    objects = _objects(spec)
    config = tmp_path / "config.yaml"
    config.write_text(objects["ConfigMap/semantic-router-config"]["data"]["config.yaml"])
    milvus = tmp_path / "config/semantic-cache/milvus.yaml"
    milvus.parent.mkdir(parents=True, exist_ok=True)
    if "ConfigMap/milvus-client-config" in objects:
        milvus.write_text(objects["ConfigMap/milvus-client-config"]["data"]["milvus.yaml"])
    router = load_config(config, {}).router
    assert [model.name for model in router.models] == [model["name"] for model in spec["models"]]
    for key, field in (("similarityThreshold", "similarity_threshold"), ("ttlSeconds", "ttl_seconds")):
        if key in spec.get("cache", {}):
            assert getattr(router.semantic_cache, field) == spec["cache"][key]


def test_secrets_are_referenced_and_never_copied() -> None:
    external = {
        "address": "milvus:19530",
        "credentialsSecretRef": {"name": "milvus-auth"},
        "tls": {"secretRef": {"name": "milvus-tls"}},
    }
    spec = BASE | {
        "providers": [{"name": "p", "baseURL": "http://vllm/v1", "apiKeySecretRef": {"name": "keys", "key": "vllm"}}],
        "milvus": {"external": external},
    }
    objects = _objects(spec)
    milvus = objects["ConfigMap/milvus-client-config"]["data"]["milvus.yaml"]
    assert "${MILVUS_USERNAME}" in milvus
    assert "${MILVUS_PASSWORD}" in milvus
    pod = objects["Deployment/semantic-router"]["spec"]["template"]["spec"]
    secrets = {
        each["name"]: (each["valueFrom"]["secretKeyRef"]["name"], each["valueFrom"]["secretKeyRef"]["key"])
        for each in pod["containers"][0]["env"]
        if "valueFrom" in each
    }
    assert secrets == {
        "PROVIDER_P_API_KEY": ("keys", "vllm"),
        "MILVUS_USERNAME": ("milvus-auth", "username"),
        "MILVUS_PASSWORD": ("milvus-auth", "password"),
    }
    items = [{"key": "ca.crt", "path": "ca.crt"}]
    assert {"name": "milvus-tls", "secret": {"secretName": "milvus-tls", "items": items}} in pod["volumes"]


def test_the_pod_is_restricted() -> None:
    pod = _objects(BASE)["Deployment/semantic-router"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_probes_speak_http_and_the_grace_period_outlasts_the_drain() -> None:
    pod = _objects(BASE | {"router": {"drainSeconds": 100}})["Deployment/semantic-router"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert all("httpGet" in container[probe] for probe in ("startupProbe", "readinessProbe", "livenessProbe"))
    assert pod["terminationGracePeriodSeconds"] > 100


def test_the_config_is_checked_by_the_very_image_that_will_run() -> None:
    pod = _objects(BASE)["Deployment/semantic-router"]["spec"]["template"]["spec"]
    (check,), (router,) = pod["initContainers"], pod["containers"]
    assert check["image"] == router["image"]
    assert check["args"][0] == "check-config"
    assert check["volumeMounts"] == router["volumeMounts"]
    assert check["env"] == router["env"]


def test_replicas_are_left_out_while_they_belong_to_an_autoscaler() -> None:
    assert "replicas" not in _objects(BASE | {"router": {"autoscaling": {}}})["Deployment/semantic-router"]["spec"]
    assert _objects(BASE)["Deployment/semantic-router"]["spec"]["replicas"] == 1


def _checksum(spec: dict[str, Any], facts: ClusterFacts | None = None) -> str:
    deployment = _objects(spec, facts)["Deployment/semantic-router"]
    return str(deployment["spec"]["template"]["metadata"]["annotations"][CHECKSUM_ANNOTATION])


def test_the_checksum_follows_what_a_pod_reads_at_its_start() -> None:
    spec = BASE | {
        "providers": [{"name": "p", "baseURL": "http://vllm/v1", "apiKeySecretRef": {"name": "keys", "key": "vllm"}}]
    }
    before = _checksum(spec, ClusterFacts(secret_versions={"keys": "1", "other": "1"}))
    assert before == _checksum(spec, ClusterFacts(secret_versions={"keys": "1", "other": "2"}))
    assert before != _checksum(spec, ClusterFacts(secret_versions={"keys": "2", "other": "1"}))
    assert before != _checksum(spec | {"milvus": {"embedded": {}}}, ClusterFacts(secret_versions={"keys": "1"}))


def test_names_are_those_of_the_guide_for_its_own_name_only() -> None:
    seed = {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in render(_resource(BASE | {"milvus": {"embedded": {}}}), ClusterFacts())
    }
    assert {"Deployment/semantic-router", "ConfigMap/semantic-router-config", "ConfigMap/milvus-client-config"} <= seed
    other = {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in render(_resource(BASE | {"milvus": {"embedded": {}}}, name="team-a"), ClusterFacts())
    }
    assert {"Deployment/team-a", "ConfigMap/team-a-config", "ConfigMap/team-a-milvus-client-config"} <= other
    assert seed.isdisjoint(other)


def test_every_object_is_owned_and_labelled() -> None:
    for each in render(_resource(BASE | {"milvus": {"embedded": {"storage": {}}}}), ClusterFacts()):
        assert each["metadata"]["ownerReferences"][0]["uid"] == "u-1", each["kind"]
        assert each["metadata"]["labels"]["app"] == "semantic-router", each["kind"]


def test_no_ports_are_zero_and_names_match_the_pod() -> None:
    objects = _objects(BASE)
    container = objects["Deployment/semantic-router"]["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for port in objects["Service/semantic-router"]["spec"]["ports"]:
        assert port["port"] == ports[port["targetPort"]] > 0


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "registry:5000/router:1.0"),
        ({"tag": "2.0"}, "registry:5000/router:2.0"),
        ({"repository": "mine/router"}, "mine/router"),
        ({"repository": "mine/router", "tag": "3"}, "mine/router:3"),
        ({"digest": "sha256:" + "a" * 64, "tag": "3"}, "registry:5000/router@sha256:" + "a" * 64),
    ],
)
def test_image_references(image: dict[str, str], expected: str) -> None:
    assert image_reference(Image(**image), "registry:5000/router:1.0") == expected
    assert image_reference(Image(), "registry:5000/router") == "registry:5000/router"


def test_the_epoch_names_the_configuration() -> None:
    def epoch(spec: dict[str, Any]) -> str:
        text = _objects(spec)["ConfigMap/semantic-router-config"]["data"]["config.yaml"]
        return str(yaml.safe_load(text)["config_epoch"])

    assert epoch(BASE) == epoch(BASE | {"router": {"replicas": 3}})
    assert epoch(BASE) != epoch(BASE | {"cache": {"similarityThreshold": 0.9}})
    assert re.fullmatch(r"[0-9a-f]{12}", epoch(BASE))
