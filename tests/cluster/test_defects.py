"""Fourteen defects of the nearest other operator, each found by reading its source; none of them may be ours.

The numbers are those of the list that was made then. What needs no cluster is rendered and read by the router's own
configuration, the rest is a real operator against a real API server.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operators, condition, eventually, settled

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render
from semantic_router_proxy.config.load import LoadedConfig, load_config

Json = dict[str, Any]
CHECKSUM = "semanticrouter.dev/checksum"
PASSWORD = "123456"


def _rendered(**spec: Any) -> dict[str, Json]:
    raw = {"metadata": {"name": "semantic-router", "namespace": "a", "uid": "u"}, "spec": spec}
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in render(parse(raw), ClusterFacts())}


def _loaded(objects: dict[str, Json], folder: Path) -> LoadedConfig:
    for each in objects.values():
        for key, text in each.get("data", {}).items():
            target = folder / ("config.yaml" if key == "config.yaml" else "config/semantic-cache/milvus.yaml")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return load_config(folder / "config.yaml", {"MILVUS_USERNAME": "root", "MILVUS_PASSWORD": PASSWORD})


def _template(objects: dict[str, Json]) -> Json:
    template: Json = objects["Deployment/semantic-router"]["spec"]["template"]
    return template


EXTERNAL = {"external": {"address": "milvus:19530", "credentialsSecretRef": {"name": "milvus-auth"}}}


def test_01_validation_across_fields_is_in_force_without_a_webhook(kubectl: Kubectl, resource: Json) -> None:
    resource["spec"]["models"][0]["provider"] = "nobody"
    refused = kubectl.run("apply", "-f", "-", stdin=resource)
    assert refused.returncode != 0
    assert "every model's provider" in refused.stderr


def test_02_no_port_of_the_service_is_zero_where_nothing_is_set() -> None:
    ports = _rendered()["Service/semantic-router"]["spec"]["ports"]
    assert ports[0]["port"] == 8801
    assert all(port["port"] > 0 for port in ports)


def test_03_what_is_switched_off_stays_off(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start("--resync-seconds=1")
    off = {"enabled": False}
    resource["spec"]["router"] |= {"autoscaling": off, "podDisruptionBudget": off}
    resource["spec"]["cache"] |= off
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    stored = (kubectl.get("sr/semantic-router") or {})["spec"]
    assert [stored["router"][key] for key in ("autoscaling", "podDisruptionBudget")] == [off, off]
    assert stored["cache"]["enabled"] is False
    assert "enabled: false" in (kubectl.get("configmap/semantic-router-config") or {})["data"]["config.yaml"]
    assert kubectl("get", "hpa,pdb", "-o", "name") == ""


def test_04_replicas_are_never_written_while_an_autoscaler_has_them(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start("--resync-seconds=1")
    resource["spec"]["router"] = {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("scale", "deployment/semantic-router", "--replicas=7")
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", '{"spec":{"router":{"image":{"tag":"2"}}}}')
    eventually(lambda: ":2" in json.dumps(kubectl.get("deployment/semantic-router")))
    assert (kubectl.get("deployment/semantic-router") or {})["spec"]["replicas"] == 7


def test_05_defaults_of_the_api_server_cause_no_update(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start("--resync-seconds=1")
    resource["spec"]["router"] |= {
        "ingress": {"host": "a.example"},
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "resources": {"requests": {"cpu": "1000m", "memory": "0.5Gi"}},
    }
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl) and kubectl.get("ingress/semantic-router"))
    versions = _versions(kubectl)
    kubectl("annotate", "sr/semantic-router", "look=again")
    seen = _passes(operators, operator.user)
    eventually(lambda: _passes(operators, operator.user) >= seen + 3)
    assert _versions(kubectl) == versions


def _versions(kubectl: Kubectl) -> Json:
    kinds = "service,configmap,serviceaccount,pdb,ingress"
    items = json.loads(kubectl("get", kinds, "-l", "app=semantic-router", "-o", "json", "--show-managed-fields"))[
        "items"
    ]
    generation = (kubectl.get("deployment/semantic-router") or {})["metadata"]["generation"]
    return {"": generation, **{item["kind"]: item["metadata"]["managedFields"][0]["time"] for item in items}}


def _passes(operators: Operators, user: str) -> int:
    lines = operators.access.audit_log.read_text().splitlines()
    return sum(user in line and '"verb":"list"' in line and '"resource":"semanticrouters"' in line for line in lines)


def test_06_a_password_is_in_no_object_and_its_rotation_is_noticed(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start()
    secret = ("username=root", f"password=canary-{PASSWORD}")
    kubectl("create", "secret", "generic", "milvus-auth", *(f"--from-literal={each}" for each in secret))
    resource["spec"] |= {"milvus": EXTERNAL, "cache": {"backend": "hybrid"}}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert "canary" not in kubectl("get", "configmaps,deployments,sr", "-o", "yaml")
    before = _template_annotation(kubectl)
    data = {"password": base64.b64encode(b"canary-2").decode()}
    kubectl("patch", "secret/milvus-auth", "--type=merge", "-p", json.dumps({"data": data}))
    eventually(lambda: _template_annotation(kubectl) != before)
    assert condition(kubectl, "Degraded")["reason"] != "SecretInvalid"


def _template_annotation(kubectl: Kubectl) -> str:
    deployment = kubectl.get("deployment/semantic-router") or {}
    return str(deployment["spec"]["template"]["metadata"]["annotations"][CHECKSUM])


def test_07_what_pods_read_at_their_start_restarts_them() -> None:
    before = _template(_rendered(milvus=EXTERNAL))["metadata"]["annotations"][CHECKSUM]
    other = {**EXTERNAL, "search": {"consistencyLevel": "Strong"}}
    assert _template(_rendered(milvus=other))["metadata"]["annotations"][CHECKSUM] != before


def test_08_texts_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    objects = _rendered(
        milvus=EXTERNAL,
        providers=[{"name": "a", "baseURL": "http://a/v1"}],
        models=[{"name": "123456", "provider": "a", "upstreamName": "1e3"}],
    )
    loaded = _loaded(objects, tmp_path)
    assert [(model.name, model.upstream_name) for model in loaded.router.models] == [("123456", "1e3")]
    assert loaded.milvus is not None
    assert loaded.milvus.connection.auth.password.get_secret_value() == PASSWORD


def test_09_hnsw_settings_reach_the_router(tmp_path: Path) -> None:
    hnsw = {"m": 32, "efConstruction": 99, "efSearch": 77}
    cache = {"backend": "hybrid", "hnsw": hnsw, "maxMemoryEntries": 123, "localCacheSize": 45}
    settings = _loaded(_rendered(milvus=EXTERNAL, cache=cache), tmp_path).router.semantic_cache
    assert (settings.hnsw_m, settings.hnsw_ef_construction, settings.hnsw_ef_search) == (32, 99, 77)
    assert (settings.max_memory_entries, settings.local_cache_size) == (123, 45)


def test_10_no_storage_class_is_made_up() -> None:
    claim = _rendered(milvus={"embedded": {"storage": {}}})["PersistentVolumeClaim/semantic-router-data"]
    assert "storageClassName" not in claim["spec"]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_11_probes_ask_over_http(probe: str) -> None:
    container = _template(_rendered())["spec"]["containers"][0]
    assert container[probe]["httpGet"]["path"] in ("/readyz", "/healthz")


def test_12_the_admin_port_can_be_reached_from_outside_the_pod(tmp_path: Path) -> None:
    router = _loaded(_rendered(), tmp_path).router
    assert (router.admin.host or router.server.host) == "0.0.0.0"  # noqa: S104
    container = _template(_rendered())["spec"]["containers"][0]
    assert {port["name"]: port["containerPort"] for port in container["ports"]}["admin"] == router.admin.port


def test_13_a_way_leads_only_to_what_the_resource_names() -> None:
    """That the router itself asks no other host is in tests/system; here the network closes the rest."""
    policies = _rendered(
        networkPolicy={},
        providers=[{"name": "a", "baseURL": "http://vllm.models.svc:8000/v1"}],
        models=[{"name": "m", "provider": "a"}],
    )
    rules = policies["NetworkPolicy/semantic-router"]["spec"]["egress"]
    dns = {port["port"] for port in rules[0]["ports"]}
    assert dns == {53}
    peers = [peer for rule in rules[1:] for peer in rule["to"]]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in peers] == [{"kubernetes.io/metadata.name": "models"}]


def test_14_what_the_operator_made_is_watched_and_looked_at_again(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("delete", "configmap/semantic-router-config", "service/semantic-router", "deployment/semantic-router")
    eventually(lambda: settled(kubectl))
