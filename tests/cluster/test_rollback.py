"""A rollout that fails goes back to the last good state, also over the operator's death; pods are real, what a kubelet
says about them is written."""

import copy
import json
from typing import Any

from tests.cluster.conftest import Kubectl, Operators, condition, eventually

Json = dict[str, Any]
PULL = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image broken"}}}
REFUSED = {
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
    "lastState": {"terminated": {"exitCode": 2, "message": "config.yaml: signals.keywords[0] is wrong\n"}},
}


def _kubelet(kubectl: Kubectl, failing: str = "", field: str = "containerStatuses", says: Json | None = None) -> None:
    """Does the kubelet's part: pods run, but for those of the image `failing`, whose container `says` why not."""
    for pod in (kubectl.get("pods") or {}).get("items", []):
        image = pod["spec"]["containers"][0]["image"]
        status: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        if says is not None and image.endswith(failing):
            name = "router" if field == "containerStatuses" else "check-config"
            told = {"name": name, "image": image, "imageID": "", "ready": False, "restartCount": 3, **says}
            status = {"phase": "Pending", field: [told]}
        patch = ("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge")
        kubectl(*patch, "-p", json.dumps({"status": status}), check=False)


def _changed(resource: Json, tag: str, deadline: int = 600) -> Json:
    changed = copy.deepcopy(resource)
    changed["spec"]["router"] |= {
        "image": {"repository": "registry.test/router", "tag": tag},
        "rollout": {"onFailure": "RollBack", "progressDeadlineSeconds": deadline},
    }
    return changed


def _image(kubectl: Kubectl) -> str:
    deployment = kubectl.get("deployment/semantic-router") or {}
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"]) if deployment else ""


def _stuck(kubectl: Kubectl) -> bool:
    deployment = kubectl.get("deployment/semantic-router") or {}
    conditions = deployment.get("status", {}).get("conditions", ())
    return any(each.get("reason") == "ProgressDeadlineExceeded" for each in conditions)


def test_a_failing_rollout_goes_back_and_a_corrected_one_goes_on(
    kubectl: Kubectl, operators: Operators, resource: Json
) -> None:
    operator = operators.start()
    kubectl("apply", "-f", "-", stdin=_changed(resource, "good"))
    eventually(lambda: _kubelet(kubectl) or condition(kubectl, "Ready").get("status") == "True")
    (kept,) = eventually(
        lambda: (kubectl.get("controllerrevisions", "-l", "app.kubernetes.io/instance") or {})["items"]
    )
    assert kept["data"]["spec"]["router"]["image"]["tag"] == "good"

    # The operator dies while the rollout fails, and finds it failed when it comes back.
    kubectl("apply", "-f", "-", stdin=_changed(resource, "broken", deadline=1))
    eventually(lambda: _image(kubectl).endswith(":broken"))
    operator.kill()
    # The deadline may be over before there is a pod that could say anything.
    said = PULL["state"]["waiting"]["message"]
    eventually(
        lambda: (
            _kubelet(kubectl, ":broken", says=PULL) or (_stuck(kubectl) and said in kubectl("get", "pods", "-o=yaml"))
        )
    )
    operator = operators.again(operator)
    eventually(lambda: _image(kubectl).endswith(":good"))
    eventually(lambda: condition(kubectl, "Ready").get("reason") == "RolledBack")
    message = condition(kubectl, "Ready")["message"]
    assert "Generation 2 did not become ready" in message
    assert "Back-off pulling image broken" in message
    assert "generation 1 is in force" in message
    eventually(lambda: condition(kubectl, "RouterAvailable").get("status") == "True")
    reasons = {event["reason"] for event in (kubectl.get("events.events.k8s.io") or {})["items"]}
    assert "RolledBack" in reasons

    # The new pods' check-config refuses the file; told before the deadline, and the reason for going back after it.
    kubectl("apply", "-f", "-", stdin=_changed(resource, "picky"))
    eventually(lambda: _image(kubectl).endswith(":picky"))
    refused = "last log line: config.yaml: signals.keywords[0] is wrong"

    def _told(reason: str) -> bool:
        _kubelet(kubectl, ":picky", "initContainerStatuses", REFUSED)
        found = condition(kubectl, "Degraded")
        return found.get("reason") == reason and refused in found["message"] and "check-config" in found["message"]

    eventually(lambda: _told("CrashLoopBackOff"))
    kubectl("apply", "-f", "-", stdin=_changed(resource, "picky", deadline=1))
    eventually(lambda: _told("RolledBack"))
    eventually(lambda: _image(kubectl).endswith(":good"))

    kubectl("apply", "-f", "-", stdin=_changed(resource, "fixed"))
    eventually(lambda: _image(kubectl).endswith(":fixed"))
    eventually(lambda: _kubelet(kubectl) or condition(kubectl, "Ready").get("status") == "True")
    assert "rollout" not in (kubectl.get("sr/semantic-router") or {})["status"]
    eventually(lambda: '"fixed"' in json.dumps(kubectl.get("controllerrevisions")))
