"""Replicas that share a real Milvus."""

from typing import Any

from e2e.world import OBJECTS, World, eventually

QUESTION = "How do I turn on two-factor authentication?"
RESOURCE: dict[str, Any] = {
    "apiVersion": "semanticrouter.dev/v1alpha1",
    "kind": "SemanticRouter",
    "metadata": {"name": "semantic-router"},
    "spec": {
        "router": {"replicas": 3},
        "providers": [{"name": "vllm", "baseURL": "http://vllm.default.svc.cluster.local:8000/v1"}],
        "models": [{"name": "small", "provider": "vllm"}],
        "cache": {"backend": "hybrid"},
        "milvus": {
            "external": {"address": "milvus:19530", "credentialsSecretRef": {"name": "milvus-auth"}},
            "search": {"consistencyLevel": "Strong"},
        },
    },
}


def _pods(world: World, namespace: str) -> dict[str, str]:
    items = world.get("pods", "-n", namespace, "-l", "app=semantic-router")["items"]
    running = [each for each in items if not each["metadata"].get("deletionTimestamp")]
    return {each["metadata"]["name"]: each["status"].get("podIP", "").replace(".", "-") for each in running}


def _ask_each(world: World, namespace: str, question: str) -> list[str]:
    hits = []
    for address in _pods(world, namespace).values():
        # A pod's own name goes round the Service.
        execute = [
            "exec",
            "-n",
            namespace,
            "client",
            "--",
            "python3",
            "-c",
            _ASK_POD,
            address.replace("-", "."),
            question,
        ]
        hits.append(world.kubectl(*execute).strip())
    return hits


_ASK_POD = """
import sys, openai
client = openai.OpenAI(base_url=f"http://{sys.argv[1]}:8801/v1", api_key="unused", max_retries=0)
answer = client.chat.completions.with_raw_response.create(
    model="auto", messages=[{"role": "user", "content": sys.argv[2]}], temperature=0)
print(answer.headers["x-vsr-cache"])
"""


def test_replicas_share_answers_and_survive_milvus(world: World, namespace: str) -> None:
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    world.apply(namespace, RESOURCE)

    def told() -> str:
        status = world.get("semanticrouter/semantic-router", "-n", namespace).get("status", {})
        found = {each["type"]: each for each in status.get("conditions", [])}
        return str(found.get("Degraded", {}).get("message", ""))

    assert "milvus-auth" in eventually(told)
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")

    assert world.ask(namespace, "semantic-router", QUESTION)[0]["cache"] == "miss"
    assert _ask_each(world, namespace, QUESTION) == ["hit", "hit", "hit"]

    world.kubectl("delete", "pod", "-n", namespace, "-l", "app=semantic-router", "--wait=false")
    eventually(lambda: len(_pods(world, namespace)) == 3)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    assert world.ask(namespace, "semantic-router", QUESTION)[0]["cache"] == "hit"

    asked = world.load(namespace, "semantic-router", 30, QUESTION, "What is a semantic cache?")
    world.kubectl("delete", "pod", "-n", namespace, "milvus-0", "--grace-period=0", "--force")
    counts = asked.result()
    assert counts["failures"] == 0, counts


def test_a_rotated_secret_rolls_out(world: World, namespace: str) -> None:
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    before = set(_pods(world, namespace))
    world.kubectl("label", "secret", "milvus-auth", "-n", namespace, "rotated=yes")
    eventually(lambda: _pods(world, namespace) and not before & set(_pods(world, namespace)))
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
