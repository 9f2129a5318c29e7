"""A Milvus that milvus-operator makes: the tests' stand-in plays its part, Milvus itself is real and runs as a pod."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.test_milvus import QUESTION, STORED, a_hit_among
from e2e.world import PATIENCE, ROOT, World, eventually

_CRD = ROOT / "tests" / "fixtures" / "crds" / "milvus.io_milvuses.yaml"
_NAME = "semanticrouter/semantic-router"


@pytest.fixture
def install_milvus_operator(world: World, namespace: str, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Brings its definition and itself; it looks after this namespace and runs beside the cluster."""
    started: list[subprocess.Popen[bytes]] = []

    def established() -> bool:
        conditions = world.get("crd/milvuses.milvus.io").get("status", {}).get("conditions") or []
        return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)

    def start() -> None:
        world.kubectl("apply", "--server-side", "-f", str(_CRD))
        eventually(established)
        options = [f"--kubeconfig={world.kubeconfig}", f"--namespace={namespace}", f"--image={world.images.milvus}"]
        with (tmp_path / "milvus-operator.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.milvus_operator", *options]
            started.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))

    yield start
    # What is left of a test that failed goes while there is somebody who takes the finalizer away.
    world.kubectl("delete", "-n", namespace, _NAME, "--ignore-not-found", "--timeout=120s", check=False)
    world.kubectl("delete", "crd", "milvuses.milvus.io", "--ignore-not-found", f"--timeout={PATIENCE}s")
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture
def resource(world: World) -> dict[str, Any]:
    """The example, with the Milvus that can be had here and a shorter trial after the migration to it."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "managed-standalone.yaml").read_text())
    repository, _, tag = world.images.milvus.rpartition(":")
    found["spec"]["milvus"]["managed"] |= {"image": repository, "version": tag.removeprefix("v")}
    found["spec"]["migration"] = {"validation": {"windowSeconds": 20}}
    return found


def test_from_memory_to_a_milvus_of_its_own_and_nothing_left(
    world: World, namespace: str, resource: dict[str, Any], install_milvus_operator: Callable[[], None]
) -> None:
    before = world.everything(namespace)
    world.apply(namespace, resource)

    def condition(kind: str) -> tuple[str, str]:
        conditions = world.get(_NAME, "-n", namespace).get("status", {}).get("conditions", [])
        found = next((each for each in conditions if each["type"] == kind), {})
        return str(found.get("status")), str(found.get("reason"))

    # Nobody is there to make a Milvus: the router serves, and the status tells why it has none.
    world.wait(namespace, _NAME, "--for=condition=RouterAvailable")
    eventually(lambda: condition("MilvusReady") == ("False", "OperatorMissing"))
    first, again = world.ask(namespace, "semantic-router", QUESTION, QUESTION)
    assert (first["cache"], again["text"]) == ("miss", first["text"])

    install_milvus_operator()
    eventually(lambda: condition("MilvusReady")[0] == "True")

    def moved() -> bool:
        status = world.get(_NAME, "-n", namespace).get("status", {})
        return bool(status.get("placement", {}).get("backend") == "hybrid" and condition("Migrating")[0] == "False")

    eventually(moved)
    world.wait(namespace, _NAME, "--for=condition=Ready")
    secret = world.get("secret/semantic-router-milvus-auth", "-n", namespace)["data"]
    assert set(secret) >= {"username", "password"}
    assert secret["password"] not in json.dumps(world.get("configmaps,deployments", "-n", namespace))

    # It is in Milvus: pods that never saw it have it.
    world.ask(namespace, "semantic-router", *STORED)
    world.kubectl("delete", "pod", "-n", namespace, "-l", "app=semantic-router", f"--timeout={PATIENCE}s")
    world.wait(namespace, "deployment/semantic-router", "--for=condition=Available")
    world.wait(namespace, _NAME, "--for=condition=Ready")
    assert a_hit_among(world, namespace, *STORED)

    world.kubectl("delete", "-n", namespace, _NAME, f"--timeout={PATIENCE}s")
    eventually(lambda: world.everything(namespace) <= before)
