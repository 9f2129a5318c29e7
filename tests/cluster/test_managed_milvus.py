"""A Milvus that milvus-operator runs: a stand-in for that operator on a real API server, a real Milvus behind it."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.test_lifecycle import ready_pods
from tests.milvus.certificates import make_certificates
from tests.milvus.server import MilvusServer

from semantic_router_operator.probes.milvus import MilvusState, Target, Tls, probe

Json = dict[str, Any]
# Long stories, the first with a Milvus that takes minutes to start on a machine with much else to do.
pytestmark = [pytest.mark.xdist_group("managed-milvus"), pytest.mark.timeout(600)]
CONFIG = "configmap/semantic-router-config"


@dataclass
class Server:
    """A Milvus that speaks TLS, as it is after its very first start: root has the password that everybody knows."""

    milvus: MilvusServer
    certificates: Path
    host: str

    def ask(self, username: str, password: str) -> MilvusState:
        tls = Tls((self.certificates / "ca.crt").read_bytes(), server_name=self.host)
        return probe(Target("127.0.0.1", self.milvus.port, username=username, password=password, tls=tls))


@pytest.fixture
def server(namespace: str, tmp_path: Path) -> Iterator[Server]:
    host, folder = f"semantic-router-milvus.{namespace}.svc", tmp_path / "certificates"
    make_certificates(folder, host)
    files = {"server-pem": "server.crt", "server-key": "server.key", "ca-pem": "ca.crt"}
    options = [text for name, file in files.items() for text in (f"--{name}-path", str(folder / file))]
    running = MilvusServer(tmp_path / "milvus", "--authorization-enabled", "true", "--tls-mode", "1", *options)
    ca = str(folder / "ca.crt")
    running.start(token="root:Milvus", secure=True, server_pem_path=ca, server_name=host)
    yield Server(running, folder, host)
    running.kill()


@pytest.fixture
def managed(resource: Json) -> Json:
    """The resource with a managed Milvus."""
    resource["spec"]["cache"]["backend"] = "hybrid"
    resource["spec"]["milvus"] = {"managed": {"version": "2.5.4"}}
    return resource


def _ready(kubectl: Kubectl) -> str:
    return str(condition(kubectl, "MilvusReady").get("reason", ""))


def _milvus(kubectl: Kubectl) -> Json:
    return kubectl.get("milvus", "semantic-router") or {}


def _secret(kubectl: Kubectl, name: str) -> dict[str, str]:
    found = kubectl.get("secret", f"semantic-router-milvus-{name}") or {}
    return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}


def _annotate(kubectl: Kubectl, what: str, *annotations: str) -> None:
    kubectl("annotate", "--overwrite", what, *annotations)


def test_from_nothing_to_a_milvus_with_a_login_of_its_own_and_back(
    kubectl: Kubectl, operators: Operators, managed: Json, milvus_operator: Callable[[], None], server: Server
) -> None:
    arguments = ("--resync-seconds=1", f"--connect-to={server.host}:19530=127.0.0.1:{server.milvus.port}")
    managed["spec"]["milvus"]["managed"]["tls"] = {"secretRef": {"name": "certificate"}}
    operator = operators.start(*arguments)
    kubectl("apply", "-f", "-", stdin=managed)

    # Until there is a Milvus, the router serves from memory; nobody looks after its resource yet.
    eventually(lambda: _ready(kubectl) == "CertificateMissing")
    files = {"tls.crt": "server.crt", "tls.key": "server.key", "ca.crt": "ca.crt"}
    given = [f"--from-file={key}={server.certificates / file}" for key, file in files.items()]
    kubectl("create", "secret", "generic", "certificate", *given)
    eventually(lambda: _ready(kubectl) == "NotLookedAt")
    eventually(lambda: ready_pods(kubectl) and condition(kubectl, "RouterAvailable").get("status") == "True")
    assert "backend_type: memory" in (kubectl.get(CONFIG) or {})["data"]["config.yaml"]
    user, root = _secret(kubectl, "auth"), _secret(kubectl, "root")
    assert (user["username"], len(user["password"]), len(root["password"])) == ("semantic_router_1", 40, 40)

    milvus_operator()
    eventually(lambda: condition(kubectl, "MilvusReady").get("status") == "True", 180)
    assert server.ask(**user).reason == ""
    assert server.ask("root", root["password"]).reason == ""
    assert server.ask("root", "Milvus").reason == "CredentialsRefused"
    assert _milvus(kubectl)["spec"]["config"]["common"]["security"] == {"authorizationEnabled": True, "tlsMode": 1}

    # What milvus-operator has written into the resource stays, and nobody fights over it.
    spec = _milvus(kubectl)["spec"]
    assert spec["dependencies"]["storage"]["secretRef"] == "semantic-router-minio"
    assert spec["dependencies"]["storage"]["inCluster"]["values"]["persistence"] == {"enabled": True, "size": "10Gi"}
    generation = _milvus(kubectl)["metadata"]["generation"]
    operator.kill()
    operator = operators.again(operator, *arguments)
    passes = _passes(operators, operator.user)
    eventually(lambda: _passes(operators, operator.user) >= passes + 3)
    assert _milvus(kubectl)["metadata"]["generation"] == generation
    assert (_secret(kubectl, "auth"), _secret(kubectl, "root")) == (user, root)

    _annotate(kubectl, "sr/semantic-router", "semanticrouter.dev/rotate-milvus-password=first")
    eventually(lambda: _secret(kubectl, "auth")["username"] == "semantic_router_2")
    rotated = _secret(kubectl, "auth")
    assert server.ask(**rotated).reason == ""
    eventually(lambda: ready_pods(kubectl) and server.ask(**user).reason == "CredentialsRefused")
    assert _secret(kubectl, "auth") == rotated

    # No password has left its Secret.
    told = kubectl("get", "sr,milvus,configmap,deployment,events", "-o", "yaml")
    everything = "".join(each.log.read_text() for each in operators.started) + told
    for password in (user["password"], rotated["password"], root["password"]):
        assert password not in everything

    kubectl("delete", "sr", "semantic-router", "--wait=false")
    eventually(lambda: not _milvus(kubectl), 120)
    eventually(lambda: kubectl("get", "pvc", "-o", "name") == "")
    eventually(lambda: not _secret(kubectl, "auth") and not _secret(kubectl, "root"))


def _passes(operators: Operators, user: str) -> int:
    lines = operators.access.audit_log.read_text().splitlines()
    return sum(user in line and '"verb":"list"' in line and '"resource":"semanticrouters"' in line for line in lines)


def test_what_its_status_conceals_is_told_and_an_upgrade_waits_for_a_backup(
    kubectl: Kubectl, operators: Operators, managed: Json, milvus_operator: Callable[[], None]
) -> None:
    """No pod really runs: the kubelet's part is to say of each that it does, or how it has ended."""
    spec = managed["spec"]
    spec["milvus"]["managed"]["auth"] = {"enabled": False}
    spec["migration"] = {"strategy": "immediate"}
    store = {"endpoint": "http://s3.example", "bucket": "backups", "credentialsSecretRef": {"name": "s3"}}
    spec["backup"] = {"schedule": "0 2 * * *", "engine": "export", "s3": store}
    kubectl("create", "secret", "generic", "s3", "--from-literal=accesskey=a", "--from-literal=secretkey=b")
    milvus_operator()
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=managed)
    eventually(lambda: ready_pods(kubectl) and condition(kubectl, "Migrating").get("reason") == "Completed", 180)
    what = "milvus/semantic-router"

    _annotate(kubectl, what, "stand-in.test/StorageReady=minio is down")
    eventually(lambda: _ready(kubectl) == "StorageNotReady")
    assert _milvus(kubectl)["status"]["status"] == "Healthy"
    assert "minio is down" in condition(kubectl, "MilvusReady")["message"]
    _annotate(kubectl, what, "stand-in.test/StorageReady-")
    # Nobody answers at its address; its pods are well.
    eventually(lambda: _ready(kubectl) == "AddressUnknown", 180)

    # No version without a backup of what the one before has written.
    backup = "semanticcachebackup/semantic-router-before-2.5.9"
    _patch(kubectl, {"version": "2.5.9"})
    _end_backup(kubectl, 1)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "ChangeRefused")
    assert "version stays 2.5.4" in condition(kubectl, "Degraded")["message"]
    kubectl("delete", backup)
    eventually(lambda: kubectl("get", backup, "--ignore-not-found", "-o", "name"))
    operator.kill()
    kubectl("delete", "lease", "semantic-router-operator")
    operators.again(operator)
    assert _milvus(kubectl)["spec"]["components"]["version"] == "v2.5.4"
    # An upgrade that Helm does not get to, and one whose pods stay as they are: both look healthy.
    _annotate(kubectl, what, "stand-in.test/helm-fails=yes")
    _end_backup(kubectl, 0)
    # The words of a pod that says nothing are waited for, for half a minute.
    eventually(lambda: _ready(kubectl) == "StatusBehind", 180)
    _annotate(kubectl, what, "stand-in.test/helm-fails-", "stand-in.test/pods-stuck=yes")
    eventually(lambda: _ready(kubectl) == "Upgrading")
    _annotate(kubectl, what, "stand-in.test/pods-stuck-")
    eventually(lambda: _ready(kubectl) == "AddressUnknown", 180)
    assert _milvus(kubectl)["spec"]["components"]["image"] == "milvusdb/milvus:v2.5.9"
    # It is history now.
    assert kubectl("get", backup, "-o", "jsonpath={.status.phase}") == "Succeeded"

    # What it cannot follow is not sent.
    generation = _milvus(kubectl)["metadata"]["generation"]
    _patch(kubectl, {"version": "2.5.4"})
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "ChangeRefused")
    assert "version stays 2.5.9" in condition(kubectl, "Degraded")["message"]
    assert _milvus(kubectl)["metadata"]["generation"] == generation


