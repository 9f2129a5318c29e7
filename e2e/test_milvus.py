"""Replicas that share a real Milvus."""

import json
import secrets
from typing import Any

from e2e.world import OBJECTS, World, eventually

QUESTION = "How do I turn on two-factor authentication?"
STORED = (QUESTION, "Who wrote Faust?", "How tall is the Eiffel tower?", "What is a heat pump?", "Where is Ulm?")
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


def pods(world: World, namespace: str) -> dict[str, str]:
    """The addresses of the router's pods by their names."""
    items = world.get("pods", "-n", namespace, "-l", "app=semantic-router")["items"]
    running = [each for each in items if not each["metadata"].get("deletionTimestamp")]
    return {each["metadata"]["name"]: each["status"].get("podIP", "") for each in running}


def ask_each(world: World, namespace: str, question: str) -> list[str]:
    """What each pod says of the cache, asked by its own address, round the Service."""
    addresses = pods(world, namespace).values()
    return [world.run_in_client(namespace, _ASK_POD, address, question).strip() for address in addresses]


def a_hit_on_every_pod(world: World, namespace: str, count: int = 3) -> None:
    """An answer that one pod has stored comes out of all. A Milvus that is slow is a miss, so it may take more
    than one question."""

    def tried() -> bool:
        question = f"How do I turn on two-factor authentication for device {secrets.randbelow(1_000_000)}?"
        world.ask(namespace, "semantic-router", question)
        return ask_each(world, namespace, question) == ["hit"] * count

    eventually(tried)


def a_hit_among(world: World, namespace: str, *questions: str) -> bool:
    """Whether one of them is answered from the cache, each asked once."""
    return any(world.ask(namespace, "semantic-router", each)[0]["cache"] == "hit" for each in questions)


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

    assert {each["cache"] for each in world.ask(namespace, "semantic-router", *STORED)} == {"miss"}
    a_hit_on_every_pod(world, namespace)

    world.kubectl("delete", "pod", "-n", namespace, "-l", "app=semantic-router", "--wait=false")
    eventually(lambda: len(pods(world, namespace)) == 3)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    assert a_hit_among(world, namespace, *STORED)

    asked = world.load(namespace, "semantic-router", QUESTION, "What is a semantic cache?")

    def milvus() -> str:
        return str(world.get("pod/milvus-0", "-n", namespace).get("metadata", {}).get("uid", ""))

    gone = milvus()
    world.kubectl("delete", "pod", "-n", namespace, "milvus-0", "--grace-period=0", "--force")
    eventually(lambda: milvus() not in ("", gone))
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    counts = asked.result()
    assert counts["failures"] == 0, counts


_CHANGE_PASSWORD = """
import sys
from pymilvus import MilvusClient
client = MilvusClient(f"http://{sys.argv[1]}", token="root:Milvus", timeout=60)
client.update_password("root", "Milvus", "Another-1")
print("changed")
"""


def test_a_new_password_reaches_the_pods_and_no_client_notices(world: World, namespace: str) -> None:
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    world.wait(namespace, "pod/milvus-0", "--for=condition=Ready")
    world.apply(namespace, RESOURCE)
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    assert world.ask(namespace, "semantic-router", QUESTION)[0]["text"]
    before = set(pods(world, namespace))

    asked = world.load(namespace, "semantic-router", QUESTION, "What is a semantic cache?")
    assert "changed" in world.run_with_pymilvus(_CHANGE_PASSWORD, f"milvus.{namespace}.svc:19530")
    patch = json.dumps({"stringData": {"password": "Another-1"}})
    world.kubectl("patch", "secret", "milvus-auth", "-n", namespace, "--type=merge", "-p", patch)
    eventually(lambda: pods(world, namespace) and not before & set(pods(world, namespace)))
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    a_hit_on_every_pod(world, namespace)
    counts = asked.result()
    assert counts["failures"] == 0, counts
