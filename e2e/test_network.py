"""NetworkPolicies on a cluster that enforces them: what must pass passes, what must not does not."""

from collections.abc import Callable
from typing import Any

import pytest

from e2e.conftest import install
from e2e.test_milvus import RESOURCE as HYBRID
from e2e.world import OBJECTS, OPERATOR_NAMESPACE, PATIENCE, RELEASE, World, eventually

ROUTER, MILVUS, STRANGER, OPERATOR = (
    "deployment/semantic-router",
    "pod/milvus-0",
    "pod/stranger",
    f"deployment/{RELEASE}",
)
ENFORCING_SECONDS = 60.0
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except socket.gaierror as error:
    print("unknown name:", error)
except OSError as error:
    print("refused:", error)
"""
DENY_ALL: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "nobody-to-the-stranger"},
    "spec": {"podSelector": {"matchLabels": {"app": "stranger"}}, "policyTypes": ["Ingress"]},
}


def _connect(world: World, namespace: str, source: str, host: str, port: int) -> str:
    """`open`, `refused: ...` or `unknown name: ...`, as the pod itself sees it."""
    execute = ["exec", "-n", namespace, source, "--", "python3", "-c", _CONNECT, host, str(port)]
    return world.kubectl(*execute).strip()


def _is_open(world: World, namespace: str, source: str, host: str, port: int) -> bool:
    answer = _connect(world, namespace, source, host, port)
    assert not answer.startswith("unknown name"), f"{source} does not resolve {host}: {answer}"
    return answer == "open"


def _enforced(world: World, namespace: str) -> bool:
    """Whether a policy that lets nobody in has an effect on a connection that was possible before."""
    target = ("stranger", 8000)
    eventually(lambda: _is_open(world, namespace, "pod/client", *target))
    world.apply(namespace, DENY_ALL)
    try:
        eventually(lambda: not _is_open(world, namespace, "pod/client", *target), seconds=ENFORCING_SECONDS)
    except AssertionError:
        return False
    finally:
        world.kubectl("delete", "networkpolicy", "-n", namespace, DENY_ALL["metadata"]["name"])
    eventually(lambda: _is_open(world, namespace, "pod/client", *target))
    return True


@pytest.fixture
def neighbours(world: World, namespace: str, remark: Callable[[str], None]) -> bool:
    """Milvus and strangers run; whether the cluster enforces policies."""
    world.apply_file(namespace, OBJECTS / "milvus.yaml")
    world.apply_file(namespace, OBJECTS / "strangers.yaml")
    credentials = ["--from-literal=username=root", "--from-literal=password=Milvus"]
    world.kubectl("create", "secret", "generic", "milvus-auth", "-n", namespace, *credentials)
    for pod in (MILVUS, STRANGER, "pod/prometheus"):
        world.wait(namespace, pod, "--for=condition=Ready")
    enforced = _enforced(world, namespace)
    remark(
        "NetworkPolicies: enforced by this cluster, tried with connections that pass and that are refused"
        if enforced
        else "NetworkPolicies: NOT enforced by this cluster; only tried that nothing needed is cut off"
    )
    return enforced


def _resource(policy: dict[str, Any] | None) -> dict[str, Any]:
    spec = {**HYBRID["spec"], "router": {"replicas": 1}}
    return {**HYBRID, "spec": spec if policy is None else {**spec, "networkPolicy": policy}}


def test_the_router_s_policies(world: World, namespace: str, neighbours: bool) -> None:
    world.apply(namespace, _resource(None))
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    router = world.get("pods", "-n", namespace, "-l", "app=semantic-router")["items"][0]["status"]["podIP"]
    stranger = [
        (STRANGER, "semantic-router", 8801),
        (STRANGER, router, 8080),
        (STRANGER, router, 9190),
        (STRANGER, "milvus", 19530),
        (STRANGER, "milvus", 9091),
        ("pod/client", "milvus", 19530),
        (ROUTER, "stranger", 8000),
    ]
    # What is refused below is possible without the policies, so it is they that refuse it.
    assert [each for each in stranger if not _is_open(world, namespace, *each)] == []

    world.apply(namespace, _resource({"ingressFrom": [{"podSelector": {"matchLabels": {"app": "client"}}}]}))
    kept = {"semantic-router", "allow-router-to-milvus"}
    eventually(
        lambda: (
            kept
            <= {each["metadata"]["name"] for each in world.get("networkpolicies", "-n", namespace).get("items", [])}
        )
    )
    if neighbours:
        for each in stranger:
            eventually(lambda each=each: not _is_open(world, namespace, *each))  # type: ignore[misc]

    needed = [
        ("pod/client", "semantic-router", 8801),
        (ROUTER, "milvus", 19530),
        (ROUTER, "vllm.default.svc.cluster.local", 8000),
        ("pod/prometheus", router, 9190),
        ("pod/prometheus", "milvus", 9091),
    ]
    assert [each for each in needed if not _is_open(world, namespace, *each)] == []
    assert _is_open(world, OPERATOR_NAMESPACE, OPERATOR, router, 8080)
    question = "How do I turn on two-factor authentication?"
    assert world.ask(namespace, "semantic-router", question)[0]["cache"] == "miss"
    eventually(lambda: world.ask(namespace, "semantic-router", question)[0]["cache"] == "hit")
    # A new pod starts behind the policies: probes pass, and the answer comes out of Milvus.
    world.kubectl("delete", "pod", "-n", namespace, "-l", "app=semantic-router")
    world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    assert world.ask(namespace, "semantic-router", question)[0]["cache"] == "hit"

    world.apply(namespace, _resource({"enabled": False}))
    eventually(lambda: not world.get("networkpolicies", "-n", namespace).get("items", []))
    if neighbours:
        eventually(lambda: _is_open(world, namespace, STRANGER, "milvus", 19530))


def test_the_operator_works_behind_the_chart_s_policy(world: World, namespace: str, neighbours: bool) -> None:
    target = f"stranger.{namespace}.svc.cluster.local"
    assert _is_open(world, OPERATOR_NAMESPACE, OPERATOR, target, 8000)
    install(world, "--set", "networkPolicy.enabled=true")
    try:
        if neighbours:
            eventually(lambda: not _is_open(world, OPERATOR_NAMESPACE, OPERATOR, target, 8000))
            pod = world.get("pods", "-n", OPERATOR_NAMESPACE, "-l", f"app.kubernetes.io/name={RELEASE}")["items"][0]
            assert _is_open(world, namespace, STRANGER, pod["status"]["podIP"], 9090)
        # New pods, which have to reach the API server and become ready behind the policy.
        world.kubectl("rollout", "restart", "-n", OPERATOR_NAMESPACE, OPERATOR)
        world.kubectl("rollout", "status", "-n", OPERATOR_NAMESPACE, OPERATOR, f"--timeout={PATIENCE}s")
        world.apply(namespace, _resource(None))
        world.wait(namespace, "semanticrouter/semantic-router", "--for=condition=Ready")
    finally:
        install(world)
