"""Starts and stops the programs of others: 127.0.0.0/8 only, each with a folder of its own."""

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

_READY_SECONDS = 120.0


def loopback_address() -> str:
    """Return an address of this machine alone, with all of its ports free: for programs whose ports are fixed."""
    return f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"


class Server:
    """A process with a log."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, command: list[str], folder: Path, **environment: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
            )

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait. Raises RuntimeError with the log's end when it ends, or is not ready in time."""
        deadline = time.monotonic() + _READY_SECONDS
        while not ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http
        return bool(answer.status == 200)
    return False


def start_minio(executable: Path, folder: Path, address: str, port: int, access_key: str, secret_key: str) -> Server:
    """Start a MinIO on `folder`/data; ready when this returns."""
    server = Server("minio", folder / "minio.log")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    command = [
        *(str(executable), "server", "--quiet", "--address", f"{address}:{port}"),
        # Its console has a port too, which has to be said.
        *("--console-address", f"{address}:0", str(folder / "data")),
    ]
    # It asks its maker for a newer version otherwise.
    settings = {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_CALLHOME_ENABLE": "off"}
    server.spawn(command, folder, MINIO_ROOT_USER=access_key, MINIO_ROOT_PASSWORD=secret_key, **settings)
    server.until(lambda: answers(f"http://{address}:{port}/minio/health/ready"))
    return server


def start_etcd(executable: Path, folder: Path, address: str) -> Server:
    """Start an etcd at the ports that it has everywhere."""
    server = Server("etcd", folder / "etcd.log")
    client, peer = f"http://{address}:2379", f"http://{address}:2380"
    command = [
        *(str(executable), f"--data-dir={folder}/etcd", "--unsafe-no-fsync", "--log-level=error"),
        *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
        *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"),
    ]
    server.spawn(command, folder)
    server.until(lambda: answers(f"{client}/health"))
    return server


def start_milvus_operator(built: Path, charts: Path, folder: Path, kubeconfig: Path, namespace: str) -> Server:
    """Start milvus-operator for one namespace. It finds names in `folder`/hosts, which may change while it runs."""
    server = Server("milvus-operator", folder / "milvus-operator.log")
    work = folder / "work"
    shutil.copytree(built / "assets", work)
    shutil.copytree(charts, work / "config" / "assets" / "charts")
    hosts = folder / "hosts"
    hosts.touch()
    program = [
        *(str(built / "milvus-operator"), "--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:0"),
        f"--watch-namespace={namespace}",
    ]
    # In a mount namespace of its own: there is no DNS where no pods are.
    script = f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && exec {shlex.join(program)}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    server.spawn(command, work, KUBECONFIG=str(kubeconfig), HOME=str(folder))
    server.until(lambda: "starting manager" in server.log.read_text(errors="replace"))
    return server