def _end_backup(kubectl: Kubectl, code: int) -> None:
    """Wait for the pod of the backup's Job, and let it end with this exit code."""

    def pods() -> list[Json]:
        found = (kubectl.get("pods", "-l", "app.kubernetes.io/component=backup") or {}).get("items", [])
        return [pod for pod in found if pod["status"]["phase"] == "Pending" and pod["metadata"].get("ownerReferences")]

    (pod,) = eventually(pods)
    ended = {"terminated": {"exitCode": code, "message": "", "reason": "Error" if code else "Completed"}}
    container = {"image": "x", "imageID": "", "restartCount": 0, "ready": False, "state": ended}
    statuses = [{**container, "name": each["name"]} for each in pod["spec"]["containers"]]
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": statuses}
    patch = json.dumps({"status": status})
    kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)


def _patch(kubectl: Kubectl, managed: Json) -> None:
    change = json.dumps({"spec": {"milvus": {"managed": managed}}})
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", change)


def test_retained_data_and_its_password_are_taken_over(
    kubectl: Kubectl, operators: Operators, managed: Json, milvus_operator: Callable[[], None]
) -> None:
    """Nobody answers there, so that it never is ready; its objects are what counts."""
    components = {"queryNode": {"replicas": 2}, "dataNode": {"replicas": -1}}
    managed["spec"]["milvus"]["managed"] |= {"mode": "cluster", "components": components}
    milvus_operator()
    operators.start()
    kubectl("apply", "-f", "-", stdin=managed)
    eventually(lambda: _secret(kubectl, "root") and kubectl("get", "pvc", "-o", "name").count("\n") == 13)
    eventually(lambda: _ready(kubectl) == "AddressUnknown")
    # What an autoscaler has done is nobody's business.
    data_nodes = "deployment/semantic-router-milvus-datanode"
    kubectl("scale", data_nodes, "--replicas=3")
    eventually(lambda: (kubectl.get(data_nodes) or {})["status"].get("readyReplicas") == 3, 120)
    eventually(lambda: _ready(kubectl) == "AddressUnknown")
    assert (kubectl.get(data_nodes) or {})["spec"]["replicas"] == 3
    root, user = _secret(kubectl, "root"), _secret(kubectl, "auth")
    kept = (kubectl.get("sr", "semantic-router") or {})["status"]["retained"]
    assert "Secret/semantic-router-milvus-root" in kept
    kubectl("delete", "sr", "semantic-router", "--wait=false")
    eventually(lambda: not _milvus(kubectl), 120)
    assert kubectl("get", "pvc", "-o", "name").count("\n") == 13
    kubectl("apply", "-f", "-", stdin=managed)
    eventually(lambda: _milvus(kubectl).get("status"))
    assert (_secret(kubectl, "root"), _secret(kubectl, "auth")) == (root, user)
