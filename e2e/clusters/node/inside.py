"""The first process of the node's namespaces: `python -m e2e.clusters.node.inside`, started by machine.up() only.

It starts everything and waits; nothing outlives it.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from string import Template

from e2e.clusters.node.settings import (
    API_SERVICE,
    DNS_IMAGE,
    DNS_SERVICE,
    HOST_ADDRESS,
    NAME,
    NODE_ADDRESS,
    PAUSE_IMAGE,
    POD_NETWORK,
    PROVISIONED,
    SERVICE_NETWORK,
    Folders,
)

_HERE = Path(__file__).parent
# The kubelet insists on these settings of the whole machine: it gets files of its own in their place.
_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Brings the node up and stays until it is killed."""
    folders = Folders.default()
    # PATH begins with the folders of the programs, see machine.up().
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _mounts(folders)
    _network()
    _configuration(folders)
    _control_plane(folders)
    _node(folders)
    threading.Thread(target=_open_volumes, args=(folders.state / "volumes",), daemon=True).start()
    while True:
        # Orphans of containers end up here, too.
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _start(folders: Folders, name: str, *arguments: str) -> None:
    with folders.log(name).open("wb") as log:
        subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _mounts(folders: Folders) -> None:
    _run("mount", "--make-rshared", "/")
    socket.sethostname(NAME)
    for target in ("/run", "/var/log"):
        _run("mount", "-t", "tmpfs", "tmpfs", target)
    volumes = folders.state / "volumes"
    for folder in (volumes, PROVISIONED, Path("/run/containerd"), Path("/run/netns")):
        folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", str(volumes), str(PROVISIONED))
    for name, value in _SYSCTLS.items():
        own = folders.state / "sysctl" / name
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(value)
        _run("mount", "--bind", str(own), f"/proc/sys/{name}")


def _network() -> None:
    deadline = time.monotonic() + 10
    while subprocess.run(["ip", "link", "show", "eth0"], capture_output=True).returncode != 0:
        if time.monotonic() > deadline:
            raise RuntimeError("the link to the machine did not come")
        time.sleep(0.05)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "addr", "add", f"{NODE_ADDRESS}/30", "dev", "eth0")
    _run("ip", "link", "set", "eth0", "up")
    _run("ip", "route", "add", "default", "via", HOST_ADDRESS)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    own = f"{{ {POD_NETWORK}, {SERVICE_NETWORK}, {HOST_ADDRESS}/30 }}"
    _run(
        "nft",
        "add table ip pods; add chain ip pods out { type nat hook postrouting priority 100; };"
        f" add rule ip pods out ip saddr {POD_NETWORK} ip daddr != {own} masquerade",
    )


def _configuration(folders: Folders) -> None:
    values = {
        "state": folders.state,
        "programs": folders.programs,
        "name": NAME,
        "pod_network": POD_NETWORK,
        "dns_service": DNS_SERVICE,
        "pause_image": PAUSE_IMAGE,
    }
    (folders.state / "network").mkdir(exist_ok=True)
    (folders.state / "volume-plugins").mkdir(exist_ok=True)
    (folders.state / "resolv.conf").write_text("")
    for source in (_HERE / "config").iterdir():
        target = folders.state / ("network" if source.suffix == ".conflist" else ".") / source.name
        target.write_text(Template(source.read_text()).substitute(values))


def _control_plane(folders: Folders) -> None:
    certificates = folders.state / "certificates"
    _start(
        folders,
        "etcd",
        f"--data-dir={folders.state}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        "--log-level=error",
    )
    _start(folders, "containerd", "-c", f"{folders.state}/containerd.toml")
    _start(
        folders,
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443",
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_ADDRESS}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={certificates}/ca.crt",
        f"--tls-cert-file={certificates}/apiserver.crt",
        f"--tls-private-key-file={certificates}/apiserver.key",
        f"--kubelet-client-certificate={certificates}/apiserver-kubelet.crt",
        f"--kubelet-client-key={certificates}/apiserver-kubelet.key",
        f"--kubelet-certificate-authority={certificates}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={certificates}/service-accounts.pub",
        f"--service-account-signing-key-file={certificates}/service-accounts.key",
        f"--requestheader-client-ca-file={certificates}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={certificates}/front-proxy.crt",
        f"--proxy-client-key-file={certificates}/front-proxy.key",
    )
    _until_served(folders)
    _start(
        folders,
        "kube-controller-manager",
        *_credentials(certificates, "controller-manager"),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={certificates}/service-accounts.key",
        f"--root-ca-file={certificates}/ca.crt",
        "--leader-elect=false",
        "--enable-hostpath-provisioner=true",
    )
    _start(folders, "kube-scheduler", *_credentials(certificates, "scheduler"), "--leader-elect=false")


def _node(folders: Folders) -> None:
    _start(folders, "kube-proxy", f"--config={folders.state}/kube-proxy.yaml")
    for image in (PAUSE_IMAGE, DNS_IMAGE):
        archive = folders.state / "images" / f"{image.rpartition('/')[2].partition(':')[0]}.tar"
        _run("ctr", "--connect-timeout=30s", "-n", "k8s.io", "images", "import", str(archive))
    certificates = folders.state / "certificates"
    _start(
        folders,
        "kubelet",
        f"--config={folders.state}/kubelet.yaml",
        f"--kubeconfig={certificates}/kubelet.kubeconfig",
        f"--hostname-override={NAME}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={folders.state}/kubelet",
        f"--cert-dir={certificates}",
    )
    _run("kubectl", f"--kubeconfig={folders.kubeconfig}", "apply", "-f", str(_HERE / "addons"))
    # Of kube-router only what enforces NetworkPolicies: Services are kube-proxy's, routes the network plugin's.
    _start(
        folders,
        "kube-router",
        f"--kubeconfig={certificates}/policies.kubeconfig",
        f"--hostname-override={NAME}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--run-loadbalancer=false",
        "--metrics-port=0",
        "--v=1",
    )


def _credentials(certificates: Path, name: str) -> list[str]:
    file = certificates / f"{name}.kubeconfig"
    options = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [*(f"--{option}={file}" for option in options), "--bind-address=127.0.0.1"]


def _until_served(folders: Folders, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    asked = ["kubectl", f"--kubeconfig={folders.kubeconfig}", "get", "--raw", "/readyz"]
    while subprocess.run(asked, capture_output=True).returncode != 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the API server of {API_SERVICE} did not become ready; see {folders.state}/logs")
        time.sleep(0.2)


def _open_volumes(folder: Path) -> None:
    """Provisioned folders belong to root and know no fsGroup; every pod may write, as on kind."""
    while True:
        for volume in folder.iterdir():
            volume.chmod(0o777)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
