"""Why a pod does not run, in its own words."""

from typing import Any

import pytest

from semantic_router_operator.plan.pods import trouble

Json = dict[str, Any]


def _pod(name: str = "p", init: bool = False, **state: Any) -> Json:
    kind = "initContainerStatuses" if init else "containerStatuses"
    return {"metadata": {"name": name}, "status": {kind: [{"name": "router", **state}]}}


@pytest.mark.parametrize(
    ("pod", "reason", "says"),
    [
        (
            _pod(state={"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x:1"'}}),
            "ImagePullBackOff",
            'cannot start: Back-off pulling image "x:1"',
        ),
        (
            _pod(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 2, "message": "starting\nconfig.yaml: models[0] is wrong\n"}},
            ),
            "CrashLoopBackOff",
            "exit code 2; last log line: config.yaml: models[0] is wrong",
        ),
        (
            _pod(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            ),
            "OOMKilled",
            "spec.router.resources.limits.memory",
        ),
        (
            _pod(init=True, state={"terminated": {"exitCode": 2, "message": "bad key"}}),
            "Failed",
            "last log line: bad key",
        ),
        (
            _pod(state={"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "keys" not found'}}),
            "CreateContainerConfigError",
            'secret "keys" not found',
        ),
        (
            _pod(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 1}},
            ),
            "CrashLoopBackOff",
            "see kubectl logs p --previous",
        ),
    ],
)
def test_reason_and_words(pod: Json, reason: str, says: str) -> None:
    found = trouble([pod])
    assert found is not None
    assert found.reason == reason
    assert says in found.message


def test_unschedulable() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    found = trouble([{"metadata": {"name": "p"}, "status": {"conditions": [condition]}}])
    assert found is not None
    assert (found.reason, found.message) == ("Unschedulable", "Pod/p finds no node: 0/3 nodes")


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": {"name": "p"}},
        _pod(state={"waiting": {"reason": "ContainerCreating"}}),
        _pod(init=True, state={"terminated": {"exitCode": 0}}),
        _pod(state={"running": {}}, lastState={"terminated": {"exitCode": 1}}),
        {
            **_pod(state={"waiting": {"reason": "ImagePullBackOff"}}),
            "metadata": {"name": "p", "deletionTimestamp": "x"},
        },
    ],
)
def test_no_trouble(pod: Json) -> None:
    assert trouble([pod]) is None
