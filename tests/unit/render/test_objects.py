"""What restarts pods and what does not; the optional objects around them."""

from typing import Any

import pytest
import yaml

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.missing import missing_kinds
from semantic_router_operator.render.objects import render
from semantic_router_operator.render.router_config import restart_text, router_config
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.server.reload import restart_needed

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


@pytest.mark.parametrize(
    "change",
    [
        {"cache": {"enabled": False}},
        {"cache": {"evictionPolicy": "lru"}},
        {"cache": {"similarityThreshold": 0.9, "ttlSeconds": 5, "scope": "global", "maxResponseBytes": 5}},
        {"cache": {"guard": {"enabled": False}, "shadow": {"share": 1}}},
        {"cache": {"verifyThreshold": 0.5, "verifier": {"model": "small"}}},
        {"cache": {"embedding": {"timeoutSeconds": 5}}},
        {"access": {"requestsPerMinute": 5}},
        {"monitoring": {"tracing": {"endpoint": "http://collector:4318"}}},
        {"router": {"logLevel": "debug"}},
        {"router": {"limits": {"maxBodyBytes": 5000}}},
        {
            "routing": {
                "signals": {"embeddings": [{"name": "x", "candidates": ["a"]}]},
                "escalation": {"model": "large"},
            }
        },
    ],
)
def test_operator_and_router_agree_on_what_needs_a_restart(change: dict[str, Any]) -> None:
    def config(spec: dict[str, Any]) -> RouterConfig:
        return router_config(parse({"metadata": {"name": "a"}, "spec": {**SPEC, **spec}}))

    before, after = config({}), config(change)
    assert (restart_text(before) != restart_text(after)) == bool(restart_needed(before, after))


def test_the_first_signal_by_meaning_restarts_a_router_without_an_embedder() -> None:
    off = {"cache": {"enabled": False}}
    by_meaning = {"routing": {"signals": {"embeddings": [{"name": "x", "candidates": ["a"]}]}}}
    by_words = {"routing": {"signals": {"keywords": [{"name": "x", "keywords": ["a"]}]}}}
    assert _template(_objects(**off)) != _template(_objects(**off, **by_meaning))
    assert _template(_objects(**off)) == _template(_objects(**off, **by_words))
    assert _template(_objects()) == _template(_objects(**by_meaning))


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
