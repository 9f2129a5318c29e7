"""A node's part for routers' pods and the pods of Jobs: their containers are real processes."""

import base64
import json
import os
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Kubectl, eventually
from tests.cluster.containers import Containers
from tests.cluster.kubelet import Kubelet, Pod

Json = dict[str, Any]
QUESTION = "How do I bake a loaf of rye bread at home?"
SECRETS_DIR = "/etc/semantic-router/secrets"


@dataclass
class Node(Kubelet):
    """Runs the pods of Jobs as well, and mounts the admin token where there is one. `milvus` leads the host of a Milvus
    to a port of this machine."""

    milvus: dict[str, int] = field(default_factory=dict)
    containers: Containers = field(default_factory=Containers)

    def mount(self, pod: Pod) -> None:
        super().mount(pod)
        self._prepare(pod.folder)

    def stop(self) -> None:
        super().stop()
        self.containers.stop()

    def run_job(self, step: str) -> Json:
        """Run the pod of the step's Job when it is there, its containers one after another; return its status."""
        described: Json = eventually(lambda: self._job_pod(step) or {}, 180)
        name, spec = described["metadata"]["name"], described["spec"]
        folder = self.folder / name
        (folder / "work").mkdir(parents=True)
        statuses: dict[str, list[Json]] = {"initContainerStatuses": [], "containerStatuses": []}
        code = 0
        for kind, containers in (
            ("initContainerStatuses", spec.get("initContainers", [])),
            ("containerStatuses", spec["containers"]),
        ):
            for container in containers:
                code, message = self._run_container(described, container, folder) if code == 0 else (1, "")
                ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed"}
                statuses[kind].append(
                    {"name": container["name"], "image": "x", "imageID": "", "restartCount": 0, "ready": False,
                     "state": {"terminated": ended}}
                )  # fmt: skip
        status = {
            "phase": "Failed" if code else "Succeeded",
            **{key: value for key, value in statuses.items() if value},
        }
        patch = json.dumps({"status": status})
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
        return status

    def _job_pod(self, step: str) -> Json | None:
        pods = (self.kubectl.get("pods", "-l", "app.kubernetes.io/component=migration") or {}).get("items", [])
        fresh = [pod for pod in pods if f"-{step}-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Pending"]
        return fresh[0] if fresh else None

    def _run_container(self, pod: Json, container: Json, folder: Path) -> tuple[int, str]:
        mounted = next(each["name"] for each in container["volumeMounts"] if each["mountPath"] == "/app/config")
        volume = next(each["configMap"] for each in pod["spec"]["volumes"] if each["name"] == mounted)
        data = (self.kubectl.get(f"configmap/{volume['name']}") or {})["data"]
        home = folder / container["name"]
        for item in volume["items"]:
            file = home / "config" / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data[item["key"]])
        self._prepare(home)
        places = {"/app": str(home), "/work": str(folder / "work"), SECRETS_DIR: str(home / "secrets")}
        arguments = [_moved(each, places) for each in container["args"]]
        result = home / "result"
        environment = os.environ | self._environment({"spec": {"containers": [container]}})
        environment |= {"SEMANTIC_ROUTER_RESULT_FILE": str(result), "SEMANTIC_ROUTER_DATA_DIR": str(home)}
        hosts = {f"semantic-router-metrics.{self.kubectl.namespace}.svc": [each.address for each in self.pods.values()]}
        code, said = self.containers.run(arguments, home, environment, hosts)
        return code, result.read_text() if result.exists() else (said.strip().splitlines() or [""])[-1]

    def _prepare(self, folder: Path) -> None:
        """Mount the admin token, and lead what names a Milvus to where it is."""
        config, client = folder / "config" / "config.yaml", folder / "config" / "semantic-cache" / "milvus.yaml"
        secret = self.kubectl.get("secret/admin")
        if secret is not None:
            (folder / "secrets").mkdir(exist_ok=True)
            (folder / "secrets" / "admin-token").write_bytes(base64.b64decode(secret["data"]["token"]))
            config.write_text(config.read_text().replace(SECRETS_DIR, str(folder / "secrets")))
        if client.exists():
            text = client.read_text()
            for host, port in self.milvus.items():
                text = re.sub(rf"host: {re.escape(host)}\n(\s+)port: \d+", rf"host: 127.0.0.1\n\g<1>port: {port}", text)
            client.write_text(text)


def _moved(argument: str, places: dict[str, str]) -> str:
    for place, real in places.items():
        if argument.startswith(place):
            return real + argument[len(place) :]
    return argument


def ask(pod: Pod, question: str = QUESTION) -> tuple[str, str]:
    """Whether it was a hit, and what was said."""
    body = {"model": "auto", "messages": [{"role": "user", "content": question}], "temperature": 0}
    request = urllib.request.Request(
        f"http://{pod.address}:8801/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        said = json.loads(answer.read())["choices"][0]["message"]["content"]
        return str(answer.headers["x-vsr-cache"]), str(said)


def migration(kubectl: Kubectl) -> Json:
    """The one under way, or the last one."""
    return dict(((kubectl.get("sr/semantic-router") or {}).get("status") or {}).get("migration") or {})


def reaches(kubectl: Kubectl, step: str) -> Json:
    """The migration once it is at this step or outcome."""

    def there() -> Json | None:
        found = migration(kubectl)
        return found if step in (found.get("step"), found.get("outcome")) else None

    return dict(eventually(there, 180) or {})


def jobs(kubectl: Kubectl) -> list[str]:
    """Those of the namespace."""
    return kubectl("get", "jobs", "-o", "name").split()


def replaced(node: Node, old: Pod) -> Pod:
    """The one pod of the next template, once it is ready and the old one is gone."""
    eventually(lambda: node.settle(1)[0].name != old.name, 120)
    return node.settle(1)[0]
