"""A resource with an external Milvus: real API server, operator, router and Milvus, and each thing that goes wrong."""

import asyncio
import base64
import copy
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import (
    Kubectl,
    Operators,
    condition,
    control_plane,
    eventually,
    kubectl,
    namespace,
    operators,
    resource,
)
from tests.cluster.kubelet import Kubelet
from tests.milvus.conftest import FaultyLink
from tests.milvus.server import MilvusServer

# The cluster's fixtures, beside this folder's own Milvus.
__all__ = ["control_plane", "kubectl", "namespace", "operators", "resource"]
Json = dict[str, Any]
pytestmark = pytest.mark.xdist_group("milvus-server")


@pytest.fixture
async def link(milvus_server: MilvusServer) -> AsyncIterator[tuple[FaultyLink, int]]:
    """A link to the real Milvus that can be cut, and its port."""
    made = FaultyLink(milvus_server.port)
    port = await made.start()
    yield made, port
    await made.close()


@pytest.fixture
def kubelet(kubectl: Kubectl, tmp_path: Path) -> Iterator[Kubelet]:
    node = Kubelet(kubectl, tmp_path / "node")
    yield node
    node.stop()


class Story:
    """The resource as its owner edits it, and what its conditions come to say."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    async def once(self, resource: Json, *, reason: str, **external: Any) -> str:
        """What MilvusReady says of a resource with such a Milvus, which is deleted after."""
        wrong = copy.deepcopy(resource)
        wrong["spec"]["milvus"]["external"] |= external
        self._kubectl("apply", "-f", "-", stdin=wrong)
        message = await self.says("MilvusReady", "False", reason)
        self._kubectl("delete", "sr/semantic-router")
        await asyncio.to_thread(eventually, lambda: self._kubectl.get("deployment/semantic-router") is None)
        return message

    def change(self, spec: Json) -> None:
        patch = json.dumps({"spec": spec})
        self._kubectl("patch", "sr/semantic-router", "--type=merge", "-p", patch)

    def password(self, password: str) -> None:
        data = {"password": base64.b64encode(password.encode()).decode()}
        self._kubectl("patch", "secret/milvus-auth", "--type=merge", "-p", json.dumps({"data": data}))

    async def says(self, kind: str, status: str, reason: str) -> str:
        """The condition's message, once it says so."""

        def told() -> str | None:
            found = condition(self._kubectl, kind)
            return found["message"] if (found.get("status"), found.get("reason")) == (status, reason) else None

        return str(await asyncio.to_thread(eventually, told, 120))


async def test_each_turn_of_milvus_reaches_the_status(
    kubectl: Kubectl, operators: Operators, kubelet: Kubelet, resource: Json, link: tuple[FaultyLink, int]
) -> None:
    faulty, port = link
    story = Story(kubectl)
    operator = await asyncio.to_thread(operators.start)
    credentials = ("--from-literal=username=root", "--from-literal=password=canary-wrong")
    kubectl("create", "secret", "generic", "milvus-auth", *credentials)
    certificate = "--from-literal=ca.crt=-----BEGIN CERTIFICATE-----"
    kubectl("create", "secret", "generic", "milvus-tls", certificate)
    resource["spec"] |= {
        "router": {"replicas": 1},
        "cache": {"backend": "hybrid"},
        "milvus": {
            "external": {"address": "127.0.0.1:1", "credentialsSecretRef": {"name": "milvus-auth"}},
            "collection": {"name": "of_a_resource"},
        },
    }
    milvus = resource["spec"]["milvus"]["external"]

    # Each has its own reason, before any pod runs. Another address of the same resource would be a migration.
    told = await story.once(resource, address="127.0.0.1:1", reason="Unreachable")
    assert "127.0.0.1:1" in told
    milvus["address"] = f"127.0.0.1:{port}"
    told = await story.once(resource, tls={"secretRef": {"name": "milvus-tls"}}, reason="CertificateUnusable")
    assert "Secret/milvus-tls" in told
    story.password("Milvus")
    told = await story.once(resource, database="nowhere", reason="DatabaseMissing")
    assert "spec.milvus.external.database" in told
    story.password("canary-wrong")
    kubectl("apply", "-f", "-", stdin=resource)
    assert "Secret/milvus-auth" in await story.says("MilvusReady", "False", "CredentialsRefused")

    # The router serves without Milvus, and so says the status; a right password is all that it takes.
    await asyncio.to_thread(kubelet.settle, 1)
    assert "The router answers." in await story.says("Ready", "True", "CredentialsRefused")
    await story.says("CacheReady", "False", "StoreUnavailable")
    story.password("Milvus")
    (pod,) = await asyncio.to_thread(kubelet.settle, 1)
    await story.says("Ready", "True", "Ready")
    await story.says("CacheReady", "True", "Serving")
    connected = await story.says("MilvusReady", "True", "Connected")
    assert "of_a_resource" in connected
    assert (kubectl.get("sr/semantic-router") or {})["status"]["backend"] == "hybrid"

    # What the pod has not got yet is awaited, so it is asked often meanwhile.
    story.change({"cache": {"similarityThreshold": 0.9}})
    await story.says("Ready", "False", "ConfigPending")
    faulty.cut()
    assert f"Pod/{pod.name}" in await story.says("CacheReady", "False", "StoreUnavailable")
    await story.says("MilvusReady", "False", "Failing")
    faulty.heal()
    await asyncio.to_thread(kubelet.mount, pod)
    await story.says("MilvusReady", "True", "Connected")
    await story.says("Ready", "True", "Ready")

    written = kubectl("get", "sr,events.events.k8s.io", "-o", "yaml") + operator.log.read_text()
    assert "canary" not in written
