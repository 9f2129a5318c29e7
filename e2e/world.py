"""The cluster as the tests see it: kubectl, helm, and a client that asks from inside."""

import json
import os
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


def eventually(condition: Callable[[], T], seconds: float = 120) -> T:
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

    def apply(self, namespace: str, *documents: Json) -> None:
        """`kubectl apply` of objects."""
        for document in documents:
            self.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(document))

    def apply_file(self, namespace: str, path: Path) -> None:
        """`kubectl apply` of one of e2e/objects, with the images' names filled in."""
        text = Template(path.read_text()).safe_substitute(vars(self.images))
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)

    def wait(self, namespace: str, *arguments: str, seconds: int = 180) -> None:
        """`kubectl wait`."""
        self.kubectl("wait", "-n", namespace, f"--timeout={seconds}s", *arguments)

    def ask(self, namespace: str, service: str, *questions: str) -> list[Json]:
        """Asks through the Service by the openai package, from the client's pod."""
        lines = self._client(namespace, service, 0, questions).splitlines()
        return [json.loads(line) for line in lines]

    def load(self, namespace: str, service: str, seconds: float, *questions: str) -> "Load":
        """Starts asking over and over in the background."""
        return Load(subprocess.Popen(
            self._client_command(namespace, service, seconds, questions),
            stdin=(OBJECTS / "ask.py").open("rb"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ))  # fmt: skip

    def _client(self, namespace: str, service: str, seconds: float, questions: Sequence[str]) -> str:
        command = self._client_command(namespace, service, seconds, questions)
        with (OBJECTS / "ask.py").open("rb") as script:
            done = subprocess.run(command, stdin=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-1500:]
        return done.stdout

    def _client_command(self, namespace: str, service: str, seconds: float, questions: Sequence[str]) -> list[str]:
        address = f"http://{service}.{namespace}.svc:8801/v1"
        execute = ["exec", "-i", "-n", namespace, "client", "--", "python3", "-", address, str(seconds), *questions]
        return [str(self.programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *execute]

    def _run(self, program: str, arguments: Sequence[str], stdin: str | None, check: bool) -> str:
        command = [str(self.programs[program]), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env={**os.environ})
        assert not check or done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout


class Load:
    """Questions that are being asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def result(self) -> Json:
        """Waits for the end; `answers`, `failures`, `first_failure`."""
        output, errors = self._process.communicate(timeout=600)
        assert self._process.returncode == 0, errors[-1500:]
        counts: Json = json.loads(output)
        return counts
