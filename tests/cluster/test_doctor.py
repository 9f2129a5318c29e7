"""The doctor on a real API server, while no operator runs: what it finds, what it leaves out, what it repairs."""

import base64
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.certificates import self_signed
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.plugin import examine, reasons, run
from tests.cluster.proxy import fault_proxy
from tests.control_plane.server import write_kubeconfig
from tests.control_plane.shared import Access

Json = dict[str, Any]
ROUTER = {"app.kubernetes.io/name": "semantic-router", "app.kubernetes.io/instance": "semantic-router"}
MILVUS = {"app.kubernetes.io/name": "milvus"}
CANARY = "canary-4d1f8e"


def _pod(kubectl: Kubectl, name: str, labels: dict[str, str]) -> None:
    spec = {"containers": [{"name": "main", "image": "none", "env": [{"name": "SOME_TOKEN", "value": CANARY}]}]}
    metadata = {"name": name, "labels": labels}
    kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    # No kubelet here: it would say so of a running pod.
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    kubectl("patch", f"pod/{name}", "--subresource=status", "--type=merge", "-p", json.dumps(ready))


@pytest.fixture
def viewer(control_plane: Access, kubectl: Kubectl, tmp_path: Path) -> Path:
    """A kubeconfig of somebody who may look at this namespace, but not into Secrets."""
    kubectl("create", "serviceaccount", "viewer")
    kinds = "pods,services,events,persistentvolumeclaims,deployments.apps,statefulsets.apps,jobs.batch"
    kinds += ",networkpolicies.networking.k8s.io,semanticrouters.semanticrouter.dev"
    kubectl("create", "role", "viewer", "--verb=get,list", f"--resource={kinds}")
    kubectl("create", "rolebinding", "viewer", "--role=viewer", f"--serviceaccount={kubectl.namespace}:viewer")
    config = tmp_path / "viewer.kubeconfig"
    token = kubectl("create", "token", "viewer").strip()
    write_kubeconfig(config, control_plane.url, control_plane.certificate, token, kubectl.namespace)
    return config


def test_a_healthy_resource_is_silent_also_for_somebody_who_may_only_look(
    kubectl: Kubectl, resource: Json, viewer: Path
) -> None:
    kubectl("apply", "-f", "-", stdin=resource)
    code, told = examine(viewer, kubectl.namespace)
    assert (code, told["findings"]) == (0, [])
    # Lists of the whole cluster and Secrets are not a viewer's; that is said, and the others are looked at.
    assert all("forbidden" in why for why in told["leftOut"].values())
    assert {"connection", "storage", "quota", "router-config"} <= set(told["silent"])


