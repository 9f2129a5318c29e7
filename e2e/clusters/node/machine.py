"""Starts and ends the node, and what is done with a running one."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from e2e.clusters.node import certificates, images
from e2e.clusters.node import leftovers as remains
from e2e.clusters.node.programs import prepare
from e2e.clusters.node.requirements import NAMESPACES
from e2e.clusters.node.settings import (
    DNS_IMAGE,
    HOST_ADDRESS,
    LINK,
    NODE_ADDRESS,
    PAUSE_IMAGE,
    POD_NETWORK,
    PROVISIONED,
    SERVICE_NETWORK,
    Folders,
)

ROOT = Path(__file__).parents[3]
READY_SECONDS = 180.0


class NodeError(Exception):
    """The node did not come up, or is up already; the text says what and where the logs are."""


def running() -> Path | None:
    """The administrator's kubeconfig of a node that is up, else None."""
    folders = Folders.default()
    return folders.kubeconfig if _init(folders) is not None else None


def up(report: Callable[[str], None], attached: bool = False) -> Path:
    """Starts a fresh node and returns the administrator's kubeconfig once pods can be run.

    `attached`: it ends with the process that started it, however that ends.
    Raises NodeError, and UnavailableError with what to install.
    """
    folders = Folders.default()
    if _init(folders) is not None:
        raise NodeError(f"A node is up already; its kubeconfig is {folders.kubeconfig}, `down` ends it.")
    if os.geteuid() != 0:
        raise NodeError("A node without Docker needs root, for its namespaces and mounts.")
    programs = prepare(folders.programs, report)
    # What one that was killed may have left.
    down()
    shutil.rmtree(folders.state, ignore_errors=True)
    (folders.state / "logs").mkdir(parents=True)
    certificates.make(folders.state / "certificates", folders.kubeconfig)
    images.write_image(programs["pause"], PAUSE_IMAGE, folders.state / "images" / "pause.tar")
    images.write_image(programs["coredns"], DNS_IMAGE, folders.state / "images" / "coredns.tar")
    try:
        _start(folders, programs, attached)
        _wait(folders, programs["kubectl"])
    except BaseException:
        down()
        raise
    return folders.kubeconfig


def down(keep_logs: bool = True) -> None:
    """Ends the node and removes what it made; its logs stay unless told otherwise. Nothing to do is no error."""
    folders = Folders.default()
    init = _init(folders)
    if init is not None:
        os.kill(init, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{init}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    subprocess.run(["ip", "link", "delete", LINK], capture_output=True)
    _remove_cgroups()
    with contextlib.suppress(OSError):
        PROVISIONED.rmdir()
    if folders.state.exists():
        for entry in folders.state.iterdir():
            if not (keep_logs and entry.name == "logs"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not keep_logs:
            folders.state.rmdir()


def leftovers() -> list[str]:
    """What an ended node has left on the machine; of a running one, nothing is left behind."""
    folders = Folders.default()
    return [] if _init(folders) is not None else remains.found(folders)


def inside(*command: str, stdin: IO[bytes] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Runs a command in the node's namespaces. Raises NodeError when there is no node."""
    folders = Folders.default()
    init = _init(folders)
    if init is None:
        raise NodeError("No node is up.")
    enter = ["nsenter", "--target", str(init), "--mount", "--net", "--pid", "--ipc", "--uts", "--"]
    return subprocess.run([*enter, *command], stdin=stdin, capture_output=True, env=_environment(folders))


def load(archive: IO[bytes]) -> None:
    """Takes the images of a `save` archive. Raises NodeError with the runtime's words."""
    done = inside("ctr", "-n", "k8s.io", "images", "import", "--digests=false", "-", stdin=archive)
    if done.returncode != 0:
        raise NodeError(f"The image could not be loaded: {done.stderr.decode(errors='replace').strip()[-500:]}")


def _environment(folders: Folders) -> dict[str, str]:
    control_plane = os.pathsep.join([str(folders.programs), str(folders.state / "programs")])
    return {**os.environ, "PATH": f"{control_plane}{os.pathsep}{os.environ['PATH']}"}


def _start(folders: Folders, programs: dict[str, Path], attached: bool) -> None:
    # One folder on PATH has them all, wherever they were found.
    links = folders.state / "programs"
    links.mkdir()
    for name, path in programs.items():
        (links / name).symlink_to(path)
    # The namespaces' own process is unshare's child; --kill-child makes it end with unshare.
    command = ["setpriv", "--pdeathsig=KILL"] if attached else []
    command += ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    with folders.log("init").open("wb") as log:
        outer = subprocess.Popen(
            [*command, sys.executable, "-m", "e2e.clusters.node.inside"],
            cwd=ROOT,
            env=_environment(folders),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    deadline = time.monotonic() + 10
    while not (found := children.read_text().split()):
        if outer.poll() is not None or time.monotonic() > deadline:
            raise NodeError(f"Namespaces could not be made: {folders.log('init').read_text().strip()}")
        time.sleep(0.02)
    folders.init_pid.write_text(found[0])
    for arguments in (
        ["link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", found[0]],
        ["addr", "add", f"{HOST_ADDRESS}/30", "dev", LINK],
        ["link", "set", LINK, "up"],
        ["route", "add", POD_NETWORK, "via", NODE_ADDRESS, "dev", LINK],
        ["route", "add", SERVICE_NETWORK, "via", NODE_ADDRESS, "dev", LINK],
    ):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise NodeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _wait(folders: Folders, kubectl: Path) -> None:
    client = [str(kubectl), f"--kubeconfig={folders.kubeconfig}", "--request-timeout=5s"]
    deadline = time.monotonic() + READY_SECONDS
    for asked in (
        ["wait", "node", "--all", "--for=condition=Ready", "--timeout=2s"],
        ["-n", "kube-system", "wait", "deployment/coredns", "--for=condition=Available", "--timeout=2s"],
    ):
        while subprocess.run([*client, *asked], capture_output=True).returncode != 0:
            if _init(folders) is None:
                raise NodeError(f"The node ended: {folders.log('init').read_text().strip()[-1500:]}")
            if time.monotonic() > deadline:
                raise NodeError(f"The node was not ready after {READY_SECONDS:g} s; see {folders.state / 'logs'}")
            time.sleep(0.2)


def _init(folders: Folders) -> int | None:
    """The process that holds the namespaces, while it lives."""
    try:
        pid = int(folders.init_pid.read_text())
        alive = b"e2e.clusters.node.inside" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if alive else None


def _remove_cgroups() -> None:
    """The kubelet's and containerd's groups are empty now; a group goes only when it is empty and has no child."""
    for root in remains.cgroups():
        for group, _, _ in os.walk(root, topdown=False):
            deadline = time.monotonic() + 5
            while Path(group).exists() and time.monotonic() < deadline:
                try:
                    Path(group).rmdir()
                except OSError:
                    time.sleep(0.05)
