"""What the node is made of: programs built from their Go modules, tools of the distribution."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.control_plane.binaries import (
    GoProgram,
    UnavailableError,
    build,
    find_go,
    find_or_build,
    kubernetes_program,
    locked,
)

_MODULES = Path(__file__).parent / "modules"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_CNI = "github.com/containernetworking/plugins/plugins"
PROGRAMS = {
    **{name: kubernetes_program(name) for name in ("kube-scheduler", "kubelet", "kube-proxy")},
    **{
        name: GoProgram(_MODULES / "containerd", f"{_CONTAINERD}/{name}")
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    "loopback": GoProgram(_MODULES / "cni", f"{_CNI}/main/loopback"),
    "ptp": GoProgram(_MODULES / "cni", f"{_CNI}/main/ptp"),
    "host-local": GoProgram(_MODULES / "cni", f"{_CNI}/ipam/host-local"),
    "coredns": GoProgram(_MODULES / "coredns", "github.com/coredns/coredns"),
    "kube-router": GoProgram(_MODULES / "kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"),
    "pause": GoProgram(Path(__file__).parent / "pause", "."),
}
# Command -> Debian package.
TOOLS = {
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "ipset": "ipset",
    "nft": "nftables",
    "conntrack": "conntrack",
    "openssl": "openssl",
    "nsenter": "util-linux",
    "podman": "podman",
    "mmdebstrap": "mmdebstrap",
}


def prepare(folder: Path, report: Callable[[str], None]) -> dict[str, Path]:
    """All programs by name; builds and installs what is missing. Raises UnavailableError with what to install."""
    _install_tools(report)
    found = find_or_build(report)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{folder.name}.lock"):
        missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
        if missing:
            go = find_go(report)
            for name in missing:
                report(f"building {name} (once; minutes on a cold machine)")
                build(go, PROGRAMS[name], folder / name)
    return {**found, **{name: folder / name for name in PROGRAMS}}


def _install_tools(report: Callable[[str], None]) -> None:
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(f"A node without Docker needs these tools; install them: {wanted}")
    report(f"installing {wanted}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    for command in (["apt-get", "update", "--quiet"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise UnavailableError(f"{' '.join(command)} failed; install {wanted}:\n{done.stderr.strip()[-500:]}")
