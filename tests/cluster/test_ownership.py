"""What belongs to whom: two resources, taken names, adoption, orphans, deletion without the operator, handovers."""

import json
from typing import Any

from tests.cluster.conftest import CHILDREN, Kubectl, Operators, condition, eventually, settled

Json = dict[str, Any]


def _patch(kubectl: Kubectl, spec: Json, name: str = "semantic-router") -> None:
    kubectl("patch", f"sr/{name}", "--type=merge", "-p", json.dumps({"spec": spec}))


def _deployment(kubectl: Kubectl, name: str = "semantic-router") -> Json:
    return kubectl.get(f"deployment/{name}") or {}


def test_two_resources_in_one_namespace(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    kubectl("apply", "-f", "-", stdin={**resource, "metadata": {"name": "second"}})
    eventually(lambda: settled(kubectl) and condition(kubectl, "Ready", "second"))
    eventually(lambda: _deployment(kubectl, "second"))
    _patch(kubectl, {"router": {"replicas": 4}}, "second")
    eventually(lambda: _deployment(kubectl, "second")["spec"]["replicas"] == 4)
    assert _deployment(kubectl)["spec"]["replicas"] == 2
    selectors = [_deployment(kubectl, name)["spec"]["selector"] for name in ("semantic-router", "second")]
    assert selectors[0] != selectors[1]
    kubectl("delete", "sr/second")
    eventually(lambda: not _deployment(kubectl, "second"))
    assert all(kubectl.get(child) for child in CHILDREN)


def test_a_name_that_somebody_else_has_taken(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    """It stays as it is, the resource says so, and goes on when the name is free."""
    operators.start("--resync-seconds=1")
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "second"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "mine"}},
    }
    kubectl("apply", "-f", "-", stdin=foreign)
    kubectl("apply", "-f", "-", stdin={**resource, "metadata": {"name": "second"}})
    eventually(lambda: condition(kubectl, "ConfigValid", "second").get("reason") == "NameTaken")
    assert "Service/second" in condition(kubectl, "ConfigValid", "second")["message"]
    assert (kubectl.get("service/second") or {})["spec"]["selector"] == {"app": "mine"}
    kubectl("delete", "service/second")
    eventually(lambda: condition(kubectl, "ConfigValid", "second").get("status") == "True")


