"""A router's own Milvus on a disk that fills up: real API server, operator, router and file system."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
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
from tests.cluster.plugin import examine, reasons

# The cluster's fixtures, beside this folder's.
__all__ = ["control_plane", "kubectl", "namespace", "operators", "resource"]
Json = dict[str, Any]
LONG = 800_000


@pytest.fixture
def kubelet(kubectl: Kubectl, tmp_path: Path) -> Iterator[Kubelet]:
    node = Kubelet(kubectl, tmp_path / "node", disk="4m")
    yield node
    node.stop()


async def test_a_full_disk_is_told(
    kubectl: Kubectl, operators: Operators, kubelet: Kubelet, resource: Json, standin: str
) -> None:
    await asyncio.to_thread(operators.start)
    resource["spec"] |= {
        "router": {"replicas": 1},
        "providers": [{"name": "vllm", "baseURL": f"{standin}/v1"}],
        "cache": {"backend": "hybrid"},
        "milvus": {"embedded": {}},
    }
    kubectl("apply", "-f", "-", stdin=resource)
    await asyncio.to_thread(eventually, lambda: kubectl.get("deployment/semantic-router"))
    (pod,) = await asyncio.to_thread(kubelet.settle, 1)
    await asyncio.to_thread(eventually, lambda: condition(kubectl, "CacheReady").get("status") == "True")
    assert examine(kubectl.access.kubeconfig, kubectl.namespace)[1]["findings"] == []

    # Until the pod has this change it is asked every two seconds.
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", '{"spec": {"cache": {"similarityThreshold": 0.9}}}')
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        for number in range(200):
            # Random, so that it cannot be packed, and beside the question, so that nothing long is embedded.
            system = {"role": "system", "content": secrets.token_hex(LONG // 2)}
            question = {"role": "user", "content": f"What is the capital of the country with number {number}?"}
            body = {"model": "small", "temperature": 0, "messages": [system, question]}
            async with session.post(f"http://{pod.address}:8801/v1/chat/completions", json=body) as answer:
                assert answer.status == 200, await answer.text()
            if pod.readyz().get("store_problem"):
                break
    # A later read that succeeds brings the store back for a while; the verdict stays.
    admin = kubectl.access.kubeconfig
    await asyncio.to_thread(eventually, lambda: reasons(admin, kubectl.namespace) == {"VolumeFull"})
