"""The doctor on pods: routers that answer through the API server, and failures that a kubelet tells of."""

import json

from tests.cluster.plugin import examine, reasons

from e2e.test_examples import QUESTION, apply_example
from e2e.world import World, eventually

# More than the doctor wants to see before it judges.
ASKED = 260
NAME = "semantic-router"


def _change(world: World, namespace: str, spec: dict[str, object]) -> None:
    patch = json.dumps({"spec": spec})
    world.kubectl("patch", "-n", namespace, f"semanticrouter/{NAME}", "--type=merge", "-p", patch)


def _epoch(world: World, namespace: str) -> str:
    return str(world.get(f"semanticrouter/{NAME}", "-n", namespace)["status"].get("configEpoch", ""))


def test_a_hit_rate_that_falls_an_image_that_is_not_there_and_memory_that_is_not_enough(
    world: World, namespace: str
) -> None:
    apply_example(world, namespace, "memory")
    code, told = examine(world.kubeconfig, namespace)
    assert (code, told["findings"], told["leftOut"]) == (0, [], {}), "routers were asked, too"

    world.ask(namespace, NAME, *[QUESTION] * ASKED)
    before = _epoch(world, namespace)
    models = [{"name": "small", "provider": "vllm"}, {"name": "large", "provider": "vllm"}]
    _change(world, namespace, {"models": models})
    eventually(lambda: _epoch(world, namespace) not in ("", before))
    assert reasons(world.kubeconfig, namespace) == set()
    world.ask(namespace, NAME, *(f"What is the capital of country number {number}?" for number in range(ASKED)))
    (found,) = examine(world.kubeconfig, namespace)[1]["findings"]
    assert found["reason"] == "HitRateFellByPolicy"
    assert f"{ASKED} lookups were hits since" in found["evidence"]

    _change(world, namespace, {"router": {"image": {"repository": "registry.invalid/no-such", "tag": "1"}}})
    eventually(lambda: "ImageCannotBePulled" in reasons(world.kubeconfig, namespace))
    small = {"requests": {"memory": "48Mi"}, "limits": {"memory": "48Mi"}}
    _change(world, namespace, {"router": {"image": None, "resources": small}})
    eventually(lambda: "RouterOutOfMemory" in reasons(world.kubeconfig, namespace))
    _change(world, namespace, {"router": {"resources": None}})
    # The router that served all the while still answers less from its cache than before.
    eventually(lambda: reasons(world.kubeconfig, namespace) == {"HitRateFellByPolicy"})
