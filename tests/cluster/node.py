"""A node's part for routers' pods and the pods of Jobs: their containers are real processes."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Kubectl, eventually
from tests.cluster.containers import Containers
from tests.cluster.kubelet import Kubelet, Pod
from tests.cluster.mounts import Mounts, moved

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

    def run_job(self, part: str, component: str = "migration") -> Json:
        """Run the pod of the component's Job that has `part` in its name, its containers one after another, when it is
        there; return its status."""
        described = self._job_pod(part, component)
        folder = self.folder / described["metadata"]["name"]
        statuses: dict[str, list[Json]] = {"initContainerStatuses": [], "containerStatuses": []}
        code = 0
        for kind, containers in (
            ("initContainerStatuses", described["spec"].get("initContainers", [])),
            ("containerStatuses", described["spec"]["containers"]),
        ):
            for container in containers:
                code, message = self._run_container(described, container, folder) if code == 0 else (1, "")
                statuses[kind].append(_ended(container["name"], code, message))
        return self._tell_job(described, statuses, code)

    def fail_job(self, part: str, component: str, code: int, message: str) -> Json:
        """Let the first container of the Job's pod end so, without running it."""
        described = self._job_pod(part, component)
        first = [*described["spec"].get("initContainers", []), *described["spec"]["containers"]][0]["name"]
        return self._tell_job(described, {"containerStatuses": [_ended(first, code, message)]}, code)

    def _job_pod(self, part: str, component: str) -> Json:
        """The Job's pod, once it is there and has not run yet."""

        def found() -> Json:
            pods = (self.kubectl.get("pods", "-l", f"app.kubernetes.io/component={component}") or {}).get("items", [])
            fresh = [pod for pod in pods if pod["status"].get("phase") == "Pending"]
            return next((pod for pod in fresh if f"-{part}-" in pod["metadata"]["name"]), {})

        return eventually(found, 180)

    def _tell_job(self, described: Json, statuses: dict[str, list[Json]], code: int) -> Json:
        kept = {key: value for key, value in statuses.items() if value}
        status = {"phase": "Failed" if code else "Succeeded", **kept}
        name, patch = described["metadata"]["name"], json.dumps({"status": status})
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
        return status

    def _run_container(self, pod: Json, container: Json, folder: Path) -> tuple[int, str]:
        places = Mounts(self.kubectl, pod, folder / "volumes").places(container)
        home = folder / container["name"]
        home.mkdir(parents=True)
        if "/app/config" in places:
            (home / "config").symlink_to(places["/app/config"])
            self._prepare(home)
        arguments = [moved(each, {**places, "/app": str(home)}) for each in container["args"]]
        result = home / "result"
        environment = os.environ | self._environment({"spec": {"containers": [container]}})
        environment |= {
            "SEMANTIC_ROUTER_RESULT_FILE": str(result),
            "SEMANTIC_ROUTER_DATA_DIR": places.get("/var/lib/semantic-router", str(home)),
        }
        if arguments[0] == "backup":
            runner = [str(Path(sys.executable).with_name("semantic-router-operator")), *arguments]
            done = subprocess.run(runner, cwd=home, env=environment, capture_output=True, text=True, timeout=300)
            code, said = done.returncode, done.stderr
        else:
            pods = [each.address for each in self.pods.values()]
            hosts = {f"semantic-router-metrics.{self.kubectl.namespace}.svc": pods}
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


def _ended(name: str, code: int, message: str) -> Json:
    """The status of a container that has ended."""
    ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed"}
    told = {"image": "x", "imageID": "", "restartCount": 0, "ready": False}
    return {"name": name, **told, "state": {"terminated": ended}}


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