def test_orphans_serve_on_and_are_adopted_without_a_restart(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start("--resync-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    before = _deployment(kubectl)["metadata"]
    kubectl("delete", "sr/semantic-router", "--cascade=orphan")
    eventually(lambda: not any(_deployment(kubectl)["metadata"].get("ownerReferences", ())))
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "ConfigValid").get("reason") == "NameTaken")
    kubectl("annotate", "sr/semantic-router", "semanticrouter.dev/adopt=true")
    eventually(lambda: condition(kubectl, "ConfigValid").get("status") == "True")
    after = _deployment(kubectl)["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])
    owner = (kubectl.get("sr/semantic-router") or {})["metadata"]["uid"]
    assert [each["uid"] for each in after["ownerReferences"]] == [owner]


def test_deleted_while_the_operator_is_down(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    assert operator.stop() == 0
    kubectl("delete", "sr/semantic-router", "--timeout=20s")
    eventually(lambda: not any(kubectl.get(child) for child in CHILDREN))
    written = len(operators.writes(operator))
    again = operators.again(operator)
    kubectl("apply", "-f", "-", stdin={**resource, "metadata": {"name": "second"}})
    eventually(lambda: condition(kubectl, "ConfigValid", "second"))
    later = operators.writes(again)[written:]
    assert not any(entry["objectRef"].get("name", "").startswith("semantic-router") for entry in later)


def test_changed_while_the_operator_is_down(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    operator.kill()
    _patch(kubectl, {"router": {"replicas": 3}})
    kubectl("delete", "service/semantic-router")
    kubectl("delete", "lease/semantic-router-operator")
    operators.again(operator)
    eventually(lambda: _deployment(kubectl)["spec"]["replicas"] == 3 and kubectl.get("service/semantic-router"))


def test_a_field_that_cannot_change_is_told_and_nothing_is_lost(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    """A Deployment of an earlier day, with another selector, is to be adopted; Kubernetes does not let that change."""
    kubectl("create", "deployment", "semantic-router", "--image=old", "--replicas=1")
    uid = _deployment(kubectl)["metadata"]["uid"]
    operators.start("--resync-seconds=1")
    resource["metadata"]["annotations"] = {"semanticrouter.dev/adopt": "true"}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == "WriteRefused")
    message = condition(kubectl, "Degraded")["message"]
    assert "Deployment/semantic-router was refused by the API server" in message
    assert "spec.selector: field is immutable" in message
    assert "delete the object and let it be made anew" in message
    assert _deployment(kubectl)["metadata"]["uid"] == uid
    assert kubectl.get("service/semantic-router") is not None
    kubectl("delete", "deployment", "semantic-router")
    eventually(lambda: settled(kubectl) and condition(kubectl, "Degraded").get("status") == "False")


def test_the_autoscaler_takes_over_without_a_drop_to_one(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operators.start()
    resource["spec"]["router"]["replicas"] = 4
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    _patch(kubectl, {"router": {"replicas": None, "autoscaling": {"minReplicas": 2, "maxReplicas": 9}}})
    eventually(lambda: kubectl.get("hpa/semantic-router"))
    eventually(lambda: condition(kubectl, "ConfigValid").get("status") == "True")
    assert _deployment(kubectl)["spec"]["replicas"] == 4
    # No ReplicaSet has ever had another size: scaling down leaves an Event of the Deployment's controller.
    kubectl("scale", "deployment/semantic-router", "--replicas=6")
    kubectl("annotate", "sr/semantic-router", "look=again")
    _patch(kubectl, {"cache": {"ttlSeconds": 60}})
    eventually(lambda: "ttl_seconds: 60" in str(kubectl.get("configmap/semantic-router-config")))
    assert _deployment(kubectl)["spec"]["replicas"] == 6
    scaled = [
        event["message"] for event in (kubectl.get("events") or {})["items"] if event["reason"] == "ScalingReplicaSet"
    ]
    assert not any("down" in message.lower() for message in scaled)


def test_pause_by_annotation(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    operators.start("--resync-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    kubectl("annotate", "sr/semantic-router", "semanticrouter.dev/pause=true")
    eventually(lambda: condition(kubectl, "Ready").get("reason") == "Suspended")
    kubectl("scale", "deployment/semantic-router", "--replicas=5")
    eventually(lambda: (kubectl.get("sr/semantic-router") or {})["status"].get("replicas") == 5)
    assert _deployment(kubectl)["spec"]["replicas"] == 5
    kubectl("annotate", "sr/semantic-router", "semanticrouter.dev/pause-")
    eventually(lambda: _deployment(kubectl)["spec"]["replicas"] == 2)


def test_a_retained_volume_waits_for_a_resource_of_its_name(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    """It outlives the resource, operator or not, and its status says so; a later one takes it over as it is."""
    claim = "persistentvolumeclaim/semantic-router-data"
    operator = operators.start()
    resource["spec"] |= {
        "router": {"replicas": 1},
        "cache": {"backend": "hybrid"},
        "milvus": {"embedded": {"storage": {"size": "1Gi", "deletionPolicy": "Retain"}}},
    }
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl) and kubectl.get(claim))
    before = (kubectl.get(claim) or {})["metadata"]
    assert "ownerReferences" not in before
    assert (kubectl.get("sr/semantic-router") or {})["status"]["retained"] == [
        "PersistentVolumeClaim/semantic-router-data"
    ]
    operator.kill()
    kubectl("delete", "sr/semantic-router")
    eventually(lambda: not _deployment(kubectl))
    assert (kubectl.get(claim) or {})["metadata"]["uid"] == before["uid"]

    operators.again(operator)
    resource["spec"]["milvus"]["embedded"]["storage"]["deletionPolicy"] = "Delete"
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl) and (kubectl.get(claim) or {})["metadata"].get("ownerReferences"))
    assert (kubectl.get(claim) or {})["metadata"]["uid"] == before["uid"]
    assert condition(kubectl, "ConfigValid")["status"] == "True"
    assert "retained" not in (kubectl.get("sr/semantic-router") or {})["status"]
    kubectl("delete", "sr/semantic-router")
    # A claim's own finalizer waits for pods that mount it; nobody takes them away here but the garbage collector.
    eventually(
        lambda: "deletionTimestamp" in (kubectl.get(claim) or {"metadata": {"deletionTimestamp": ""}})["metadata"]
    )
