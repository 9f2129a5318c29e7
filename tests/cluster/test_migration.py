"""A whole migration and back: the operator, the routers, the Jobs and Milvus Lite as a server are real; what is missing
is a kubelet, whose part the test does. The operator is killed in every step."""

import base64
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operator, Operators, condition, eventually
from tests.cluster.kubelet import Kubelet, Pod

Json = dict[str, Any]
QUESTION = "How do I bake a loaf of rye bread at home?"
SECRETS_DIR = "/etc/semantic-router/secrets"
TOKEN = "an-admin-token"
# The cluster's DNS for a Job's process: names that lead to the addresses of pods.
RESOLVING = """
import json, socket, sys
names, real = json.loads(sys.argv.pop(1)), socket.getaddrinfo
def getaddrinfo(host, port, *more, **options):
    return [each for address in names.get(host, [host]) for each in real(address, port, *more, **options)]
socket.getaddrinfo = getaddrinfo
from semantic_router_proxy.cli import main
main()
"""


class Node(Kubelet):
    """Runs the pods of Jobs as well, and mounts the admin token."""

    def mount(self, pod: Pod) -> None:
        super().mount(pod)
        self._with_secrets(pod.folder)

    def run_job(self, step: str) -> Json:
        """Run the pod of the step's Job when it is there, its containers one after another; return its status."""
        described = dict(eventually(lambda: self._job_pod(step), 60) or {})  # type: ignore[call-overload]
        name, spec = described["metadata"]["name"], described["spec"]
        folder = self.folder / name
        (folder / "work").mkdir(parents=True)
        statuses: dict[str, list[Json]] = {"initContainerStatuses": [], "containerStatuses": []}
        code = 0
        for kind, containers in (
            ("initContainerStatuses", spec.get("initContainers", [])),
            ("containerStatuses", spec["containers"]),
        ):
            for container in containers:
                code, message = self._run_container(described, container, folder) if code == 0 else (1, "")
                ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed"}
                statuses[kind].append(
                    {"name": container["name"], "image": "x", "imageID": "", "restartCount": 0, "ready": False,
                     "state": {"terminated": ended}}
                )  # fmt: skip
        status = {
            "phase": "Failed" if code else "Succeeded",
            **{key: value for key, value in statuses.items() if value},
        }
        patch = json.dumps({"status": status})
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
        return status

    def _job_pod(self, step: str) -> Json | None:
        pods = (self.kubectl.get("pods", "-l", "app.kubernetes.io/component=migration") or {}).get("items", [])
        fresh = [pod for pod in pods if f"-{step}-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Pending"]
        return fresh[0] if fresh else None

    def _run_container(self, pod: Json, container: Json, folder: Path) -> tuple[int, str]:
        mounted = next(each["name"] for each in container["volumeMounts"] if each["mountPath"] == "/app/config")
        volume = next(each["configMap"] for each in pod["spec"]["volumes"] if each["name"] == mounted)
        data = (self.kubectl.get(f"configmap/{volume['name']}") or {})["data"]
        home = folder / container["name"]
        for item in volume["items"]:
            file = home / "config" / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data[item["key"]])
        self._with_secrets(home)
        places = {"/app": str(home), "/work": str(folder / "work"), SECRETS_DIR: str(home / "secrets")}
        arguments = [_moved(each, places) for each in container["args"]]
        result = home / "result"
        environment = os.environ | self._environment({"spec": {"containers": [container]}})
        environment |= {"SEMANTIC_ROUTER_RESULT_FILE": str(result), "SEMANTIC_ROUTER_DATA_DIR": str(home)}
        names = {f"semantic-router-metrics.{self.kubectl.namespace}.svc": [each.address for each in self.pods.values()]}
        done = subprocess.run(
            [sys.executable, "-c", RESOLVING, json.dumps(names), *arguments],
            cwd=home, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        told = result.read_text() if result.exists() else (done.stderr.strip().splitlines() or [""])[-1]
        return done.returncode, told

    def _with_secrets(self, folder: Path) -> None:
        token = (self.kubectl.get("secret/admin") or {})["data"]["token"]
        (folder / "secrets").mkdir(exist_ok=True)
        (folder / "secrets" / "admin-token").write_bytes(base64.b64decode(token))
        file = folder / "config" / "config.yaml"
        file.write_text(file.read_text().replace(SECRETS_DIR, str(folder / "secrets")))


def _moved(argument: str, places: dict[str, str]) -> str:
    for place, real in places.items():
        if argument.startswith(place):
            return real + argument[len(place) :]
    return argument


@pytest.fixture
def node(kubectl: Kubectl, tmp_path: Path) -> Iterator[Node]:
    running = Node(kubectl, tmp_path / "node")
    yield running
    running.stop()


@pytest.fixture
def milvus(tmp_path: Path) -> Iterator[int]:
    """The port of a Milvus Lite that serves several clients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = str(Path(sys.executable).with_name("milvus-lite"))
    with (tmp_path / "milvus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "--data-dir", str(tmp_path / "milvus"), "--host", "127.0.0.1", "--port", str(port)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        eventually(lambda: _listens(port, process), 60)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def model() -> Iterator[str]:
    """The address of a stand-in model server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "semantic_router_proxy.standin", "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen([*command, "--model=small", "--first-token=0"], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(port, process), 60)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(20)


def _ask(pod: Pod) -> tuple[str, str]:
    body = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    request = urllib.request.Request(
        f"http://{pod.address}:8801/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        said = json.loads(answer.read())["choices"][0]["message"]["content"]
        return str(answer.headers["x-vsr-cache"]), str(said)


def _migration(kubectl: Kubectl) -> Json:
    return dict(((kubectl.get("sr/semantic-router") or {}).get("status") or {}).get("migration") or {})


def _reaches(kubectl: Kubectl, step: str) -> Json:
    """The migration once it is at this step or outcome."""

    def there() -> Json | None:
        found = _migration(kubectl)
        return found if step in (found.get("step"), found.get("outcome")) else None

    return dict(eventually(there, 90) or {})  # type: ignore[call-overload]


def _jobs(kubectl: Kubectl) -> list[str]:
    return kubectl("get", "jobs", "-o", "name").split()


def _replaced(node: Node, old: Pod) -> Pod:
    """The one pod of the next template, once it is ready and the old one is gone."""
    eventually(lambda: node.settle(1)[0].name != old.name)
    return node.settle(1)[0]


def _killed(kubectl: Kubectl, operators: Operators, operator: Operator) -> Operator:
    """Kill the operator, let nobody wait for its Lease, and start another."""
    operator.kill()
    kubectl("delete", "lease", "semantic-router-operator")
    return operators.again(operator)


@pytest.mark.timeout(400)
def test_places_and_models_change_with_a_kill_in_every_step(
    kubectl: Kubectl, operators: Operators, node: Node, milvus: int, model: str, resource: Json
) -> None:
    kubectl("create", "secret", "generic", "admin", f"--from-literal=token={TOKEN}")
    spec = resource["spec"]
    spec["router"] = {"replicas": 1, "adminTokenSecretRef": {"name": "admin", "key": "token"}}
    spec["providers"][0]["baseURL"] = model
    spec["migration"] = {"validation": {"windowSeconds": 10}}
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (old,) = node.settle(1)
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    assert _migration(kubectl) == {}
    assert _ask(old)[0] == "miss"
    hit, said = _ask(old)
    assert hit == "hit"

    spec["cache"]["backend"] = "hybrid"
    spec["milvus"] = {"external": {"address": f"127.0.0.1:{milvus}"}, "search": {"consistencyLevel": "Strong"}}
    kubectl("apply", "-f", "-", stdin=resource)
    for step, job in (("Verifying", "verify"), ("Warming", "copy-from-pods")):
        at = _reaches(kubectl, step)
        operator = _killed(kubectl, operators, operator)
        eventually(lambda step=step: condition(kubectl, "Migrating").get("reason") == step)  # type: ignore[misc]
        assert _ask(old) == ("hit", said)
        # What was begun is gone on with, not begun again.
        assert _migration(kubectl)["since"] == at["since"]
        node.run_job(job)
    _reaches(kubectl, "Switching")
    operator = _killed(kubectl, operators, operator)
    new = _replaced(node, old)
    # Taken along: another pod, with what the first one had in its memory.
    assert _ask(new) == ("hit", said)
    _reaches(kubectl, "Validating")
    operator = _killed(kubectl, operators, operator)
    done = _reaches(kubectl, "Completed")
    assert [each["step"] for each in done["passed"]] == [
        "Provisioning", "Verifying", "Warming", "Switching", "Validating",
    ]  # fmt: skip
    assert done["passed"][2]["message"].startswith("1 answers were put in")
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    assert condition(kubectl, "Migrating")["reason"] == "Completed"
    eventually(lambda: not _jobs(kubectl))
    eventually(lambda: "migration" not in kubectl("get", "configmaps,networkpolicies", "-o", "name"))

    # To another collection: what is written while pods are replaced is copied as well.
    spec["milvus"]["collection"] = {"name": "moved"}
    kubectl("apply", "-f", "-", stdin=resource)
    for step, job in (("Verifying", "verify"), ("Warming", "copy")):
        _reaches(kubectl, step)
        node.run_job(job)
    moved = _replaced(node, new)
    _reaches(kubectl, "CatchingUp")
    operator = _killed(kubectl, operators, operator)
    node.run_job("copy")
    _reaches(kubectl, "Completed")
    assert _ask(moved) == ("hit", said)

    # To another embedding model, and back on request while it is on trial.
    spec["cache"]["embedding"] = {"revision": "2"}
    kubectl("apply", "-f", "-", stdin=resource)
    _reaches(kubectl, "Reembedding")
    operator = _killed(kubectl, operators, operator)
    node.run_job("reembed")
    other = _replaced(node, moved)
    _reaches(kubectl, "Validating")
    assert _ask(other) == ("hit", said)
    spec["cache"]["embedding"] = {}
    kubectl("apply", "-f", "-", stdin=resource)
    _reaches(kubectl, "RestoringModel")
    operator = _killed(kubectl, operators, operator)
    node.run_job("restore-model")
    _reaches(kubectl, "RollingBack")
    operator = _killed(kubectl, operators, operator)
    back = _replaced(node, other)
    assert _reaches(kubectl, "RolledBack")["why"] == "the resource asks for something else"
    assert _ask(back) == ("hit", said)
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")


@pytest.mark.timeout(400)
def test_a_milvus_that_does_not_answer_changes_nothing(
    kubectl: Kubectl, operators: Operators, node: Node, model: str, resource: Json
) -> None:
    kubectl("create", "secret", "generic", "admin", f"--from-literal=token={TOKEN}")
    spec = resource["spec"]
    spec["router"] = {"replicas": 1}
    spec["providers"][0]["baseURL"] = model
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (old,) = node.settle(1)
    spec["cache"]["backend"] = "hybrid"
    external = {"address": "127.0.0.1:1", "timeoutSeconds": 1, "credentialsSecretRef": {"name": "milvus-auth"}}
    spec["milvus"] = {"external": external}
    kubectl("apply", "-f", "-", stdin=resource)
    _reaches(kubectl, "Provisioning")
    eventually(lambda: "milvus-auth" in condition(kubectl, "Ready").get("message", ""))
    _killed(kubectl, operators, operator)
    credentials = ["--from-literal=username=router", "--from-literal=password=secret"]
    kubectl("create", "secret", "generic", "milvus-auth", *credentials)
    _reaches(kubectl, "Verifying")
    assert node.run_job("verify")["phase"] == "Failed"
    eventually(lambda: _migration(kubectl).get("attempt") == 2)
    assert "127.0.0.1:1" in condition(kubectl, "Migrating")["message"]
    # Asked for no more: given up, and nothing of it is left.
    spec["cache"]["backend"] = "memory"
    kubectl("apply", "-f", "-", stdin=resource)
    _reaches(kubectl, "Cancelled")
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    eventually(lambda: not _jobs(kubectl))
    assert _ask(old)[0] == "miss"
    assert [pod.name for pod in node.settle(1)] == [old.name]
