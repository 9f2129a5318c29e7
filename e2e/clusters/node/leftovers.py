"""What a node that has ended must not leave on the machine."""

import os
from pathlib import Path

from e2e.clusters.node.settings import LINK, PROVISIONED, Folders

CGROUP_NAMES = ("kubepods", "k8s.io")


def cgroups() -> list[Path]:
    """The kubelet's and containerd's groups."""
    return [path for name in CGROUP_NAMES for path in Path("/sys/fs/cgroup").glob(f"**/{name}")]


def found(folders: Folders) -> list[str]:
    """Processes, mounts, links, cgroups and files of a node, each by its name. The logs are meant to stay."""
    state = folders.state
    left = [str(path) for path in (PROVISIONED, *(state.iterdir() if state.exists() else ())) if path.exists()]
    left = [each for each in left if each != str(state / "logs")]
    left += [str(path) for path in cgroups()]
    left += [f"the link {LINK}"] if Path(f"/sys/class/net/{LINK}").exists() else []
    return left + _mounts(state) + _processes(folders)


def _mounts(state: Path) -> list[str]:
    fields = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [f"the mount {each[4]}" for each in fields if each[4].startswith((str(state), str(PROVISIONED)))]


def _processes(folders: Folders) -> list[str]:
    """Those that run the node's programs or its first process, or were told of its certificates."""
    marks = (b"e2e.clusters.node.inside", *(os.fsencode(path) for path in (folders.programs, folders.state)))
    left = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if any(mark in command for mark in marks):
            left.append(f"the process {entry.name} ({os.fsdecode(command.split(bytes(1))[0])})")
    return left
