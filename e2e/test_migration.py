"""A cache moves from memory to a real Milvus and back, under load: no request fails, and entries come along."""

import json
from typing import Any

from e2e.world import OBJECTS, World, eventually

QUESTIONS = ("What is the capital of France?", "How tall is the Eiffel tower?", "Who wrote Faust?")
RESOURCE: dict[str, Any] = {
    "apiVersion": "semanticrouter.dev/v1alpha1",
    "kind": "SemanticRouter",
    "metadata": {"name": "semantic-router"},
    "spec": {
        "router": {"replicas": 2, "adminTokenSecretRef": {"name": "admin", "key": "token"}},
        "providers": [{"name": "vllm", "baseURL": "http://vllm.default.svc.cluster.local:8000/v1"}],
        "models": [{"name": "small", "provider": "vllm"}],
        "cache": {"backend": "memory"},
        "migration": {"validation": {"windowSeconds": 20}},
    },
}
EXTERNAL = {"address": "milvus:19530", "credentialsSecretRef": {"name": "milvus-auth"}}


def _status(world: World, namespace: str) -> dict[str, Any]:
    return dict(world.get("semanticrouter/semantic-router", "-n", namespace).get("status", {}))


def _outcome(world: World, namespace: str, backend: str) -> dict[str, Any]:
    """The migration to this backend once it is over."""

    def over() -> dict[str, Any] | None:
        found = _status(world, namespace).get("migration", {})
        return found if found.get("to", {}).get("backend") == backend and found.get("outcome") else None

    return dict(eventually(over) or {})


def _patch(world: World, namespace: str, spec: dict[str, Any]) -> None:
    patch = json.dumps({"spec": spec})
    world.kubectl("patch", "-n", namespace, "semanticrouter/semantic-router", "--type=merge", "-p", patch)


def test_memory_to_hybrid_and_back_without_a_failed_request(world: World, namespace: str) -> None:
    world.kubectl("create", "secret", "generic", "admin", "-n", namespace, "--from-literal=token=an-admin-token")
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    before = {each["text"] for each in world.ask(namespace, "semantic-router", *QUESTIONS)}

    asked = world.load(namespace, "semantic-router", *QUESTIONS)
    _patch(world, namespace, {"cache": {"backend": "hybrid"}, "milvus": {"external": EXTERNAL}})
    there = _outcome(world, namespace, "hybrid")
    assert there["outcome"] == "Completed", there
    assert [each["step"] for each in there["passed"]] == [
        "Provisioning", "Verifying", "Warming", "Switching", "Validating",
    ]  # fmt: skip
    answers = world.ask(namespace, "semantic-router", *QUESTIONS)
    assert [each["cache"] for each in answers] == ["hit", "hit", "hit"]
    # An answer of before the migration may be one of either pod.
    assert len(before) == len(QUESTIONS)

    _patch(world, namespace, {"cache": {"backend": "memory"}})
    back = _outcome(world, namespace, "memory")
    assert back["outcome"] == "Completed", back
    counts = asked.result()
    assert counts["failures"] == 0, counts
    assert counts["answers"] > 100


def test_a_milvus_that_goes_away_in_the_trial_is_rolled_back(world: World, namespace: str) -> None:
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    resource = json.loads(json.dumps(RESOURCE))
    resource["spec"]["router"] = {"replicas": 2}
    world.apply(namespace, resource)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    asked = world.load(namespace, "semantic-router", *QUESTIONS)
    _patch(world, namespace, {"cache": {"backend": "milvus"}, "milvus": {"external": EXTERNAL}})
    eventually(lambda: _status(world, namespace).get("migration", {}).get("step") == "Validating")
    world.kubectl("scale", "-n", namespace, "statefulset/milvus", "--replicas=0")
    outcome = _outcome(world, namespace, "milvus")
    assert outcome["outcome"] == "RolledBack", outcome
    assert "does not reach Milvus" in outcome["why"]
    assert _status(world, namespace)["placement"]["backend"] == "memory"
    counts = asked.result()
    assert counts["failures"] == 0, counts