def test_what_is_broken_is_found_for_real(
    control_plane: Access, kubectl: Kubectl, resource: Json, tmp_path: Path
) -> None:
    resource["spec"]["cache"]["backend"] = "hybrid"
    resource["spec"]["milvus"] = {
        "external": {
            "address": "milvus:19530",
            "credentialsSecretRef": {"name": "milvus-auth"},
            "tls": {"secretRef": {"name": "milvus-tls"}},
        }
    }
    kubectl("apply", "-f", "-", stdin=resource)
    certificate = base64.b64encode(self_signed(days=-1).encode()).decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "milvus-tls"}, "data": {"ca.crt": certificate}}
    kubectl("apply", "-f", "-", stdin=secret)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "semantic-router-data", "labels": ROUTER},
        "spec": {
            "storageClassName": "no-such-class",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    kubectl("apply", "-f", "-", stdin=claim)
    _pod(kubectl, "router-1", ROUTER)
    _pod(kubectl, "milvus-0", MILVUS)
    kubectl("create", "service", "clusterip", "milvus", "--tcp=19530")
    kubectl("set", "selector", "service/milvus", "app.kubernetes.io/name=milvus")
    closed = {"podSelector": {"matchLabels": MILVUS}, "policyTypes": ["Ingress"]}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": closed,
    }
    kubectl("apply", "-f", "-", stdin=policy)
    containers = {"containers": [{"name": "router", "image": "none"}], "serviceAccountName": "nobody"}
    template = {"metadata": {"labels": ROUTER}, "spec": containers}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "semantic-router", "labels": ROUTER},
        "spec": {"replicas": 1, "selector": {"matchLabels": ROUTER}, "template": template},
    }
    kubectl("apply", "-f", "-", stdin=deployment)

    admin = control_plane.kubeconfig
    expected = {"SecretMissing", "CertificateExpired", "StorageClassMissing", "PolicyBlocks", "PodsRefused"}

    eventually(lambda: reasons(admin, kubectl.namespace) == expected)
    assert examine(admin, kubectl.namespace)[0] == 2

    kubectl("delete", "service", "milvus")
    kubectl("delete", "networkpolicy", "deny")
    assert reasons(admin, kubectl.namespace) == expected - {"PolicyBlocks"} | {"ServiceMissing"}
    shown = run(admin, "doctor", "-n", kubectl.namespace).stdout
    assert "Service/milvus" in shown
    assert "CertificateExpired" in shown

    place = tmp_path / "bundle.tar.gz"
    run(admin, "bundle", "-n", kubectl.namespace, "-o", str(place))
    with tarfile.open(place) as archive:
        files = {entry.name: archive.extractfile(entry).read().decode() for entry in archive}  # type: ignore[union-attr]
    assert "objects/pod/router-1.yaml" in files
    assert "CertificateExpired" in files["doctor.txt"]
    assert not any(CANARY in text or certificate[:40] in text for text in files.values())


def test_a_resource_that_is_not_there_and_a_cluster_that_does_not_answer_are_said_in_a_sentence(
    control_plane: Access, kubectl: Kubectl, tmp_path: Path
) -> None:
    nothing = run(control_plane.kubeconfig, "status", "-n", kubectl.namespace)
    assert nothing.returncode == 2
    assert nothing.stderr == f"There is no SemanticRouter in namespace {kubectl.namespace}; name another with -n.\n"
    nobody = tmp_path / "nobody.kubeconfig"
    write_kubeconfig(nobody, "https://127.0.0.1:9", control_plane.certificate, "token", kubectl.namespace)
    silent = run(nobody, "doctor", "semantic-router")
    assert silent.returncode == 2
    assert "No answer from the API server" in silent.stderr
    assert "Traceback" not in silent.stderr


