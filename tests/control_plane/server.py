"""Starts and stops one control plane: 127.0.0.1 only, free ports, its own folder, an audit log."""

import json
import os
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

SYSTEM_NAMESPACE = "kube-system"
# Controllers that need a cloud or nodes, or that only cost time here, stay off.
CONTROLLERS = (
    "deployment-controller,replicaset-controller,garbage-collector-controller,namespace-controller,"
    "serviceaccount-controller,disruption-controller,cronjob-controller,job-controller,endpointslice-controller,"
    "root-ca-certificate-publisher-controller,statefulset-controller"
)
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- level: None
  users: ["system:apiserver", "system:kube-controller-manager"]
- level: Metadata
"""


class ControlPlane:
    """etcd + kube-apiserver + kube-controller-manager in `folder`.

    `kubeconfig` is an administrator's; `audit_log` holds one JSON audit event a line, written before the answer.
    """

    def __init__(self, programs: dict[str, Path], folder: Path) -> None:
        self._programs = programs
        self.folder = folder
        self.kubeconfig = folder / "admin.kubeconfig"
        self.audit_log = folder / "audit.log"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token = secrets.token_hex(16)
        self._etcd_ports = free_ports(2)
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self, crds: list[Path]) -> None:
        """Starts everything and installs `crds`. Raises RuntimeError with the log's end otherwise."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start_etcd()
        self.start_api_server()
        self._write_kubeconfig()
        for crd in crds:
            self._kubectl("apply", "--server-side", "-f", str(crd))
        # The garbage collector looks for new kinds only every 30 s: they have to be served before it starts.
        if crds:
            # kubectl wait itself fails on a CRD that has no conditions yet.
            established = ("wait", "--for=condition=Established", "--timeout=5s", "crd", "--all", "-o", "name")
            self._until(lambda: self._kubectl(*established, check=False).count(b"\n") >= len(crds))
        self._spawn(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            f"--controllers={CONTROLLERS}",
            f"--root-ca-file={self.folder}/certs/apiserver.crt",
        )
        self._until(lambda: b"default" in self._kubectl("get", "serviceaccount", "default", "-o", "name", check=False))

    def start_api_server(self) -> None:
        """Starts (or, after stop_api_server, starts again on the same port) the API server and waits for /readyz."""
        folder = self.folder
        (folder / "certs").mkdir(exist_ok=True)
        (folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        (folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_ports[0]}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.port}",
            f"--cert-dir={folder}/certs",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            # The serving key, which the API server makes itself in --cert-dir, signs the tokens as well.
            f"--service-account-key-file={folder}/certs/apiserver.key",
            f"--service-account-signing-key-file={folder}/certs/apiserver.key",
            "--allow-privileged=true",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",
            f"--audit-policy-file={folder}/audit-policy.yaml",
            "--shutdown-delay-duration=0s",
        )
        self._until(self._ready)

    def stop_api_server(self) -> None:
        """Stops the API server as a crash would: connections are cut, what it has confirmed stays in etcd."""
        self._end(self._processes.pop("kube-apiserver"))

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            self._end(process)
        self._processes.clear()

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._etcd_ports)
        self._spawn(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(self._programs[name]), *arguments], stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        # Asked politely, a server waits for its watches to end; nothing here outlives the test that would need that.
        process.kill()
        process.wait()

    def _until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}:\n{self._log_end(name)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"The control plane was not ready after {seconds:.0f} s; its logs are {self.folder}")
            time.sleep(0.05)

    def _log_end(self, name: str) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def _ready(self) -> bool:
        certificate = self.folder / "certs" / "apiserver.crt"
        if not certificate.exists():
            return False
        try:
            trust = ssl.create_default_context(cafile=str(certificate))
            request = urllib.request.Request(f"{self.url}/readyz")  # noqa: S310 - https of our own
            request.add_header("Authorization", f"Bearer {self._token}")
            with urllib.request.urlopen(request, context=trust, timeout=5) as answer:  # noqa: S310 - https of our own
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _write_kubeconfig(self) -> None:
        write_kubeconfig(self.kubeconfig, self.url, self.folder / "certs" / "apiserver.crt", self._token)

    def _kubectl(self, *arguments: str, check: bool = True) -> bytes:
        command = [str(self._programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return done.stdout


def write_kubeconfig(path: Path, url: str, certificate: Path, token: str, namespace: str = "default") -> None:
    """Writes a kubeconfig (as JSON, which is YAML) that trusts `certificate` and shows `token`."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))


def free_ports(count: int) -> list[int]:
    """Free ports of 127.0.0.1, outside the range that the system hands to outgoing connections.

    A port that is free now may be taken by an outgoing connection before the server binds it; below that range only
    another server can take it.
    """
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) if os.name == "posix" else 32768
    ports: list[int] = []
    while len(ports) < count:
        candidate = 10000 + secrets.randbelow(max(low - 10000, 5000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        if candidate not in ports:
            ports.append(candidate)
    return ports
