"""The operator asks the routers themselves: what runs, what is refused, what is not reached. Routers are real."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.kubelet import Kubelet, write

Json = dict[str, Any]


@pytest.fixture
def kubelet(kubectl: Kubectl, tmp_path: Path) -> Iterator[Kubelet]:
    node = Kubelet(kubectl, tmp_path / "node")
    yield node
    node.stop()


def _ready(kubectl: Kubectl, reason: str) -> str:
    """The message of Ready once it has this reason."""
    found = eventually(lambda: (told := condition(kubectl, "Ready")).get("reason") == reason and told)
    return str(dict(found)["message"])  # type: ignore[call-overload]


def _status(kubectl: Kubectl) -> Json:
    return dict((kubectl.get("sr/semantic-router") or {})["status"])


def test_the_status_tells_what_the_pods_run(
    kubectl: Kubectl, operators: Operators, kubelet: Kubelet, resource: Json
) -> None:
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    one, other = kubelet.settle(2)
    _ready(kubectl, "Ready")
    before = _status(kubectl)
    assert before["configEpoch"] == one.readyz()["config_epoch"]
    assert before["backend"] == "memory"
    assert condition(kubectl, "CacheReady")["reason"] == "Serving"

    # A change that is taken over without a restart: in force when every pod has it, and not before.
    patch = {"spec": {"cache": {"similarityThreshold": 0.9}}}
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", json.dumps(patch))
    assert "0 of 2 pods" in _ready(kubectl, "ConfigPending")
    kubelet.mount(one)
    eventually(lambda: "1 of 2 pods" in condition(kubectl, "Ready").get("message", ""))
    assert _status(kubectl)["configEpoch"] == before["configEpoch"]

    # What a pod refuses, it says itself; at once while it is awaited, else within half a minute.
    file = other.folder / "config" / "config.yaml"
    write(file, yaml.safe_dump({**yaml.safe_load(file.read_text()), "default_model": "nobody"}))
    assert f"Pod/{other.name}" in (message := _ready(kubectl, "ConfigRefused"))
    assert "nobody" in message
    assert condition(kubectl, "Degraded")["reason"] == "ConfigRefused"
    kubelet.mount(other)
    _ready(kubectl, "Ready")
    assert _status(kubectl)["configEpoch"] == other.readyz()["config_epoch"] != before["configEpoch"]

    # Who begins anew takes nothing back, and what has not turned is not written.
    operator.stop()
    again = operators.again(operator)
    written = len(operators.writes(operator))
    eventually(lambda: _passes(again.metrics) >= 1)
    assert len(operators.writes(operator)) == written


def _passes(url: str) -> float:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http
        lines = answer.read().decode().splitlines()
    begins = 'semantic_router_operator_reconciles_total{result="done"}'
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(begins))
