"""A kubelet's part for the pods of Jobs: each container runs as a real process, one after another, with the files that
would be mounted."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cluster.conftest import eventually
from tests.cluster.kubelet import Kubelet, Pod

Json = dict[str, Any]
SECRETS_DIR = "/etc/semantic-router/secrets"
# What may stand in a file as well, and is somewhere else here.
_IN_FILES = ("/etc/semantic-router", "/var/lib/semantic-router", "/work")
# The cluster's DNS for a process of the router: names that lead to the addresses of pods.
RESOLVING = """
import json, socket, sys
names, real = json.loads(sys.argv.pop(1)), socket.getaddrinfo
def getaddrinfo(host, port, *more, **options):
    return [each for address in names.get(host, [host]) for each in real(address, port, *more, **options)]
socket.getaddrinfo = getaddrinfo
from semantic_router_proxy.cli import main
main()
"""


class JobNode(Kubelet):
    """Runs the pods of Jobs as well. A Secret `admin` is the admin token of the routers' pods."""

    def mount(self, pod: Pod) -> None:
        super().mount(pod)
        token = self._secret("admin").get("token")
        if token is None:
            return
        folder = pod.folder / "secrets"
        folder.mkdir(exist_ok=True)
        (folder / "admin-token").write_bytes(token)
        file = pod.folder / "config" / "config.yaml"
        file.write_text(file.read_text().replace(SECRETS_DIR, str(folder)))

    def run_job(self, component: str, part: str) -> Json:
        """Run the pod of the Job of this component whose name has `part` in it, when it is there; return its status."""
        described = self.job_pod(component, part)
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

    def fail_job(self, component: str, part: str, code: int, message: str) -> Json:
        """Let the Job's first container end so, without running it."""
        described = self.job_pod(component, part)
        first = [*described["spec"].get("initContainers", []), *described["spec"]["containers"]][0]["name"]
        return self._tell_job(described, {"containerStatuses": [_ended(first, code, message)]}, code)

    def job_pod(self, component: str, part: str) -> Json:
        """The Job's pod, once it is there and has not run yet."""

        def found() -> Json | None:
            label = f"app.kubernetes.io/component={component}"
            pods = (self.kubectl.get("pods", "-l", label) or {}).get("items", [])
            fresh = [pod for pod in pods if pod["status"].get("phase") == "Pending"]
            return next((pod for pod in fresh if f"-{part}-" in pod["metadata"]["name"]), None)

        return dict(eventually(found, 60) or {})  # type: ignore[call-overload]

    def _tell_job(self, described: Json, statuses: dict[str, list[Json]], code: int) -> Json:
        kept = {key: value for key, value in statuses.items() if value}
        status = {"phase": "Failed" if code else "Succeeded", **kept}
        patch = json.dumps({"status": status})
        self.kubectl("patch", "pod", described["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)
        return status

    def _run_container(self, pod: Json, container: Json, folder: Path) -> tuple[int, str]:
        places = {
            mount["mountPath"]: str(self._volume(pod, mount["name"], folder / "volumes" / mount["name"]))
            for mount in container["volumeMounts"]
        }
        home = folder / container["name"]
        home.mkdir(parents=True)
        if "/app/config" in places:
            (home / "config").symlink_to(places["/app/config"])
        for place in places.values():
            _settle(Path(place), places)
        arguments = [_moved(each, {**places, "/app": str(home)}) for each in container["args"]]
        result = home / "result"
        environment = os.environ | self._environment({"spec": {"containers": [container]}})
        environment |= {
            "SEMANTIC_ROUTER_RESULT_FILE": str(result),
            "SEMANTIC_ROUTER_DATA_DIR": places.get("/var/lib/semantic-router", str(home)),
        }
        done = subprocess.run(
            [*self._program(arguments), *arguments],
            cwd=home, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        told = result.read_text() if result.exists() else (done.stderr.strip().splitlines() or [""])[-1]
        (home / "log").write_text(f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.returncode, told

    def _program(self, arguments: list[str]) -> list[str]:
        if arguments[0] == "backup":
            return [str(Path(sys.executable).with_name("semantic-router-operator"))]
        names = {f"semantic-router-metrics.{self.kubectl.namespace}.svc": [each.address for each in self.pods.values()]}
        return [sys.executable, "-c", RESOLVING, json.dumps(names)]

    def _volume(self, pod: Json, name: str, folder: Path) -> Path:
        """The folder of a pod's volume, made once."""
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        volume = next(each for each in pod["spec"]["volumes"] if each["name"] == name)
        for source in volume.get("projected", {}).get("sources", [volume]):
            if "configMap" in source:
                described = source["configMap"]
                data = (self.kubectl.get(f"configmap/{described['name']}") or {})["data"]
                files = {item["path"]: data[item["key"]].encode() for item in described["items"]}
            elif "secret" in source:
                described = source["secret"]
                secret = self._secret(described.get("secretName") or described["name"])
                files = {item["path"]: secret[item["key"]] for item in described["items"]}
            else:
                files = {}
            for path, content in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return folder

    def _secret(self, name: str) -> dict[str, bytes]:
        data = (self.kubectl.get(f"secret/{name}") or {}).get("data") or {}
        return {key: base64.b64decode(value) for key, value in data.items()}


def _settle(folder: Path, places: dict[str, str]) -> None:
    """Let the paths in a volume's configurations lead to the folders here."""
    for file in folder.rglob("*.yaml"):
        text = file.read_text()
        if file.name == "backup.yaml" and "work_dir:" not in text:
            text += "work_dir: /work\n"
        for place, real in places.items():
            # Once: the folder here may have the place's name in it.
            if place.startswith(_IN_FILES) and real not in text:
                text = text.replace(place, real)
        file.write_text(text)


def _moved(argument: str, places: dict[str, str]) -> str:
    for place in sorted(places, key=len, reverse=True):
        if argument.startswith(place):
            return places[place] + argument[len(place) :]
    return argument


def _ended(name: str, code: int, message: str) -> Json:
    ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed"}
    return {
        "name": name, "image": "x", "imageID": "", "restartCount": 0, "ready": False, "state": {"terminated": ended}
    }  # fmt: skip
