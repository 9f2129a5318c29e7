"""What the tests need of a cluster, and the three ways to one."""

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.control_plane.binaries import cache_folder, client, find_or_build

from e2e.clusters.node import machine

Report = Callable[[str], None]
KIND_NAME = "semantic-router-e2e"


class Cluster(ABC):
    """A cluster by its kubeconfig; `name` is for the report."""

    name: str
    kubeconfig: Path

    @abstractmethod
    def load(self, image: str, engine: str) -> str:
        """Makes an image of `engine` (docker, podman) known to the nodes; returns the name to use in pods."""


class Node(Cluster):
    """The node of e2e/clusters/node."""

    name = "a node without Docker"

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def load(self, image: str, engine: str) -> str:
        with subprocess.Popen([engine, "save", *_archive(engine), image], stdout=subprocess.PIPE) as saved:
            assert saved.stdout is not None
            machine.load(saved.stdout)
        return image


class Kind(Cluster):
    """A kind cluster of one node; kindnet enforces NetworkPolicies."""

    name = "kind"

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def load(self, image: str, engine: str) -> str:
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            subprocess.run([engine, "save", *_archive(engine), "-o", archive.name, image], check=True)
            subprocess.run(["kind", "load", "image-archive", archive.name, "--name", KIND_NAME], check=True)
        return image


class Existing(Cluster):
    """The cluster of KUBECONFIG; images go through the registry that E2E_REGISTRY names."""

    name = "the cluster of KUBECONFIG"

    def __init__(self, kubeconfig: Path, registry: str) -> None:
        self.kubeconfig = kubeconfig
        self._registry = registry.rstrip("/")

    def load(self, image: str, engine: str) -> str:
        pushed = f"{self._registry}/{image.rpartition('/')[2]}"
        subprocess.run([engine, "tag", image, pushed], check=True)
        subprocess.run([engine, "push", pushed], check=True)
        return pushed


@contextmanager
def cluster(report: Report) -> Iterator[Cluster]:
    """The cluster that E2E_CLUSTER (kind, node, existing) names, else the first of these that can be had here.

    Ends what it started. Raises NodeError, UnavailableError or SystemExit with what is missing.
    """
    chosen = os.environ.get("E2E_CLUSTER") or _available()
    report(f"cluster: {chosen}")
    if chosen == "kind":
        with _kind() as found:
            yield found
    elif chosen == "node":
        # Whoever started one before works on the tests: it stays.
        if (kept := machine.running()) is not None:
            yield Node(kept)
            return
        kubeconfig = machine.up(report)
        try:
            yield Node(kubeconfig)
        finally:
            machine.down()
    elif chosen == "existing":
        kubeconfig, registry = os.environ.get("KUBECONFIG"), os.environ.get("E2E_REGISTRY")
        if not kubeconfig or not registry:
            raise SystemExit("An existing cluster needs KUBECONFIG and E2E_REGISTRY (where its nodes pull from).")
        yield Existing(Path(kubeconfig), registry)
    else:
        raise SystemExit(f"E2E_CLUSTER is {chosen!r}; it may be kind, node or existing.")


def programs(report: Report) -> dict[str, Path]:
    """kubectl and helm."""
    if any(client(name) is None for name in ("kubectl", "helm")):
        find_or_build(report)
    return {name: found for name in ("kubectl", "helm") if (found := client(name)) is not None}


def _available() -> str:
    if shutil.which("kind") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        return "kind"
    if os.name == "posix" and os.uname().sysname == "Linux" and os.geteuid() == 0:
        return "node"
    return "existing"


@contextmanager
def _kind() -> Iterator[Cluster]:
    kubeconfig = cache_folder() / "kind.kubeconfig"
    create = ["kind", "create", "cluster", "--name", KIND_NAME, "--kubeconfig", str(kubeconfig), "--wait", "180s"]
    subprocess.run(create, check=True)
    try:
        yield Kind(kubeconfig)
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", KIND_NAME], check=True)


def _archive(engine: str) -> list[str]:
    return ["--format", "docker-archive"] if engine == "podman" else []
