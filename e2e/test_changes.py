"""Changes under load: no client sees a failure while pods come and go."""

import json
from typing import Any

from e2e.world import PATIENCE, World, eventually

QUESTIONS = ("What is the capital of France?", "How tall is the Eiffel tower?", "Who wrote Faust?")
RESOURCE: dict[str, Any] = {
    "apiVersion": "semanticrouter.dev/v1alpha1",
    "kind": "SemanticRouter",
    "metadata": {"name": "semantic-router"},
    "spec": {
        "router": {"replicas": 2},
        "providers": [{"name": "vllm", "baseURL": "http://vllm.default.svc.cluster.local:8000/v1"}],
        "models": [{"name": "small", "provider": "vllm"}],
    },
}


def _ready(world: World, namespace: str) -> None:
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")


def _template_hash(world: World, namespace: str) -> set[str]:
    pods = world.get("pods", "-n", namespace, "-l", "app=semantic-router")["items"]
    return {pod["metadata"]["labels"]["pod-template-hash"] for pod in pods}


def test_a_rolling_restart_is_not_noticed(world: World, namespace: str) -> None:
    _ready(world, namespace)
    before = _template_hash(world, namespace)
    asked = world.load(namespace, "semantic-router", *QUESTIONS)
    world.kubectl("rollout", "restart", "-n", namespace, "deployment/semantic-router")
    world.kubectl("rollout", "status", "-n", namespace, "deployment/semantic-router", f"--timeout={PATIENCE}s")
    eventually(lambda: not (_template_hash(world, namespace) & before))
    counts = asked.result()
    assert counts["failures"] == 0, counts
    assert counts["answers"] > 100


def test_scale_by_kubectl(world: World, namespace: str) -> None:
    _ready(world, namespace)
    asked = world.load(namespace, "semantic-router", *QUESTIONS)
    for count in ("3", "1"):
        world.kubectl("scale", "-n", namespace, "semanticrouter/semantic-router", f"--replicas={count}")
        world.wait(namespace, "deployment/semantic-router", f"--for=jsonpath={{.status.replicas}}={count}")
        world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    counts = asked.result()
    assert counts["failures"] == 0, counts


def test_a_hand_edit_is_set_back(world: World, namespace: str) -> None:
    _ready(world, namespace)
    patch = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    world.kubectl("patch", "-n", namespace, "deployment/semantic-router", "-p", json.dumps(patch))

    def grace() -> int:
        spec = world.get("deployment/semantic-router", "-n", namespace)["spec"]["template"]["spec"]
        return int(spec["terminationGracePeriodSeconds"])

    eventually(lambda: grace() > 1)


def test_a_broken_image_leaves_the_old_pods_serving(world: World, namespace: str) -> None:
    _ready(world, namespace)
    broken = json.loads(json.dumps(RESOURCE))
    broken["spec"]["router"]["image"] = {"repository": "localhost/no-such-image", "tag": "1"}
    world.apply(namespace, broken)

    def told() -> str:
        conditions = world.get("semanticrouter/semantic-router", "-n", namespace)["status"]["conditions"]
        by_type = {each["type"]: each for each in conditions}
        degraded = by_type["Degraded"]
        return f"{degraded['reason']}: {degraded['message']}" if degraded["status"] == "True" else ""

    reason = eventually(told)
    assert reason.startswith(("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")), reason
    assert "no-such-image" in reason
    assert world.ask(namespace, "semantic-router", QUESTIONS[0])[0]["text"]
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
