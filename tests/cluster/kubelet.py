"""A kubelet's part for routers' pods: each runs as a real process, on an address of its own, and its state is told."""

import base64
import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Kubectl, eventually

Json = dict[str, Any]
ROUTER = "app.kubernetes.io/component=router"


@dataclass
class Pod:
    """A running router and its folder, which a node would mount at /app."""

    name: str
    address: str
    folder: Path
    process: subprocess.Popen[bytes]

    def readyz(self) -> Json:
        try:
            with urllib.request.urlopen(f"http://{self.address}:8080/readyz", timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except (OSError, urllib.error.URLError):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            return {}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Kubelet:
    """Start it with a `kubectl` and a folder; `stop` it at the end. `disk` is the size of each pod's volume, as mount
    takes it, on a disk of its own that no other process sees (which takes root); none: a folder."""

    kubectl: Kubectl
    folder: Path
    disk: str = ""
    pods: dict[str, Pod] = field(default_factory=dict)

    def settle(self, count: int) -> list[Pod]:
        """Run the Deployment's pods until so many, and no others, are there and ready."""

        def settled() -> bool:
            wanted = {pod["metadata"]["name"]: pod for pod in self._listed()}
            for gone in self.pods.keys() - wanted.keys():
                self.pods.pop(gone).stop()
            for name, pod in wanted.items():
                if name not in self.pods:
                    self.pods[name] = self._run(pod)
                    self._tell(self.pods[name])
            deployment = self.kubectl.get("deployment/semantic-router") or {}
            status = deployment.get("status", {})
            current = status.get("observedGeneration") == deployment["metadata"]["generation"]
            numbers = {status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")}
            return current and numbers == {count} and len(self.pods) == count

        eventually(settled, 120)
        return [pod for _, pod in sorted(self.pods.items())]

    def mount(self, pod: Pod) -> None:
        """Bring the ConfigMaps' present content into the pod."""
        files = {"semantic-router-config": "config.yaml", "milvus-client-config": "semantic-cache/milvus.yaml"}
        for config_map, file in files.items():
            found = self.kubectl.get(f"configmap/{config_map}")
            if found is not None:
                write(pod.folder / "config" / file, next(iter(found["data"].values())))

    def stop(self) -> None:
        for pod in self.pods.values():
            pod.stop()

    def _listed(self) -> list[Json]:
        found = (self.kubectl.get("pods", "-l", ROUTER) or {}).get("items", [])
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def _run(self, described: Json) -> Pod:
        name = described["metadata"]["name"]
        folder = self.folder / name
        # All of 127/8 is this machine: each pod has an address with the ports that a pod has.
        address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"
        (folder / "data").mkdir(parents=True)
        pod = Pod(name, address, folder, None)  # type: ignore[arg-type]
        self.mount(pod)
        command = [sys.executable, "-m", "semantic_router_proxy.cli", "serve", "--config", "config/config.yaml"]
        if self.disk:
            mount = f'mount -t tmpfs -o size={self.disk} tmpfs {folder / "data"} && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", mount, "sh", *command]
        environment = os.environ | self._environment(described) | {"SEMANTIC_ROUTER_DATA_DIR": str(folder / "data")}
        with (folder / "log").open("wb") as log:
            pod.process = subprocess.Popen(
                [*command, "--host", address], cwd=folder, env=environment, stdout=log, stderr=log
            )
        eventually(lambda: pod.readyz().get("status") == "ready", 120)
        return pod

    def _environment(self, described: Json) -> dict[str, str]:
        variables = {}
        for each in described["spec"]["containers"][0]["env"]:
            if "value" in each:
                variables[each["name"]] = each["value"]
            else:
                reference = each["valueFrom"]["secretKeyRef"]
                data = (self.kubectl.get(f"secret/{reference['name']}") or {})["data"]
                variables[each["name"]] = base64.b64decode(data[reference["key"]]).decode()
        return variables

    def _tell(self, pod: Pod) -> None:
        container = {"name": "router", "image": "x", "imageID": "", "restartCount": 0, "state": {"running": {}}}
        conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
        status = {
            "phase": "Running",
            "podIP": pod.address,
            "podIPs": [{"ip": pod.address}],
            "conditions": conditions,
            "containerStatuses": [{**container, "ready": True}],
        }
        patch = json.dumps({"status": status})
        # A pod that has been replaced meanwhile is not there any more.
        self.kubectl("patch", "pod", pod.name, "--subresource=status", "--type=merge", "-p", patch, check=False)


def write(file: Path, text: str) -> None:
    """Replace a file at once, as a kubelet does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
