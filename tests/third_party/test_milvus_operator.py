"""The real milvus-operator beside ours: what it writes back is left alone, what it reports is read as it is meant.

Its charts are the tests' own (`charts/`), with the names and labels of the real ones; etcd and MinIO run as processes.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.plugin import reasons
from tests.milvus.server import MilvusServer
from tests.third_party.conftest import RealOperator

Json = dict[str, Any]
# It polls every 30 s, every 60 s once all is well, and a pod counts after it has been ready for 30 s.
pytestmark = pytest.mark.timeout(1200)
_POLLED = 240.0
READY = ("PodsReady", "Connected")


@pytest.fixture
def managed(resource: Json) -> Json:
    """The resource with a managed Milvus."""
    resource["spec"]["cache"]["backend"] = "hybrid"
    resource["spec"]["milvus"] = {"managed": {"version": "2.6.24"}}
    # No routers run here that could try the new place.
    resource["spec"]["migration"] = {"strategy": "immediate"}
    return resource


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MilvusServer]:
    """A Milvus after its very first start."""
    running = MilvusServer(tmp_path / "milvus", "--authorization-enabled", "true")
    running.start(token="root:Milvus")
    yield running
    running.kill()


def _milvus(kubectl: Kubectl) -> Json:
    return kubectl.get("milvus", "semantic-router") or {}


def _told(kubectl: Kubectl) -> tuple[str, str]:
    found = condition(kubectl, "MilvusReady")
    return str(found.get("reason")), str(found.get("message"))


def _says(kubectl: Kubectl, *reasons: str, words: str = "", pods_ready: bool = False) -> None:
    """Wait until MilvusReady has one of the reasons, and the words; `pods_ready`: as if a kubelet said so of all."""
    heard: list[tuple[str, str]] = []
    deadline = time.monotonic() + _POLLED
    while not heard or heard[-1][0] not in reasons or words not in heard[-1][1]:
        assert time.monotonic() < deadline, f"{heard}\n{json.dumps(_milvus(kubectl).get('status'))}"
        if pods_ready:
            _run_pods(kubectl)
        if (told := _told(kubectl)) not in heard[-1:]:
            heard.append(told)
        time.sleep(0.2)


def _run_pods(kubectl: Kubectl) -> bool:
    """Do the kubelet's part. A pod counts only from so many seconds after its time of becoming ready.

    False, for there is nothing to be said.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}]}
    for pod in (kubectl.get("pods") or {}).get("items", ()):
        if pod["status"]["phase"] == "Pending":
            change = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
            kubectl("patch", "pod", pod["metadata"]["name"], *change, check=False)
    return False


def _names(kubectl: Kubectl, kinds: str) -> set[str]:
    return set(kubectl("get", kinds, "-o", "name").split())


def _patch(kubectl: Kubectl, change: Json) -> None:
    text = json.dumps({"spec": {"milvus": {"managed": change}}})
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", text)


def test_standalone_from_nothing_to_ready_to_gone(
    kubectl: Kubectl,
    operators: Operators,
    managed: Json,
    milvus_operator: Callable[[], RealOperator],
    server: MilvusServer,
) -> None:
    real = milvus_operator()
    host = f"semantic-router-milvus.{kubectl.namespace}.svc:19530"
    operator = operators.start("--resync-seconds=5", f"--connect-to={host}=127.0.0.1:{server.port}")
    kubectl("apply", "-f", "-", stdin=managed)

    _says(kubectl, "Provisioning", words="waits for its etcd")
    spec = _milvus(kubectl)["spec"]
    address = f"{kubectl.namespace}"
    assert spec["dependencies"]["etcd"]["endpoints"] == [
        f"semantic-router-etcd-0.semantic-router-etcd-headless.{address}:2379"
    ]
    assert spec["dependencies"]["storage"]["endpoint"] == f"semantic-router-minio.{address}:9000"
    assert spec["dependencies"]["storage"]["inCluster"]["values"]["persistence"] == {"enabled": True, "size": "10Gi"}
    assert not any("milvus-standalone" in each for each in _names(kubectl, "deployment"))

    real.resolve("semantic-router", etcds=1)
    _says(kubectl, "EtcdNotReady")
    real.start_dependencies()
    _says(kubectl, "MilvusNotReady", words="PodScheduled")
    _says(kubectl, *READY, pods_ready=True)
    assert _milvus(kubectl)["status"]["status"] == "Healthy"
    # That it was not ready until it was made is no warning.
    events = (kubectl.get("events.events.k8s.io") or {})["items"]
    assert {each["reason"] for each in events if _warns(each)} <= {"NotLookedAt"}

    _nothing_is_written_while_it_polls_twice(kubectl, operators, operator.user, real)

    # It stays Healthy in its own word.
    real.stop("minio")
    _says(kubectl, "StorageNotReady", words="minio/admin/v3/info")
    assert _milvus(kubectl)["status"]["status"] == "Healthy"
    real.start_minio()
    _says(kubectl, *READY, pods_ready=True)

    _patch(kubectl, {"version": "2.6.25"})
    _says(kubectl, "MilvusUpdating", "MilvusNotReady", "Upgrading", "PodsNotReady")
    _says(kubectl, *READY, pods_ready=True)
    image = kubectl("get", "deploy/semantic-router-milvus-standalone", "-o", "jsonpath={..containers[0].image}")
    assert image == "milvusdb/milvus:v2.6.25"

    kubectl("delete", "sr", "semantic-router", "--wait=false")
    eventually(lambda: not _milvus(kubectl), _POLLED)
    eventually(lambda: not [each for each in _names(kubectl, "all,secret") if "milvus" in each or "etcd" in each], 120)
    # Nobody here takes away the finalizer that protects a claim in use.
    claims = (kubectl.get("pvc") or {}).get("items", ())
    assert [each["metadata"]["name"] for each in claims if not each["metadata"].get("deletionTimestamp")] == []


