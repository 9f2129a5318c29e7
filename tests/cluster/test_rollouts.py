"""A rollout that fails is told with the pods' own reason; pods are real, what a kubelet says about them is written."""

import json
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operators, condition, eventually, settled

Json = dict[str, Any]


def _says(kubectl: Kubectl, **container: Any) -> None:
    """Does the kubelet's part for every pod of the namespace."""
    for pod in (kubectl.get("pods") or {})["items"]:
        status = {
            "name": "router",
            "image": "x",
            "imageID": "",
            "ready": False,
            "restartCount": 3,
            "state": {"waiting": {}},
            **container,
        }
        patch = json.dumps({"status": {"phase": "Pending", "containerStatuses": [status]}})
        kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)


@pytest.mark.parametrize(
    ("container", "reason", "says"),
    [
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}},
            "ImagePullBackOff",
            "Back-off pulling image",
        ),
        (
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            },
            "OOMKilled",
            "raise spec.router.resources.limits.memory",
        ),
        (
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 2, "message": "start\nconfig.yaml: providers[0] is wrong\n"}},
            },
            "CrashLoopBackOff",
            "last log line: config.yaml: providers[0] is wrong",
        ),
    ],
)
def test_pods_reasons(
    kubectl: Kubectl, operators: Operators, resource: Json, container: Json, reason: str, says: str
) -> None:
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl) and (kubectl.get("pods") or {})["items"])
    _says(kubectl, **container)
    eventually(lambda: condition(kubectl, "Degraded").get("reason") == reason)
    assert says in condition(kubectl, "Ready")["message"]
    assert reason in kubectl("get", "sr")
    assert any(says in event["note"] for event in (kubectl.get("events.events.k8s.io") or {})["items"])
    _says(kubectl, state={"running": {}}, ready=True)
    eventually(lambda: condition(kubectl, "Degraded").get("status") == "False")


def test_a_refused_pod_is_told_with_the_quota_s_words(kubectl: Kubectl, operators: Operators, resource: Json) -> None:
    """A ReplicaSet may make no pod: the Deployment's ReplicaFailure reaches the resource."""
    operators.start()
    resource["spec"]["router"]["podTemplate"] = {"serviceAccountName": "nobody"}
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: condition(kubectl, "RouterAvailable").get("reason") == "PodsRefused")
    assert 'serviceaccount "nobody" not found' in condition(kubectl, "Ready")["message"]


def test_the_last_log_line_reaches_the_termination_message(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    """Without a right to read logs: the kubelet puts a failed container's last lines into its state."""
    operators.start()
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: settled(kubectl))
    pod = (kubectl.get("deployment/semantic-router") or {})["spec"]["template"]["spec"]
    for container in (*pod["containers"], *pod["initContainers"]):
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
