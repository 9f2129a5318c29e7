"""milvus-operator beside our own on a real API server, with an etcd and a MinIO that it can probe."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import (  # noqa: F401 - fixtures
    ROOT,
    Kubectl,
    kubectl,
    namespace,
    operators,
    resource,
)
from tests.control_plane import binaries
from tests.control_plane.shared import Access, shared_control_plane
from tests.third_party import programs, servers

Json = dict[str, Any]
_CHARTS = Path(__file__).parent / "charts"
# Fixed by the chart; whoever knows the chart knows them.
_MINIO_KEYS = ("minioadmin", "minioadmin")


def find_or_build(name: str) -> Path:
    """Return the folder of a program of others."""
    return programs.find_or_build(name, lambda line: print(line, flush=True))


@dataclass
class RealOperator:
    """A running milvus-operator. Its names lead to `address`, at which dependencies may run."""

    folder: Path
    namespace: str
    address: str = field(default_factory=servers.loopback_address)
    running: dict[str, servers.Server] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return self.running["milvus-operator"].log.read_text(errors="replace")

    def resolve(self, name: str, etcds: int) -> None:
        """Let the dependencies of the Milvus called so be found."""
        hosts = [f"{name}-minio", *(f"{name}-etcd-{number}.{name}-etcd-headless" for number in range(etcds))]
        with (self.folder / "hosts").open("a") as file:
            file.writelines(f"{self.address} {host}.{self.namespace}\n" for host in hosts)

    def start_dependencies(self) -> None:
        """Let etcd and MinIO run, as their pods would."""
        etcd = binaries.find_or_build(print)["etcd"]
        self.running["etcd"] = servers.start_etcd(etcd, self.folder, self.address)
        self.start_minio()

    def start_minio(self) -> None:
        """Let it run, on what it had before."""
        minio = find_or_build("minio") / "minio"
        self.running["minio"] = servers.start_minio(minio, self.folder, self.address, 9000, *_MINIO_KEYS)

    def stop(self, name: str) -> None:
        self.running.pop(name).stop()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """With milvus-operator's other kinds from the start: it ends after two minutes without them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    theirs = find_or_build("milvus-operator") / "assets" / "config" / "crd" / "bases"
    fixtures = ("milvus.io_milvuses.yaml", "snapshot.storage.k8s.io_volumesnapshots.yaml")
    crds = [
        *sorted((ROOT / "crds").glob("*.yaml")),
        *(ROOT / "tests" / "fixtures" / "crds" / each for each in fixtures),
    ]
    crds += [theirs / f"milvus.io_{kind}.yaml" for kind in ("milvusclusters", "milvusupgrades")]
    with shared_control_plane(shared / "control-plane", crds) as access:
        yield access


@pytest.fixture
def milvus_operator(kubectl: Kubectl, tmp_path: Path) -> Iterator[Callable[[], RealOperator]]:  # noqa: F811
    """Starts the real one when it is called."""
    started: list[RealOperator] = []

    def start() -> RealOperator:
        real = RealOperator(tmp_path / "milvus-operator", kubectl.namespace)
        real.folder.mkdir()
        started.append(real)
        built = find_or_build("milvus-operator")
        config = kubectl.access.kubeconfig
        server = servers.start_milvus_operator(built, _CHARTS, real.folder, config, kubectl.namespace)
        real.running["milvus-operator"] = server
        return real

    yield start
    for real in started:
        for name in list(real.running):
            real.stop(name)
