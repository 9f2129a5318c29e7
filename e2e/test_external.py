"""The example with an external Milvus, word for word: its namespace and address, the Secrets of its comment, TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.milvus.certificates import make_certificates

from e2e.test_milvus import ask_each, pods
from e2e.world import OBJECTS, PATIENCE, ROOT, Json, World, eventually

EXAMPLE = ROOT / "examples" / "external-milvus.yaml"
NAMESPACE = "vllm-semantic-router-system"
SERVICE = "milvus-semantic-cache"
QUESTION = "How do I turn on two-factor authentication?"
# The user of the example, made by root, who has the password of the first start. Arguments: ADDRESS, then the CA.
_MAKE_USER = """
import pathlib, sys
from pymilvus import MilvusClient
pathlib.Path("/dev/shm/ca.crt").write_text(sys.argv[2])
client = MilvusClient(f"https://{sys.argv[1]}", token="root:Milvus", server_pem_path="/dev/shm/ca.crt", timeout=60)
client.create_user("router", "a-password-of-its-own")
client.grant_role("router", "admin")
print(client.list_users())
"""


@pytest.fixture
def place(world: World) -> Iterator[str]:
    """The namespace of the example."""
    world.make_namespace(NAMESPACE)
    yield NAMESPACE
    world.kubectl("delete", "namespace", NAMESPACE, f"--timeout={PATIENCE}s")


def _milvus_with_tls(world: World) -> list[Json]:
    """The tests' Milvus under the example's name, with a certificate from the Secret `milvus-server`."""
    server, service = yaml.safe_load_all((OBJECTS / "milvus.yaml").read_text())
    service["metadata"]["name"] = SERVICE
    pod: dict[str, Any] = server["spec"]["template"]["spec"]
    container = pod["containers"][0]
    container["image"] = world.images.milvus
    container["args"] += ["--tls-mode=1", "--server-pem-path=/tls/tls.crt", "--server-key-path=/tls/tls.key"]
    container["args"] += ["--ca-pem-path=/tls/ca.crt"]
    container["volumeMounts"].append({"name": "tls", "mountPath": "/tls"})
    pod["volumes"] = [{"name": "tls", "secret": {"secretName": "milvus-server"}}]
    return [server, service]


def test_the_example_shares_answers_over_tls(world: World, place: str, tmp_path: Path) -> None:
    address = f"{SERVICE}.{place}.svc.cluster.local"
    make_certificates(tmp_path, address)
    files = {"tls.crt": "server.crt", "tls.key": "server.key", "ca.crt": "ca.crt"}
    given = [f"--from-file={key}={tmp_path / name}" for key, name in files.items()]
    world.kubectl("create", "secret", "generic", "milvus-server", "-n", place, *given)
    world.apply(place, *_milvus_with_tls(world))
    world.wait(place, "pod/milvus-0", "--for=condition=Ready")
    authority = (tmp_path / "ca.crt").read_text()
    eventually(lambda: "router" in world.run_with_pymilvus(_MAKE_USER, f"{address}:19530", authority))

    credentials = ["--from-literal=username=router", "--from-literal=password=a-password-of-its-own"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", place, *credentials)
    world.kubectl("create", "secret", "generic", "milvus-tls", "-n", place, f"--from-file=ca.crt={tmp_path / 'ca.crt'}")
    world.kubectl("create", "secret", "generic", "model-keys", "-n", place, "--from-literal=openai=unused")
    world.kubectl("apply", "-n", place, "-f", str(EXAMPLE))
    world.wait(place, "semanticrouter/semantic-router", "--for=condition=Ready")

    assert len(pods(world, place)) == 3
    assert world.ask(place, "semantic-router", QUESTION)[0]["cache"] == "miss"
    # Bounded consistency: the others see it after a moment.
    eventually(lambda: ask_each(world, place, QUESTION) == ["hit"] * 3)
