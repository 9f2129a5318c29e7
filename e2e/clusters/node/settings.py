"""Where the node keeps its things, and its addresses."""

from dataclasses import dataclass
from pathlib import Path

from tests.control_plane.binaries import KUBERNETES, cache_folder

NAME = "semantic-router-e2e"
HOST_ADDRESS = "172.31.251.1"
NODE_ADDRESS = "172.31.251.2"
LINK = "sre2e"
POD_NETWORK = "10.245.0.0/24"
SERVICE_NETWORK = "10.97.0.0/16"
API_SERVICE = "10.97.0.1"
DNS_SERVICE = "10.97.0.10"
PAUSE_IMAGE = "localhost/pause:1"
DNS_IMAGE = "localhost/coredns:1"
# The one folder that the controller manager's host-path provisioner knows.
PROVISIONED = Path("/tmp/hostpath_pv")  # noqa: S108


@dataclass(frozen=True)
class Folders:
    """`state` is one run's: etcd, containerd, certificates, logs; `programs` is kept between runs."""

    state: Path
    programs: Path

    @classmethod
    def default(cls) -> "Folders":
        return cls(cache_folder() / "node" / "state", cache_folder() / "node" / KUBERNETES)

    @property
    def kubeconfig(self) -> Path:
        return self.state / "admin.kubeconfig"

    @property
    def init_pid(self) -> Path:
        return self.state / "init.pid"

    def log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"
