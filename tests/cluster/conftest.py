"""The shared control plane, a namespace a test, and the operator as a real process."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import yaml
from tests.control_plane.server import free_ports, write_kubeconfig
from tests.control_plane.shared import Access, shared_control_plane

from semantic_router_operator.render.rbac import lease_rules, rules

if TYPE_CHECKING:
    from tests.cluster.node import Node

T = TypeVar("T")
Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
CHILDREN = ("deployment/semantic-router", "service/semantic-router", "configmap/semantic-router-config")
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass
class Kubectl:
    """Runs the real kubectl in one namespace, as an administrator."""

    access: Access
    namespace: str

    def __call__(self, *arguments: str, stdin: Json | str | None = None, check: bool = True) -> str:
        done = self.run(*arguments, stdin=stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def run(self, *arguments: str, stdin: Json | str | None = None) -> subprocess.CompletedProcess[str]:
        text = json.dumps(stdin) if isinstance(stdin, dict) else stdin
        command = [str(self.access.kubectl), f"--kubeconfig={self.access.kubeconfig}", "-n", self.namespace, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=90)

    def get(self, *what: str) -> Json | None:
        text = self("get", *what, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None


def eventually(condition: Callable[[], T], seconds: float = 60) -> T:
    """The first true value of `condition`; what it said last when there was none in time."""
    began = time.monotonic()
    deadline = began + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s, at last {value!r}"
        # A kubectl each time: what takes long anyway leaves the processor to the other tests.
        time.sleep(0.1 if time.monotonic() < began + 2 else 0.25)


def condition(kubectl: Kubectl, kind: str, name: str = "semantic-router") -> Json:
    resource = kubectl.get("sr", name) or {}
    generation = resource.get("metadata", {}).get("generation")
    for entry in resource.get("status", {}).get("conditions", ()):
        if entry["type"] == kind and entry["observedGeneration"] == generation:
            return dict(entry)
    return {}


def listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the process has opened its port."""
    assert process.poll() is None
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def settled(kubectl: Kubectl) -> bool:
    return bool(condition(kubectl, "Ready")) and all(kubectl.get(child) for child in CHILDREN)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    # Milvus' definition from the start: the garbage collector looks for new kinds only every 30 s.
    fixtures = ROOT / "tests" / "fixtures" / "crds"
    snapshots = [f"snapshot.storage.k8s.io_{kind}.yaml" for kind in ("volumesnapshots", "volumesnapshotclasses")]
    others = ("milvus.io_milvuses.yaml", *snapshots)
    crds = [*sorted((ROOT / "crds").glob("*.yaml")), *(fixtures / each for each in others)]
    with shared_control_plane(shared / "control-plane", crds) as access:
        yield access


@pytest.fixture
def namespace(control_plane: Access) -> Iterator[str]:
    name = f"test-{secrets.token_hex(5)}"
    kubectl = Kubectl(control_plane, name)
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(control_plane: Access, namespace: str) -> Kubectl:
    return Kubectl(control_plane, namespace)


