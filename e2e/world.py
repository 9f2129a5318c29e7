"""The cluster as the tests see it: kubectl, helm, and a client that asks from inside."""

import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from e2e.images.build import Images

T = TypeVar("T")
Json = dict[str, Any]
ROOT = Path(__file__).parents[1]
OBJECTS = Path(__file__).parent / "objects"
OPERATOR_NAMESPACE = "semantic-router-system"
RELEASE = "semantic-router-operator"
# Seconds to wait for what does come in a few; a machine with much else to do needs them.
PATIENCE = 600
_CLUSTER_WIDE = (
    "namespaces,persistentvolumes,customresourcedefinitions,clusterroles,clusterrolebindings,"
    "validatingwebhookconfigurations"
)
_OURS = re.compile(r"semantic-?router|milvus|/e2e-")


def eventually(condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true value of `condition`; raises AssertionError with what it said last."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in {seconds:g} s, at last {value!r}"
        time.sleep(0.25)
    return value


@dataclass(frozen=True)
class World:
    """Everything a test needs; `images` have the names that pods use."""

    kubeconfig: Path
    programs: dict[str, Path]
    images: Images

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Standard output. Raises AssertionError with kubectl's words."""
        return self._run("kubectl", arguments, stdin, check)

    def helm(self, *arguments: str) -> str:
        """Standard output. Raises AssertionError with helm's words."""
        return self._run("helm", arguments, None, True)

    def get(self, *what: str) -> Json:
        """The object or the list, empty when it is not there."""
        text = self.kubectl("get", *what, "-o", "json", "--ignore-not-found")
        found: Json = json.loads(text) if text else {}
        return found

    def everything(self, namespace: str) -> set[str]:
        """The names of all objects in it, of whatever kind, but what merely reports on others."""
        listed = self.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        kinds = [each for each in listed if not each.startswith(("events", "endpoint"))]
        return set(self.kubectl("get", ",".join(kinds), "-n", namespace, "-o", "name").split())

    def belongings(self) -> set[str]:
        """The objects of the whole cluster that are the product's or the tests', by their names or their users'."""
        items = self.get(_CLUSTER_WIDE).get("items", [])
        names = {f"{each['kind'].lower()}/{each['metadata']['name']}": each.get("spec") or {} for each in items}
        users = {name: f"/{(spec.get('claimRef') or {}).get('namespace', '')}" for name, spec in names.items()}
        return {name for name in names if _OURS.search(name) or _OURS.search(users[name])}

    def make_namespace(self, name: str) -> None:
        """A namespace that enforces the restricted pod security standard, with the client in it."""
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        self.apply_file(name, OBJECTS / "client.yaml")
        self.wait(name, "pod/client", "--for=condition=Ready")

    def apply(self, namespace: str, *documents: Json) -> None:
        """`kubectl apply` of objects."""
        for document in documents:
            self.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(document))

    def apply_file(self, namespace: str, path: Path) -> None:
        """`kubectl apply` of one of e2e/objects, with the images' names filled in."""
        text = Template(path.read_text()).safe_substitute(vars(self.images))
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)

    def wait(self, namespace: str, target: str, condition: str, seconds: int = PATIENCE) -> None:
        """`kubectl wait`, first for the object itself."""
        eventually(lambda: self.get(target, "-n", namespace), seconds)
        self.kubectl("wait", "-n", namespace, f"--timeout={seconds}s", target, condition)

    def ask(self, namespace: str, service: str, *questions: str) -> list[Json]:
        """Asks through the Service by the openai package, from the client's pod."""
        lines = self._client(namespace, service, "once", questions).splitlines()
        return [json.loads(line) for line in lines]

    def load(self, namespace: str, service: str, *questions: str) -> "Load":
        """Starts asking over and over in the background, until the result is wanted."""
        # The one place where a pod with a read-only root can write.
        flag = f"/dev/shm/{secrets.token_hex(4)}"  # noqa: S108
        process = subprocess.Popen(
            self._client_command(namespace, service, flag, questions),
            stdin=(OBJECTS / "ask.py").open("rb"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return Load(process, lambda: self.kubectl("exec", "-n", namespace, "client", "--", "touch", flag))

    def run_in_client(self, namespace: str, script: str, *arguments: str) -> str:
        """Standard output of a Python program in the client's pod, which has the openai package."""
        return self.kubectl("exec", "-i", "-n", namespace, "client", "--", "python3", "-", *arguments, stdin=script)

    def run_with_pymilvus(self, script: str, *arguments: str) -> str:
        """The same in the model server's pod, which runs the router's image."""
        execute = ["exec", "-i", "-n", "default", "deployment/vllm", "--", "python3", "-"]
        return self.kubectl(*execute, *arguments, stdin=script)

    def streams(self, namespace: str, service: str, *questions: str) -> "Streams":
        """Starts a streamed answer for each question and returns when each has begun."""
        return Streams(subprocess.Popen(
            self._client_command(namespace, service, "stream", questions),
            stdin=(OBJECTS / "ask.py").open("rb"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ), len(questions))  # fmt: skip

    def _client(self, namespace: str, service: str, mode: str, questions: Sequence[str]) -> str:
        command = self._client_command(namespace, service, mode, questions)
        with (OBJECTS / "ask.py").open("rb") as script:
            done = subprocess.run(command, stdin=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-1500:]
        return done.stdout

    def _client_command(self, namespace: str, service: str, mode: str, questions: Sequence[str]) -> list[str]:
        address = f"http://{service}.{namespace}.svc:8801/v1"
        execute = ["exec", "-i", "-n", namespace, "client", "--", "python3", "-", address, mode, *questions]
        return [str(self.programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *execute]

    def _run(self, program: str, arguments: Sequence[str], stdin: str | None, check: bool) -> str:
        command = [str(self.programs[program]), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env={**os.environ})
        assert not check or done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout


class Load:
    """Questions that are being asked."""

    def __init__(self, process: "subprocess.Popen[str]", stop: Callable[[], object]) -> None:
        self._process = process
        self._stop = stop

    def result(self) -> Json:
        """Ends it; `answers`, `failures`, `first_failure`."""
        self._stop()
        output, errors = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, errors[-1500:]
        counts: Json = json.loads(output)
        return counts


class Streams:
    """Answers that arrive piece by piece."""

    def __init__(self, process: "subprocess.Popen[str]", count: int) -> None:
        self._process = process
        assert process.stdout is not None
        for _ in range(count):
            line = process.stdout.readline().strip()
            assert line == "begun", line or process.communicate()[1][-1500:]

    def results(self) -> list[Json]:
        """Waits for all; `text`, `finish` (why it ended) and `failure` of each."""
        output, errors = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, errors[-1500:]
        return [json.loads(line) for line in output.splitlines()]
