"""A node is drained while answers run: the disruption budget holds, and no client sees it."""

import subprocess
from typing import Any

import yaml

from e2e.test_changes import QUESTIONS
from e2e.test_changes import RESOURCE as TWO_REPLICAS
from e2e.world import OBJECTS, PATIENCE, World, eventually

STREAMED = tuple(f"What should I know about topic number {number}?" for number in ("one", "two", "three", "four"))
# A word every 0.3 s: an answer of some forty words takes about as long as a pod's drain lets it.
_PACE = ["--first-token=0.2", "--tokens-per-second=3"]


def _slow_model_server(world: World) -> list[dict[str, Any]]:
    documents = list(yaml.safe_load_all((OBJECTS / "model-server.yaml").read_text()))
    container = documents[0]["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [each for each in container["args"] if not each.startswith(("--first", "--tokens"))] + _PACE
    container["image"] = world.images.router
    return documents


def test_a_drain_cuts_no_answer(world: World, namespace: str) -> None:
    world.apply(namespace, *_slow_model_server(world))
    # A name of its own, by which the drain selects these pods and no others.
    name = f"router-{namespace}"
    slow = {"name": "slow", "baseURL": f"http://vllm.{namespace}.svc:8000/v1"}
    spec = {
        **TWO_REPLICAS["spec"],
        "providers": [slow],
        "models": [{"name": "small", "provider": "slow"}],
        "router": {"replicas": 2, "podDisruptionBudget": {"maxUnavailable": 1}},
    }
    world.apply(namespace, {**TWO_REPLICAS, "metadata": {"name": name}, "spec": spec})
    world.wait(namespace, "deployment/vllm", "--for=condition=Available")
    world.wait(namespace, f"semanticrouter/{name}", "--for=condition=Ready")
    selector = f"app.kubernetes.io/instance={name},app=semantic-router"
    before = world.get("pods", "-n", namespace, "-l", selector)["items"]
    node = before[0]["spec"]["nodeName"]

    world.ask(namespace, name, QUESTIONS[0])
    streams = world.streams(namespace, name, *STREAMED)
    asked = world.load(namespace, name, QUESTIONS[0])
    drain = subprocess.Popen(
        [
            str(world.programs["kubectl"]), f"--kubeconfig={world.kubeconfig}", "drain", node,
            f"--pod-selector={selector}", "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={PATIENCE}s",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        if len(world.get("nodes")["items"]) == 1:
            # There is no other node: the second pod has to stay until this one takes pods again.
            def pending() -> bool:
                pods = world.get("pods", "-n", namespace, "-l", selector)["items"]
                return any(each["status"]["phase"] == "Pending" for each in pods)

            eventually(pending)
            eventually(lambda: _left(world, namespace, selector, before) == 1)
            assert drain.poll() is None, drain.communicate()
    finally:
        world.kubectl("uncordon", node)
    told, _ = drain.communicate(timeout=PATIENCE)
    assert drain.returncode == 0, told
    eventually(lambda: _left(world, namespace, selector, before) == 0)
    world.wait(namespace, f"semanticrouter/{name}", "--for=condition=Ready")
    assert [(each["finish"], each["failure"]) for each in streams.results()] == [("stop", None)] * len(STREAMED)
    counts = asked.result()
    assert counts["failures"] == 0, counts


def _left(world: World, namespace: str, selector: str, before: list[dict[str, Any]]) -> int:
    there = {each["metadata"]["uid"] for each in world.get("pods", "-n", namespace, "-l", selector)["items"]}
    return sum(each["metadata"]["uid"] in there for each in before)