@dataclass
class Operator:
    """A running `semantic-router-operator run` and the files that tell about it."""

    process: subprocess.Popen[bytes]
    health: str
    metrics: str
    log: Path
    user: str

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Operators:
    """Starts operators for a namespace, each as a ServiceAccount of its own: the audit log tells them apart."""

    access: Access
    kubectl: Kubectl
    folder: Path
    started: list[Operator] = field(default_factory=list)

    def start(self, *arguments: str, url: str | None = None, whole_cluster: bool = False) -> Operator:
        """Starts one more and waits until it is ready. `url` leads to the API server by another way."""
        number = len(self.started)
        account, namespace = f"operator-{number}", self.kubectl.namespace
        self.kubectl("create", "serviceaccount", account)
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(role(namespace, account, whole_cluster)))
        config = self.folder / f"{account}.kubeconfig"
        token = self.kubectl("create", "token", account).strip()
        write_kubeconfig(config, url or self.access.url, self.access.certificate, token, namespace)
        return self._run(f"system:serviceaccount:{namespace}:{account}", config, arguments, whole_cluster)

    def again(self, operator: Operator, *arguments: str, whole_cluster: bool = False) -> Operator:
        """Starts one that has ended once more, as the same user."""
        config = self.folder / f"{operator.user.rpartition(':')[2]}.kubeconfig"
        return self._run(operator.user, config, arguments, whole_cluster)

    def _run(self, user: str, config: Path, arguments: tuple[str, ...], whole_cluster: bool) -> Operator:
        self._end_leases()
        health, metrics = free_ports(2)
        log = self.folder / f"{len(self.started)}.log"
        command = [
            *(str(Path(sys.executable).parent / "semantic-router-operator"), "run", f"--kubeconfig={config}"),
            *("--host=127.0.0.1", f"--health-port={health}", f"--metrics-port={metrics}"),
            *(() if whole_cluster else (f"--namespace={self.kubectl.namespace}",)),
            *arguments,
        ]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
        operator = Operator(process, f"http://127.0.0.1:{health}", f"http://127.0.0.1:{metrics}/metrics", log, user)
        self.started.append(operator)
        eventually(lambda: self._answers(operator))
        return operator

    def _end_leases(self) -> None:
        """Delete the Lease of one that was killed: it would run on for twelve seconds, which test_election is about."""
        lease = self.kubectl.get("lease/semantic-router-operator") or {}
        holder = lease.get("spec", {}).get("holderIdentity")
        dead = (each.log.read_text() for each in self.started if each.process.poll() is not None)
        if holder and any(holder in log for log in dead):
            self.kubectl("delete", "lease/semantic-router-operator", "--ignore-not-found")

    def writes(self, *operators: Operator) -> list[Json]:
        """Every write request of these operators so far, but for renewals of the Lease."""
        users = {operator.user for operator in operators}
        found = []
        for line in self.access.audit_log.read_text().splitlines():
            entry = json.loads(line)
            lease = entry.get("objectRef", {}).get("resource") == "leases"
            if entry["user"]["username"] in users and entry["verb"] in WRITES and not lease:
                found.append(entry)
        return found

    @staticmethod
    def _answers(operator: Operator) -> bool:
        assert operator.process.poll() is None, operator.log.read_text()
        address = f"{operator.health}/readyz"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - http
            return bool(answer.status == 200)
        return False


@pytest.fixture
def operators(control_plane: Access, kubectl: Kubectl, tmp_path: Path) -> Iterator[Operators]:
    started = Operators(control_plane, kubectl, tmp_path)
    yield started
    # Tests that are about the end call stop(); it waits for the Lease to be given up.
    for operator in started.started:
        operator.kill()


def role(namespace: str, account: str, whole_cluster: bool = False) -> Iterator[Json]:
    """What the operator may do; nothing beyond."""
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    scopes = [("Role", account, lease_rules("semantic-router-operator"))]
    if whole_cluster:
        scopes.append(("ClusterRole", f"{namespace}-{account}", rules()))
    else:
        scopes[0][2].extend(rules())
    for kind, name, granted in scopes:
        metadata = {"name": name} if kind == "ClusterRole" else {"name": name, "namespace": namespace}
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        yield {**head, "kind": kind, "rules": granted}
        yield {**head, "kind": f"{kind}Binding", "roleRef": reference, "subjects": subjects}


@pytest.fixture
def resource() -> Json:
    """A small valid SemanticRouter, named as in seed 000."""
    return {
        "apiVersion": "semanticrouter.dev/v1alpha1",
        "kind": "SemanticRouter",
        "metadata": {"name": "semantic-router"},
        "spec": {
            "router": {"replicas": 2},
            "providers": [{"name": "vllm", "baseURL": "http://vllm.default.svc:8000/v1"}],
            "models": [{"name": "small", "provider": "vllm"}],
            "cache": {"backend": "memory", "similarityThreshold": 0.85},
        },
    }


@pytest.fixture
def milvus_operator(kubectl: Kubectl, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts the stand-in when it is called."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        command = [sys.executable, "-m", "tests.milvus_operator", f"--kubeconfig={kubectl.access.kubeconfig}"]
        with (tmp_path / "milvus-operator.log").open("wb") as log:
            arguments = [f"--namespace={kubectl.namespace}", "--kubelet", "--seconds=0.2"]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            started.append(subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log))

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def node(kubectl: Kubectl, tmp_path: Path) -> Iterator["Node"]:
    """Runs the pods of routers and Jobs."""
    from tests.cluster.node import Node

    running = Node(kubectl, tmp_path / "node")
    yield running
    running.stop()


@pytest.fixture
def model() -> Iterator[str]:
    """The address of a stand-in model server."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "semantic_router_proxy.standin", "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen([*command, "--model=small", "--first-token=0"], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(port, process), 60)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def milvus(tmp_path: Path) -> Iterator[int]:
    """The port of a Milvus Lite that serves several clients."""
    (port,) = free_ports(1)
    program = str(Path(sys.executable).with_name("milvus-lite"))
    with (tmp_path / "milvus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "--data-dir", str(tmp_path / "milvus"), "--host", "127.0.0.1", "--port", str(port)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        eventually(lambda: listens(port, process), 60)
        yield port
    finally:
        process.terminate()
        process.wait(20)