def test_the_operator_calls_the_doctor_and_tells_the_verdict(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operator = operators.start("--diagnose-after-seconds=1")
    resource["spec"]["cache"]["backend"] = "hybrid"
    resource["spec"]["milvus"] = {"external": {"address": "milvus:19530"}}
    kubectl("apply", "-f", "-", stdin=resource)
    told = eventually(lambda: "Diagnosis: ServiceMissing" in condition(kubectl, "Ready").get("message", ""))
    assert told, operator.log.read_text()
    assert "kubectl -n" in condition(kubectl, "Ready")["message"]

    def recorded() -> list[Json]:
        events = (kubectl.get("events.events.k8s.io") or {})["items"]
        return [each for each in events if each["reason"] == "ServiceMissing"]

    assert eventually(recorded)[0]["action"] == "Diagnose"
    # Once the Service is there, what remains is that no pod stands behind it.
    kubectl("create", "service", "clusterip", "milvus", "--tcp=19530")
    assert examine(operators.access.kubeconfig, kubectl.namespace)[1]["findings"][0]["reason"] == "NoEndpoints"


def test_what_the_cluster_refuses_or_cannot_make_is_told_in_its_words(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    admin = kubectl.access.kubeconfig
    kubectl("create", "quota", "small", "--hard=pods=1")
    # As its controller would say, which does not run here; admission counts on from there.
    counted = {"status": {"hard": {"pods": "1"}, "used": {"pods": "0"}}}
    kubectl("patch", "quota/small", "--subresource=status", "--type=merge", "-p", json.dumps(counted))
    operators.start("--diagnose-after-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: reasons(admin, kubectl.namespace) == {"QuotaExceeded"})
    quota = [each for each in examine(admin, kubectl.namespace)[1]["findings"] if each["reason"] == "QuotaExceeded"]
    assert "exceeded quota: small" in quota[0]["evidence"]
    eventually(lambda: "Diagnosis: QuotaExceeded" in condition(kubectl, "Ready").get("message", ""))
    kubectl("delete", "quota", "small")

    # No kubelet here: what it would say of an image that is not there, of one that is killed, and of one that ends.
    pods = eventually(lambda: (kubectl.get("pods", "-l", "app=semantic-router") or {})["items"])
    for state, reason in (
        ({"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}, "ImageCannotBePulled"),
        ({"state": {"running": {}}, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}},
         "RouterOutOfMemory"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}},
          "lastState": {"terminated": {"exitCode": 1, "message": "the API port cannot be opened"}}}, "ContainerFails"),
    ):  # fmt: skip
        container = {"name": "router", "image": "x", "imageID": "", "restartCount": 1, "ready": False, **state}
        patch = json.dumps({"status": {"containerStatuses": [container]}})
        kubectl("patch", f"pod/{pods[0]['metadata']['name']}", "--subresource=status", "--type=merge", "-p", patch)
        assert reasons(admin, kubectl.namespace) == {reason}


def test_a_safe_repair_is_shown_asked_for_and_made(kubectl: Kubectl, resource: Json, viewer: Path) -> None:
    admin, words = kubectl.access.kubeconfig, ("doctor", "semantic-router", "-n", kubectl.namespace, "--fix")
    resource["spec"] |= {"cache": {"backend": "hybrid"}, "milvus": {"managed": {"mode": "standalone"}}}
    kubectl("apply", "-f", "-", stdin=resource)
    pause = "milvus.io/pause-reconcile"
    metadata = {"name": "semantic-router", "annotations": {pause: "true"}}
    milvus = {"apiVersion": "milvus.io/v1beta1", "kind": "Milvus", "metadata": metadata, "spec": {"mode": "standalone"}}
    kubectl("apply", "--server-side", "-f", "-", stdin=milvus)

    def paused() -> bool:
        return pause in (kubectl.get("milvus/semantic-router") or {})["metadata"].get("annotations", {})

    shown = run(admin, *words, answer="n\n")
    assert f"Will remove the annotation {pause} of Milvus/semantic-router" in shown.stderr
    assert (shown.returncode, paused()) == (1, True), shown.stdout
    looker = run(viewer, *words, "--yes")
    assert "MilvusPaused" not in looker.stdout, "he may not list Milvus, so there is nothing to repair"
    assert run(admin, *words, "--yes").returncode == 0
    assert not paused()
    assert reasons(admin, kubectl.namespace) == set()
    assert "Nothing that was found can be repaired" in run(admin, *words).stderr


def test_a_list_that_never_ends_and_a_clock_that_is_wrong_hide_nothing(
    control_plane: Access, kubectl: Kubectl, resource: Json, viewer: Path, tmp_path: Path
) -> None:
    resource["spec"] |= {"cache": {"backend": "hybrid"}, "milvus": {"external": {"address": "milvus:19530"}}}
    kubectl("apply", "-f", "-", stdin=resource)
    token = json.loads(viewer.read_text())["users"][0]["user"]["token"]
    with fault_proxy(control_plane.url, control_plane.certificate) as proxy:
        config = tmp_path / "proxied.kubeconfig"
        write_kubeconfig(config, proxy.url, control_plane.certificate, token, kubectl.namespace)
        proxy.clock_seconds = 120.0
        proxy.silent = lambda path: "/persistentvolumeclaims" in path
        code, told = examine(config, kubectl.namespace)
    assert {each["reason"] for each in told["findings"]} == {"ServiceMissing", "ClockSkew"}
    assert "no answer within 10 s" in told["leftOut"]["storage"]
    assert code == 2
