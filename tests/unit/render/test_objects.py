"""What restarts pods and what does not; the optional objects around them."""

from typing import Any

import pytest
import yaml

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.missing import missing_kinds
from semantic_router_operator.render.objects import render

FACTS = ClusterFacts()
SPEC: dict[str, Any] = {
    "providers": [{"name": "vllm", "baseURL": "http://vllm/v1", "apiKeySecretRef": {"name": "keys", "key": "vllm"}}],
    "models": [{"name": "small", "provider": "vllm"}, {"name": "large", "provider": "vllm"}],
    "milvus": {"external": {"address": "milvus:19530", "credentialsSecretRef": {"name": "milvus-auth"}}},
}


def _objects(facts: ClusterFacts = FACTS, **spec: Any) -> dict[str, dict[str, Any]]:
    raw = {"metadata": {"name": "semantic-router", "namespace": "a", "uid": "u"}, "spec": {**SPEC, **spec}}
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in render(parse(raw), facts)}


def _template(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    template: dict[str, Any] = objects["Deployment/semantic-router"]["spec"]["template"]
    return template


def _epoch(objects: dict[str, dict[str, Any]]) -> str:
    return str(yaml.safe_load(objects["ConfigMap/semantic-router-config"]["data"]["config.yaml"])["config_epoch"])


@pytest.mark.parametrize(
    "change",
    [
        {"routing": {"defaultModel": "large"}},
        {"models": [{"name": "small", "provider": "vllm"}]},
        {"cache": {"similarityThreshold": 0.99}},
        {"cache": {"ttlSeconds": 60}},
    ],
)
def test_what_the_router_reloads_gives_a_new_epoch_and_no_restart(change: dict[str, Any]) -> None:
    before, after = _objects(), _objects(**change)
    assert _template(after) == _template(before)
    assert _epoch(after) != _epoch(before)


@pytest.mark.parametrize(
    "change",
    [
        {"cache": {"backend": "milvus"}},
        {"cache": {"hnsw": {"m": 32}}},
        {"cache": {"embedding": {"threads": 2}}},
        {"milvus": {"external": {"address": "other:19530", "credentialsSecretRef": {"name": "milvus-auth"}}}},
        {"milvus": {**SPEC["milvus"], "search": {"consistencyLevel": "Strong"}}},
        {"router": {"drainSeconds": 5}},
    ],
)
def test_what_a_pod_reads_at_its_start_only_restarts_it(change: dict[str, Any]) -> None:
    assert _template(_objects(**change))["metadata"] != _template(_objects())["metadata"]


def test_replicas_are_the_autoscalers_while_there_is_one() -> None:
    objects = _objects(router={"autoscaling": {"minReplicas": 2, "maxReplicas": 4}})
    assert "replicas" not in objects["Deployment/semantic-router"]["spec"]
    assert objects["HorizontalPodAutoscaler/semantic-router"]["spec"]["maxReplicas"] == 4
    off = _objects(router={"autoscaling": {"enabled": False}, "replicas": 2})
    assert off["Deployment/semantic-router"]["spec"]["replicas"] == 2
    assert "HorizontalPodAutoscaler/semantic-router" not in off


def test_a_route_waits_until_the_cluster_serves_its_kind() -> None:
    router = {"httpRoute": {"parentRefs": [{"name": "public"}]}}
    assert "HTTPRoute/semantic-router" not in _objects(router=router)
    assert "HTTPRoute/semantic-router" in _objects(ClusterFacts(kinds=frozenset({"HTTPRoute"})), router=router)
    raw = {"metadata": {"name": "a"}, "spec": {"router": router}}
    assert [path for path, _ in missing_kinds(parse(raw), FACTS)] == ["spec.router.httpRoute"]


def test_the_admin_port_is_in_the_service_only_where_asked() -> None:
    def ports(**router: Any) -> list[str]:
        service = _objects(router=router)["Service/semantic-router"]
        return [port["name"] for port in service["spec"]["ports"]]

    assert ports() == ["http"]
    assert ports(service={"adminPort": True}) == ["http", "admin"]
