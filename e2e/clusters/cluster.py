"""What the tests need of a cluster, and the three ways to one."""

import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.control_plane.binaries import cache_folder, client, find_or_build

from e2e.clusters.choice import choose, existing
from e2e.clusters.node import machine
from e2e.images.engine import Engine

Report = Callable[[str], None]
KIND_NAME = "semantic-router-e2e"


class Cluster(ABC):
    """A cluster by its kubeconfig; `name` is for the report."""

    name: str
    kubeconfig: Path

    @abstractmethod
    def load(self, image: str, engine: Engine) -> str:
        """Makes an image that `engine` holds known to the nodes; returns the name to use in pods."""

    def leftovers(self) -> list[str]:
        """What is still there on this machine after it has ended."""
        return []


class Node(Cluster):
    """The node of e2e/clusters/node."""

    name = "a node without Docker"

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def load(self, image: str, engine: Engine) -> str:
        with engine.saved(image) as archive:
            machine.load(archive)
        return image

    def leftovers(self) -> list[str]:
        return machine.leftovers()


class Kind(Cluster):
    """A kind cluster of one node; kindnet enforces NetworkPolicies."""

    name = "kind"

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def load(self, image: str, engine: Engine) -> str:
        with engine.saved(image) as content, tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            shutil.copyfileobj(content, archive)
            archive.flush()
            subprocess.run(["kind", "load", "image-archive", archive.name, "--name", KIND_NAME], check=True)
        return image


class Existing(Cluster):
    """The cluster of KUBECONFIG; images go through the registry that E2E_REGISTRY names."""

    name = "the cluster of KUBECONFIG"

    def __init__(self, kubeconfig: Path, registry: str) -> None:
        self.kubeconfig = kubeconfig
        self._registry = registry.rstrip("/")

    def load(self, image: str, engine: Engine) -> str:
        pushed = f"{self._registry}/{image.rpartition('/')[2]}"
        engine.run("tag", image, pushed)
        engine.run("push", pushed)
        return pushed


@contextmanager
def cluster(report: Report) -> Iterator[Cluster]:
    """The cluster of `choose()`. Ends what it started. Raises NodeError or UnavailableError with what is missing."""
    chosen = choose()
    report(f"cluster: {chosen}")
    if chosen == "kind":
        with _kind() as found:
            yield found
    elif chosen == "node":
        # Whoever started one before works on the tests: it stays.
        if (kept := machine.running()) is not None:
            yield Node(kept)
            return
        kubeconfig = machine.up(report, attached=True)
        try:
            yield Node(kubeconfig)
        finally:
            machine.down()
    else:
        given, registry = existing()
        yield Existing(Path(given), registry)


def programs(report: Report) -> dict[str, Path]:
    """kubectl and helm."""
    if any(client(name) is None for name in ("kubectl", "helm")):
        find_or_build(report)
    return {name: found for name in ("kubectl", "helm") if (found := client(name)) is not None}


@contextmanager
def _kind() -> Iterator[Cluster]:
    kubeconfig = cache_folder() / "kind.kubeconfig"
    create = ["kind", "create", "cluster", "--name", KIND_NAME, "--kubeconfig", str(kubeconfig), "--wait", "180s"]
    subprocess.run(create, check=True)
    try:
        yield Kind(kubeconfig)
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", KIND_NAME], check=True)
