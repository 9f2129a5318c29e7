"""From a Job, a Deployment and their pods to what a migration goes by."""

from typing import Any

import pytest

from semantic_router_operator.workflows.migration_observing import addresses, job_state, of_component, rollout_state
from semantic_router_operator.workflows.migration_verdicts import JobState, Rollout

Json = dict[str, Any]


def _job(condition: str = "", reason: str = "") -> Json:
    conditions = [{"type": condition, "status": "True", "reason": reason}] if condition else []
    return {"metadata": {"name": "job"}, "status": {"conditions": conditions}}


def _pod(*states: Json, init: bool = False, job: str = "job") -> Json:
    statuses = [{"name": f"c{number}", "state": state} for number, state in enumerate(states)]
    return {
        "metadata": {"name": "p", "labels": {"batch.kubernetes.io/job-name": job}},
        "status": {"initContainerStatuses" if init else "containerStatuses": statuses},
    }


def _ended(code: int, message: str) -> Json:
    return {"terminated": {"exitCode": code, "message": message}}


@pytest.mark.parametrize(
    ("job", "pods", "expected"),
    [
        (None, [], JobState()),
        (_job(), [], JobState("running")),
        (_job("Complete"), [_pod(_ended(0, "7 put in\n"))], JobState("succeeded", "7 put in", 0)),
        (_job("Failed", "Limit"), [_pod(_ended(2, "start\nwrong user\n"))], JobState("failed", "wrong user", 2)),
        (_job("Failed"), [_pod(_ended(1, "no route"), _ended(0, "fine"))], JobState("failed", "no route", 1)),
        (_job("Failed", "DeadlineExceeded"), [], JobState("failed", "DeadlineExceeded", None)),
        # Another Job's pod says nothing about this one.
        (_job("Complete"), [_pod(_ended(1, "no"), job="other")], JobState("succeeded", "", 0)),
    ],
)  # fmt: skip
def test_jobs(job: Json | None, pods: list[Json], expected: JobState) -> None:
    assert job_state(job, pods) == expected


def test_a_job_that_cannot_start_says_why() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    found = job_state(_job(), [_pod(waiting)])
    assert (found.state, "Back-off pulling image" in found.message) == ("running", True)


def _deployment(checksum: str = "new", generation: int = 2, **status: Any) -> Json:
    template = {"metadata": {"annotations": {"semanticrouter.dev/checksum": checksum}}}
    return {
        "metadata": {"name": "sr", "generation": generation},
        "spec": {"replicas": 2, "template": template},
        "status": {"observedGeneration": 2, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2, **status},
    }


CRASHED = {
    "metadata": {"name": "new-pod", "labels": {}},
    "status": {
        "containerStatuses": [
            {
                "name": "router",
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 2, "message": "the collection is another model's"}},
            }
        ]
    },
}


@pytest.mark.parametrize(
    ("deployment", "pods", "done", "says"),
    [
        (None, [], False, "not there yet"),
        (_deployment("old"), [], False, "not been changed yet"),
        (_deployment(generation=3), [], False, "not been looked at"),
        (_deployment(readyReplicas=1), [], False, "2 of 2 pods are new, 1 ready, 2 in all."),
        (_deployment(replicas=3), [], False, "3 in all"),
        (_deployment(), [], True, "2 pods are ready"),
        (_deployment(updatedReplicas=1, replicas=3), [CRASHED], False, "the collection is another model's"),
        (
            _deployment(
                updatedReplicas=1,
                conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}],
            ),
            [],
            False,
            "timed out",
        ),
    ],
)
def test_rollouts(deployment: Json | None, pods: list[Json], *, done: bool, says: str) -> None:
    found = rollout_state(deployment, _deployment(), pods)
    assert found.done is done
    assert says in found.message + found.failed


def test_nothing_is_desired_of_a_resource_without_a_deployment() -> None:
    assert rollout_state(_deployment(), None, []) == Rollout(message="The router's Deployment is not there yet.")


def test_pods_that_leave_are_not_asked() -> None:
    router = {"app.kubernetes.io/component": "router"}
    pods = [
        {"metadata": {"name": "b", "labels": router}, "status": {"podIP": "10.0.0.2"}},
        {"metadata": {"name": "a", "labels": router}, "status": {}},
        {"metadata": {"name": "c", "labels": router, "deletionTimestamp": "now"}, "status": {"podIP": "10.0.0.3"}},
        {"metadata": {"name": "d", "labels": {"app.kubernetes.io/component": "migration"}}},
    ]
    assert addresses(of_component(pods, "router")) == [("a", ""), ("b", "10.0.0.2")]