def _warns(event: Json) -> bool:
    return event["regarding"]["kind"] == "SemanticRouter" and event["type"] == "Warning"


def _nothing_is_written_while_it_polls_twice(
    kubectl: Kubectl, operators: Operators, user: str, real: RealOperator
) -> None:
    # What belongs to having become ready ends first.
    operator = next(each for each in operators.started if each.user == user)
    eventually(lambda: _run_pods(kubectl) or _settled(operators, user), _POLLED)
    generation, written = _milvus(kubectl)["metadata"]["generation"], len(operators.writes(operator))
    polls = _polls(real)
    eventually(lambda: _polls(real) >= polls + 2, _POLLED)
    new = [(each["verb"], each["objectRef"]["resource"]) for each in operators.writes(operator)[written:]]
    assert new == [], kubectl("get", "events.events.k8s.io,sr", "-o", "yaml")[-9000:]
    assert _milvus(kubectl)["metadata"]["generation"] == generation


def _settled(operators: Operators, user: str) -> bool:
    """Whether three passes in a row have written nothing."""
    passes = [
        line
        for line in operators.access.audit_log.read_text().splitlines()
        if user in line and '"resource":"leases"' not in line and '"verb":"watch"' not in line
    ]
    return not any(f'"verb":"{verb}"' in line for line in passes[-12:] for verb in ("patch", "create", "update"))


def _polls(real: RealOperator) -> int:
    return len(re.findall("syncHealthyUpdated end", real.log))


def test_a_cluster_with_woodpecker_is_scaled(
    kubectl: Kubectl, operators: Operators, managed: Json, milvus_operator: Callable[[], RealOperator]
) -> None:
    """Nobody answers there: its pods run as asked for is as far as it gets."""
    real = milvus_operator()
    real.resolve("semantic-router", etcds=3)
    real.start_dependencies()
    operators.start("--resync-seconds=5")
    components = {"queryNode": {"replicas": 2}}
    managed["spec"]["milvus"]["managed"] |= {
        "mode": "cluster", "messageStream": "woodpecker", "auth": {"enabled": False}, "components": components,
    }  # fmt: skip
    kubectl("apply", "-f", "-", stdin=managed)
    _says(kubectl, *READY, pods_ready=True)
    made = {each.removeprefix("deployment.apps/semantic-router-milvus-") for each in _names(kubectl, "deployment")}
    assert {"proxy", "mixcoord", "datanode", "streamingnode", "querynode-0", "querynode-1"} <= made

    _patch(kubectl, {"components": {"queryNode": {"replicas": 3}}})
    _says(kubectl, "Scaling", "PodsNotReady", "MilvusNotReady", "MilvusUpdating")
    _says(kubectl, *READY, pods_ready=True)
    nodes = [
        int(kubectl("get", f"deploy/semantic-router-milvus-querynode-{group}", "-o", "jsonpath={.spec.replicas}"))
        for group in (0, 1)
    ]
    assert sorted(nodes) == [0, 3]


def test_a_cluster_without_its_pulsar_tells_so_and_leaves_its_data(
    kubectl: Kubectl, operators: Operators, managed: Json, milvus_operator: Callable[[], RealOperator]
) -> None:
    real = milvus_operator()
    real.resolve("semantic-router", etcds=3)
    real.start_dependencies()
    operators.start("--resync-seconds=5")
    managed["spec"]["milvus"]["managed"] |= {"mode": "cluster"}
    kubectl("apply", "-f", "-", stdin=managed)
    _says(kubectl, "MsgStreamNotReady", words="connection error")
    assert not any("milvus-proxy" in each for each in _names(kubectl, "deployment"))
    assert _milvus(kubectl)["status"]["status"] == "Pending"
    found = reasons(kubectl.access.kubeconfig, kubectl.namespace)
    assert found >= {"DependencyDown", "NoDefaultStorageClass"}

    claims = _names(kubectl, "pvc")
    assert len(claims) == 3 + 4 + 6
    kubectl("delete", "sr", "semantic-router", "--wait=false")
    eventually(lambda: not _milvus(kubectl), _POLLED)
    assert _names(kubectl, "pvc") == claims
    assert "statefulset.apps/semantic-router-pulsar-bookie" in _names(kubectl, "statefulset")
    kubectl("apply", "-f", "-", stdin=managed)
    _says(kubectl, "MsgStreamNotReady", words="connection error")
    assert _names(kubectl, "pvc") == claims
