"""The doctor on what really goes wrong in a Milvus: real API server, operator, plugin and Milvus."""

import asyncio
import base64
import json
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient

from semantic_router_proxy.cache.milvus.store import MilvusStore
from semantic_router_proxy.cache.store import StoreMismatch
from semantic_router_proxy.embedding.base import EmbedderIdentity
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
from tests.cluster.plugin import examine, reasons
from tests.milvus.conftest import ROOT_TOKEN, milvus_config
from tests.milvus.server import MilvusServer
from tests.unit.cache.conftest import WordEmbedder

# The cluster's fixtures, beside this folder's own Milvus.
__all__ = ["control_plane", "kubectl", "namespace", "operators", "resource"]
Json = dict[str, Any]
pytestmark = pytest.mark.xdist_group("milvus-server")
ROWS, AT_ONCE, DIMENSION = 20_000, 10_000, 4
ROUTER = {"app.kubernetes.io/name": "semantic-router", "app.kubernetes.io/instance": "semantic-router"}


@pytest.fixture
def client(milvus_server: MilvusServer) -> MilvusClient:
    return MilvusClient(uri=f"http://127.0.0.1:{milvus_server.port}", token=ROOT_TOKEN, dedicated=True, timeout=60)


def _external(resource: Json, port: int, collection: str) -> Json:
    resource["spec"]["cache"] = {"backend": "hybrid"}
    external = {"address": f"127.0.0.1:{port}", "credentialsSecretRef": {"name": "milvus-auth"}}
    resource["spec"]["milvus"] = {"external": external, "collection": {"name": collection}}
    return resource


def _bare_collection(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=DIMENSION)
    client.create_collection(name, schema=schema)


def _fill(client: MilvusClient, name: str) -> None:
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="FLAT", metric_type="IP")
    client.create_index(name, index)
    client.load_collection(name)
    for begin in range(0, ROWS, AT_ONCE):
        client.insert(name, [{"id": begin + n, "embedding": [1.0, 0.0, 0.0, n / ROWS]} for n in range(AT_ONCE)])
    client.flush(name)


async def test_password_index_and_load_state(
    kubectl: Kubectl, operators: Operators, resource: Json, milvus_server: MilvusServer, client: MilvusClient
) -> None:
    admin, collection = kubectl.access.kubeconfig, "of_the_doctor"
    kubectl(
        *("create", "secret", "generic", "milvus-auth"),
        *("--from-literal=username=root", "--from-literal=password=canary-wrong"),
    )
    operator = await asyncio.to_thread(operators.start, "--diagnose-after-seconds=1")
    kubectl("apply", "-f", "-", stdin=_external(resource, milvus_server.port, collection))

    def diagnosed() -> bool:
        return "Diagnosis: CredentialsRefused" in condition(kubectl, "Ready").get("message", "")

    await asyncio.to_thread(eventually, diagnosed)
    code, told = examine(admin, kubectl.namespace)
    assert (code, [each["reason"] for each in told["findings"]]) == (2, ["CredentialsRefused"])
    assert "milvus-auth" in told["findings"][0]["command"]
    assert "canary" not in json.dumps(told)

    data = {"password": base64.b64encode(b"Milvus").decode()}
    kubectl("patch", "secret/milvus-auth", "--type=merge", "-p", json.dumps({"data": data}))
    await asyncio.to_thread(eventually, lambda: condition(kubectl, "MilvusReady").get("status") == "True")
    # On a slow machine the doctor may wonder why no pod gets ready: there is no kubelet.
    assert reasons(admin, kubectl.namespace) <= {"NotExplained"}

    # As somebody may have left it: no index, not loaded. An operator that begins anew asks at once.
    _bare_collection(client, collection)
    operator.stop()
    await asyncio.to_thread(operators.again, operator)
    expected = {"IndexMissing", "CollectionNotLoaded"}
    await asyncio.to_thread(eventually, lambda: reasons(admin, kubectl.namespace) == expected)
    assert "without an index, not loaded" in condition(kubectl, "MilvusReady")["message"]
    _fill(client, collection)
    await asyncio.to_thread(eventually, lambda: reasons(admin, kubectl.namespace) - {"NotExplained"} == {"IndexFlat"})
    assert (kubectl.get("sr/semantic-router") or {})["status"]["milvus"]["rows"] == ROWS


async def test_a_collection_of_another_model_or_program(
    kubectl: Kubectl, resource: Json, milvus_server: MilvusServer, client: MilvusClient
) -> None:
    kubectl("create", "secret", "generic", "milvus-auth", "--from-literal=username=root", "--from-literal=password=x")
    kubectl("apply", "-f", "-", stdin=_external(resource, milvus_server.port, "of_others"))
    config = milvus_config(milvus_server, collection={"name": "of_others"})
    first = MilvusStore(config, EmbedderIdentity("other", "1", DIMENSION))
    await first.open()
    await first.close()
    words = []
    for name in ("of_others", "of_nobody"):
        if name == "of_nobody":
            _bare_collection(client, name)
            config = milvus_config(milvus_server, collection={"name": name})
        second = MilvusStore(config, WordEmbedder.identity)
        with pytest.raises(StoreMismatch) as refused:
            await second.open()
        await second.close()
        words.append(str(refused.value))

    # The router ends with these words, and the kubelet keeps them.
    spec = {"containers": [{"name": "router", "image": "none"}]}
    metadata = {"name": "router-1", "labels": ROUTER}
    kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    for said, reason in zip(words, ("EmbedderMismatch", "SchemaDiffers"), strict=True):
        ended = {"name": "router", "image": "none", "imageID": "", "ready": False, "restartCount": 3}
        ended["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        ended["lastState"] = {"terminated": {"exitCode": 2, "message": f"semantic-router: {said}"}}
        patch = json.dumps({"status": {"phase": "Running", "containerStatuses": [ended]}})
        kubectl("patch", "pod/router-1", "--subresource=status", "--type=merge", "-p", patch)
        found = examine(kubectl.access.kubeconfig, kubectl.namespace)[1]["findings"]
        assert [each["reason"] for each in found] == [reason]
        assert "of_" in found[0]["evidence"]


async def test_a_restarted_router_makes_a_lost_index_again(milvus_server: MilvusServer, client: MilvusClient) -> None:
    config = milvus_config(milvus_server, collection={"name": "without_index"})
    first = MilvusStore(config, WordEmbedder.identity)
    await first.open()
    await first.close()
    client.release_collection("without_index")
    for index in client.list_indexes("without_index"):
        client.drop_index("without_index", index)
    second = MilvusStore(config, WordEmbedder.identity)
    await second.open()
    await second.close()
    assert client.get_load_state("without_index")["state"].name == "Loaded"
    kinds = [
        client.describe_index("without_index", each).get("index_type") for each in client.list_indexes("without_index")
    ]
    assert "HNSW" in kinds
