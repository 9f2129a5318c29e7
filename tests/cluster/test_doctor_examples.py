"""No false alarm on any example: all beside one another in one namespace, each as a healthy cluster holds it."""

import base64
import json
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.certificates import self_signed
from tests.cluster.conftest import ROOT, Kubectl, eventually
from tests.cluster.plugin import examine

from semantic_router_operator.api.validate import parse
from semantic_router_operator.handlers.desired import secret_keys_of
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render

Json = dict[str, Any]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
READY = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
MILVUS_READY = ("EtcdReady", "StorageReady", "MsgStreamReady", "MilvusReady", "MilvusUpdated")


def _resources(path: Path) -> list[Json]:
    found = [each for each in yaml.safe_load_all(path.read_text()) if each and each["kind"] == "SemanticRouter"]
    for each in found:
        each["metadata"]["name"] = path.stem
    return found


def _status(kubectl: Kubectl, what: str, status: Json) -> None:
    kubectl("patch", what, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def _secrets(resource: Json) -> list[Json]:
    certificate, value = (base64.b64encode(text.encode()).decode() for text in (self_signed(days=300), "value"))
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {key: certificate if key.endswith(".crt") else value for key in keys},
        }
        for name, keys in secret_keys_of(resource).items()
    ]


def _healthy(kubectl: Kubectl, raw: Json) -> None:
    """Bring into the cluster what the operator makes of a resource, and say of it what a healthy cluster says."""
    name = raw["metadata"]["name"]
    kubectl("apply", "-f", "-", stdin=raw)
    stored = dict(kubectl.get(f"sr/{name}") or {})
    objects = render(parse(stored), ClusterFacts(kinds=frozenset({"Milvus"})))
    documents = yaml.safe_dump_all([*_secrets(stored), *objects])
    # Each with its own part of a Secret that several of them refer to.
    kubectl("apply", "--server-side", "--force-conflicts", f"--field-manager={name}", "-f", "-", stdin=documents)
    generation = stored["metadata"]["generation"]
    now = stored["metadata"]["creationTimestamp"]
    told = [
        {"type": kind, "status": "True", "reason": "AsExpected", "message": "Well.", "lastTransitionTime": now}
        for kind in ("Ready", "ConfigValid", "RouterAvailable", "CacheReady", "MilvusReady", "BackupHealthy")
    ]
    milvus = {"version": "2.6.4", "collection": "semantic_cache_v1", "indexType": "HNSW", "metricType": "IP"}
    status = {"observedGeneration": generation, "conditions": told, "milvus": {**milvus, "loaded": True}}
    _status(kubectl, f"sr/{name}", status)
    for each in objects:
        if each["kind"] == "Milvus":
            conditions = [{"type": kind, "status": "True", "reason": "Ready"} for kind in MILVUS_READY]
            here = dict(kubectl.get(f"milvus/{each['metadata']['name']}") or {})
            healthy = {"status": "Healthy", "observedGeneration": here["metadata"]["generation"]}
            _status(kubectl, f"milvus/{each['metadata']['name']}", {**healthy, "conditions": conditions})


def test_all_examples_are_silent(kubectl: Kubectl) -> None:
    names = []
    for path in EXAMPLES:
        for raw in _resources(path):
            names.append(raw["metadata"]["name"])
            _healthy(kubectl, raw)
    assert {"quickstart", "production", "platform", "external-milvus", "managed-milvus"} <= set(names)
    pods: set[str] = set()

    def all_there() -> bool:
        for pod in (kubectl.get("pods") or {})["items"]:
            if pod["metadata"]["name"] not in pods:
                address = f"10.1.0.{len(pods) + 1}"
                status = {"phase": "Running", "conditions": READY, "podIP": address, "podIPs": [{"ip": address}]}
                _status(kubectl, f"pod/{pod['metadata']['name']}", status)
                pods.add(pod["metadata"]["name"])
        deployments = (kubectl.get("deployments") or {})["items"]
        return all(each["status"].get("readyReplicas") == each["spec"]["replicas"] for each in deployments)

    eventually(all_there, 120)
    told = {name: examine(kubectl.access.kubeconfig, kubectl.namespace, name) for name in names}
    assert {name: report["findings"] for name, (_, report) in told.items() if report["findings"]} == {}
    # No kubelet, so no router can be asked: that is said, and nothing else is left out.
    assert {each for _, report in told.values() for each in report["leftOut"]} == {"hit-rate"}
    assert {code for code, _ in told.values()} == {0}
