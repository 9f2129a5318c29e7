"""Whether this machine can hold a node of its own; tried, where asking is not enough."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.control_plane.binaries import cache_folder

from e2e.clusters.node.programs import TOOLS

NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts")
DISK_GB, MEMORY_GB = 12, 5
_V1 = ("cpu", "memory", "pids")
_CGROUPS = Path("/sys/fs/cgroup")


def missing() -> list[str]:
    """What a node needs and this machine does not have; empty where a node can be had."""
    if os.name != "posix" or os.uname().sysname != "Linux":
        return ["Linux"]
    if os.geteuid() != 0:
        return ["root"]
    found = [*_tools(), *_room(), *_cgroups()]
    return found or _namespaces()


def _tools() -> list[str]:
    absent = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    return [f"these packages, or apt-get to install them: {' '.join(absent)}"] if absent and not _apt() else []


def _apt() -> bool:
    return shutil.which("apt-get") is not None


def _room() -> list[str]:
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(cache).free / 1e9
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    found = [f"{DISK_GB} GB free in {cache} (there are {disk:.0f})"] if disk < DISK_GB else []
    return found + ([f"{MEMORY_GB} GB of memory (there are {memory:.0f})"] if memory < MEMORY_GB else [])


def _cgroups() -> list[str]:
    if (_CGROUPS / "cgroup.controllers").exists():
        there = (_CGROUPS / "cgroup.controllers").read_text().split()
        groups = [_CGROUPS]
    else:
        there = [name for name in _V1 if (_CGROUPS / name).is_dir()]
        groups = [_CGROUPS / name for name in there]
    if absent := [name for name in _V1 if name not in there]:
        return [f"the cgroup controllers {', '.join(absent)}"]
    for group in groups:
        probe = group / "semantic-router-probe"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError as error:
            return [f"the right to make cgroups ({error})"]
    return []


def _namespaces() -> list[str]:
    """Makes the namespaces, and in them what containers are made of: a link, and an overlay on the cache folder."""
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="probe-") as scratch:
        parts = {name: Path(scratch) / name for name in ("lower", "upper", "work", "merged")}
        for part in parts.values():
            part.mkdir()
        options = ",".join(f"{name}dir={parts[name]}" for name in ("lower", "upper", "work"))
        script = f"mount -t overlay overlay -o {options} {parts['merged']}"
        if shutil.which("ip"):
            script += " && ip link add probe0 type veth peer name probe1"
        command = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
        done = subprocess.run([*command, "sh", "-c", script], capture_output=True, text=True)
    said = done.stderr.strip().splitlines()
    return [f"namespaces, overlay mounts and links ({said[-1] if said else 'refused'})"] if done.returncode != 0 else []
