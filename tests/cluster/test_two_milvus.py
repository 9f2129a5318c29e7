"""From one Milvus to another: two real servers, the first as a managed standalone, the second as the cluster that takes
its place, the first once more as one of somebody else's, and the cluster again. Operator, routers and Jobs are real,
milvus-operator is the stand-in."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymilvus import MilvusClient
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.node import Node, ask, reaches, replaced
from tests.milvus.server import MilvusServer

Json = dict[str, Any]
# With the other stories that have a Milvus of their own: beside one another they would starve.
pytestmark = [pytest.mark.xdist_group("managed-milvus"), pytest.mark.timeout(600)]
WELL_KNOWN = "Milvus"
_ANSWERS = 'query != "trial"'


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[MilvusServer]]:
    """Two, as they are after their very first start."""
    both = [MilvusServer(tmp_path / f"milvus-{number}", "--authorization-enabled", "true") for number in (1, 2)]
    # A server ends with the thread that has started it.
    with ThreadPoolExecutor() as threads:
        list(threads.map(partial(MilvusServer.start, token=f"root:{WELL_KNOWN}"), both))
        yield both
        for each in both:
            each.kill()


def _root(kubectl: Kubectl, secret: str) -> str:
    return base64.b64decode((kubectl.get("secret", secret) or {})["data"]["password"]).decode()


def _rows(server: MilvusServer, password: str, collection: str = "semantic_cache") -> list[Json]:
    """Every row, with all but the time when it was written there; without that of the trial, which has expired."""
    address = f"http://127.0.0.1:{server.port}"
    client = MilvusClient(uri=address, user="root", password=password, dedicated=True, timeout=60)
    try:
        found = client.query(collection, filter=_ANSWERS, output_fields=["*"], limit=1000, consistency_level="Strong")
        rows = [{key: value for key, value in each.items() if key != "written_at"} for each in found]
        return sorted(rows, key=lambda row: str(row["id"]))
    finally:
        client.close()


def _move(kubectl: Kubectl, node: Node, resource: Json, question: str) -> None:
    """Apply it and let its Jobs run until pods are to be replaced; ask the pod of before a question meanwhile."""
    (old,) = node.pods.values()
    kubectl("apply", "-f", "-", stdin=resource)
    for step, job in (("Verifying", "verify"), ("Warming", "copy")):
        reaches(kubectl, step)
        assert node.run_job(job)["phase"] == "Succeeded"
    assert ask(old, question)[0] == "miss"


def test_standalone_to_cluster_to_one_of_others_and_back(
    kubectl: Kubectl,
    operators: Operators,
    node: Node,
    model: str,
    resource: Json,
    milvus_operator: Callable[[], None],
    servers: list[MilvusServer],
) -> None:
    first, second = servers
    hosts = [f"semantic-router{name}-milvus.{kubectl.namespace}.svc" for name in ("", "-milvus-cluster")]
    node.milvus = {host: server.port for host, server in zip(hosts, servers, strict=True)}
    ways = [f"--connect-to={host}:19530=127.0.0.1:{port}" for host, port in node.milvus.items()]
    spec = resource["spec"]
    spec["router"], spec["providers"][0]["baseURL"] = {"replicas": 1}, model
    spec["migration"] = {"strategy": "immediate", "validation": {"windowSeconds": 1}}
    spec["cache"]["backend"] = "hybrid"
    spec["milvus"] = {"managed": {"version": "2.5.4"}, "search": {"consistencyLevel": "Strong"}}
    operator = operators.start(*ways)
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (memory,) = node.settle(1)
    milvus_operator()
    standalone = replaced(node, memory)
    reaches(kubectl, "Completed")
    questions = [
        f"How do I bake {what} at home?" for what in ("rye bread", "plum cake", "pretzels", "waffles", "bagels")
    ]
    answers = {}
    for question in questions[:2]:
        answers[question] = ask(standalone, question)[1]
    eventually(lambda: len(_rows(first, _root(kubectl, "semantic-router-milvus-root"))) == 2)

    spec["milvus"]["managed"]["mode"] = "cluster"
    _move(kubectl, node, resource, questions[2])
    cluster = replaced(node, standalone)
    reaches(kubectl, "CatchingUp")
    operator.kill()
    kubectl("delete", "lease", "semantic-router-operator")
    operators.again(operator, *ways)
    # Until the rest is copied the former one stays, whatever becomes of the operator.
    eventually(lambda: condition(kubectl, "Migrating").get("reason") == "CatchingUp")
    assert kubectl("get", "milvus", "-o", "name").count("\n") == 2
    root, other_root = (_root(kubectl, f"semantic-router-milvus{name}-root") for name in ("", "-cluster"))
    assert node.run_job("copy")["phase"] == "Succeeded"
    reaches(kubectl, "Completed")
    rows = _rows(second, other_root)
    assert len(rows) == 3
    assert rows == _rows(first, root)
    assert [ask(cluster, question) for question in answers] == [("hit", said) for said in answers.values()]
    eventually(lambda: kubectl("get", "milvus", "-o", "name") == "milvus.milvus.io/semantic-router-milvus-cluster\n")
    placement = (kubectl.get("sr", "semantic-router") or {})["status"]["placement"]
    assert placement["managedMilvus"] == {"name": "semantic-router-milvus-cluster", "mode": "cluster"}
    eventually(lambda: "semantic-router-minio" not in kubectl("get", "pvc", "-o", "name"))

    login = ["--from-literal=username=root", f"--from-literal=password={root}"]
    kubectl("create", "secret", "generic", "theirs", *login)
    external = {"address": f"127.0.0.1:{first.port}", "credentialsSecretRef": {"name": "theirs"}}
    search = spec["milvus"]["search"]
    spec["milvus"] = {"external": external, "search": search, "collection": {"name": "taken_over"}}
    _move(kubectl, node, resource, questions[3])
    theirs = replaced(node, cluster)
    reaches(kubectl, "CatchingUp")
    assert node.run_job("copy")["phase"] == "Succeeded"
    reaches(kubectl, "Completed")
    rows = _rows(first, root, "taken_over")
    assert len(rows) == 4
    assert rows == _rows(second, other_root)
    assert [ask(theirs, question) for question in answers] == [("hit", said) for said in answers.values()]
    # A cluster's data is retained by itself.
    eventually(lambda: kubectl("get", "milvus", "-o", "name") == "")
    assert kubectl("get", "pvc", "-o", "name").count("semantic-router-milvus-cluster") > 4

    # And back: on the volumes that were kept, with what was learned meanwhile. Nothing that would be lost asks for it.
    spec["migration"]["strategy"] = "staged"
    spec["milvus"] = {"managed": {"version": "2.5.4", "mode": "cluster"}, "search": search}
    _move(kubectl, node, resource, questions[4])
    again = replaced(node, theirs)
    reaches(kubectl, "CatchingUp")
    assert node.run_job("copy")["phase"] == "Succeeded"
    reaches(kubectl, "Completed")
    rows = _rows(second, other_root)
    assert len(rows) == 5
    assert rows == _rows(first, root, "taken_over")
    assert [ask(again, question) for question in answers] == [("hit", said) for said in answers.values()]
