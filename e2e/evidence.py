"""What is kept of a test that failed: Events, objects, the pods' words, in e2e/out; the gist goes into the report."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from e2e.world import ROOT, World

KEPT = ROOT / "e2e" / "out"
_LINES = 12


def forget() -> None:
    """Removes what an earlier run has kept."""
    shutil.rmtree(KEPT, ignore_errors=True)


def keep(world: World, test: str) -> Path:
    """Writes everything of all namespaces but Kubernetes' own; returns the folder."""
    folder = KEPT / "".join(each if each.isalnum() or each in "-_." else "_" for each in test)
    folder.mkdir(parents=True, exist_ok=True)
    for namespace in world.get("namespaces").get("items", []):
        name = namespace["metadata"]["name"]
        if not name.startswith("kube-") and not namespace["metadata"].get("deletionTimestamp"):
            _keep(world, name, folder)
    return folder


def gist(folder: Path) -> Iterator[str]:
    """The last lines of each Events file and of each log of the product's own pods."""
    yield f"kept in {folder.relative_to(ROOT)}:"
    for path in sorted(folder.iterdir()):
        events = path.name.endswith("-events.txt")
        if events or (path.suffix == ".log" and "semantic-router" in path.name):
            lines = path.read_text(errors="replace").splitlines()
            if events:
                lines = [each for each in lines if "Warning" in each]
            if lines:
                yield f"--- {path.name}, the last {min(_LINES, len(lines))} of {len(lines)} lines"
                yield from (each[:300] for each in lines[-_LINES:])


def _keep(world: World, namespace: str, folder: Path) -> None:
    def write(name: str, *arguments: str) -> None:
        words = world.kubectl("-n", namespace, *arguments, check=False)
        if words:
            (folder / f"{namespace}-{name}").write_text(words)

    write("events.txt", "get", "events", "--sort-by=.lastTimestamp")
    write("objects.yaml", "get", "all,configmaps,persistentvolumeclaims,semanticrouters", "-o", "yaml")
    for pod in world.get("pods", "-n", namespace).get("items", []):
        name, states = pod["metadata"]["name"], pod.get("status", {}).get("containerStatuses", [])
        write(f"{name}.log", "logs", name, "--all-containers", "--tail=500")
        if any(each.get("restartCount") for each in states):
            write(f"{name}-previous.log", "logs", name, "--all-containers", "--tail=500", "--previous")
