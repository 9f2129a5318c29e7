"""A whole migration and back: the operator, the routers, the Jobs and Milvus Lite as a server are real; what is missing
is a kubelet, whose part the test does. The operator is killed in every step."""

from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operator, Operators, condition, eventually
from tests.cluster.node import Node, ask, jobs, migration, reaches, replaced

Json = dict[str, Any]
TOKEN = "an-admin-token"


def _killed(kubectl: Kubectl, operators: Operators, operator: Operator) -> Operator:
    """Kill the operator, let nobody wait for its Lease, and start another."""
    operator.kill()
    kubectl("delete", "lease", "semantic-router-operator")
    return operators.again(operator)


def _window(kubectl: Kubectl, seconds: int) -> None:
    change = f'{{"spec": {{"migration": {{"validation": {{"windowSeconds": {seconds}}}}}}}}}'
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", change)


@pytest.mark.timeout(600)
def test_places_and_models_change_with_a_kill_in_every_step(
    kubectl: Kubectl, operators: Operators, node: Node, milvus: int, model: str, resource: Json
) -> None:
    kubectl("create", "secret", "generic", "admin", f"--from-literal=token={TOKEN}")
    spec = resource["spec"]
    spec["router"] = {"replicas": 1, "adminTokenSecretRef": {"name": "admin", "key": "token"}}
    spec["providers"][0]["baseURL"] = model
    # As long as it takes to look at it; cut short where that is done.
    spec["migration"] = {"validation": {"windowSeconds": 600}}
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (old,) = node.settle(1)
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    assert migration(kubectl) == {}
    assert ask(old)[0] == "miss"
    hit, said = ask(old)
    assert hit == "hit"

    spec["cache"]["backend"] = "hybrid"
    spec["milvus"] = {"external": {"address": f"127.0.0.1:{milvus}"}, "search": {"consistencyLevel": "Strong"}}
    kubectl("apply", "-f", "-", stdin=resource)
    for step, job in (("Verifying", "verify"), ("Warming", "copy-from-pods")):
        at = reaches(kubectl, step)
        operator = _killed(kubectl, operators, operator)
        eventually(lambda step=step: condition(kubectl, "Migrating").get("reason") == step)  # type: ignore[misc]
        assert ask(old) == ("hit", said)
        # What was begun is gone on with, not begun again.
        assert migration(kubectl)["since"] == at["since"]
        node.run_job(job)
    reaches(kubectl, "Switching")
    operator = _killed(kubectl, operators, operator)
    new = replaced(node, old)
    # Taken along: another pod, with what the first one had in its memory.
    assert ask(new) == ("hit", said)
    reaches(kubectl, "Validating")
    operator = _killed(kubectl, operators, operator)
    _window(kubectl, 1)
    done = reaches(kubectl, "Completed")
    assert [each["step"] for each in done["passed"]] == [
        "Provisioning", "Verifying", "Warming", "Switching", "Validating",
    ]  # fmt: skip
    assert done["passed"][2]["message"].startswith("1 answers were put in")
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    assert condition(kubectl, "Migrating")["reason"] == "Completed"
    eventually(lambda: not jobs(kubectl))
    eventually(lambda: "migration" not in kubectl("get", "configmaps,networkpolicies", "-o", "name"))

    # To another embedding model, and back on request while it is on trial.
    spec["cache"]["embedding"] = {"revision": "2"}
    kubectl("apply", "-f", "-", stdin=resource)
    reaches(kubectl, "Reembedding")
    operator = _killed(kubectl, operators, operator)
    node.run_job("reembed")
    other = replaced(node, new)
    reaches(kubectl, "Validating")
    assert ask(other) == ("hit", said)
    spec["cache"]["embedding"] = {}
    kubectl("apply", "-f", "-", stdin=resource)
    reaches(kubectl, "RestoringModel")
    operator = _killed(kubectl, operators, operator)
    node.run_job("restore-model")
    reaches(kubectl, "RollingBack")
    operator = _killed(kubectl, operators, operator)
    back = replaced(node, other)
    assert reaches(kubectl, "RolledBack")["why"] == "the resource asks for something else"
    assert ask(back) == ("hit", said)
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")


@pytest.mark.timeout(600)
def test_a_milvus_that_does_not_answer_changes_nothing(
    kubectl: Kubectl, operators: Operators, node: Node, model: str, resource: Json
) -> None:
    kubectl("create", "secret", "generic", "admin", f"--from-literal=token={TOKEN}")
    spec = resource["spec"]
    spec["router"] = {"replicas": 1}
    spec["providers"][0]["baseURL"] = model
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: kubectl.get("deployment/semantic-router"))
    (old,) = node.settle(1)
    spec["cache"]["backend"] = "hybrid"
    external = {"address": "127.0.0.1:1", "timeoutSeconds": 1, "credentialsSecretRef": {"name": "milvus-auth"}}
    spec["milvus"] = {"external": external}
    kubectl("apply", "-f", "-", stdin=resource)
    reaches(kubectl, "Provisioning")
    eventually(lambda: "milvus-auth" in condition(kubectl, "Ready").get("message", ""))
    _killed(kubectl, operators, operator)
    credentials = ["--from-literal=username=router", "--from-literal=password=secret"]
    kubectl("create", "secret", "generic", "milvus-auth", *credentials)
    reaches(kubectl, "Verifying")
    assert node.run_job("verify")["phase"] == "Failed"
    eventually(lambda: migration(kubectl).get("attempt") == 2)
    assert "127.0.0.1:1" in condition(kubectl, "Migrating")["message"]
    # Asked for no more: given up, and nothing of it is left.
    spec["cache"]["backend"] = "memory"
    kubectl("apply", "-f", "-", stdin=resource)
    reaches(kubectl, "Cancelled")
    eventually(lambda: condition(kubectl, "Ready").get("status") == "True")
    eventually(lambda: not jobs(kubectl))
    assert ask(old)[0] == "miss"
    assert [pod.name for pod in node.settle(1)] == [old.name]
