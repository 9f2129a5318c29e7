"""What the Deployment's status means for the router."""

from typing import Any

import pytest

from semantic_router_operator.plan.availability import availability
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import ObjectKey

Json = dict[str, Any]
RESOURCE = {"metadata": {"uid": "u"}, "status": {}}
KEY = ObjectKey("apps/v1", "Deployment", "a", "x")


def _condition(wanted: int = 2, generation: int = 1, owner: str = "u", **status: Any) -> Condition:
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "x", "generation": generation, "ownerReferences": [{"controller": True, "uid": owner}]},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 1, **status},
    }
    return availability(RESOURCE, {KEY: deployment})


def _failing(kind: str, reason: str) -> list[Json]:
    return [{"type": kind, "status": "True", "reason": reason, "message": "quota exceeded"}]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"updatedReplicas": 2, "readyReplicas": 2, "replicas": 2}, ("True", "Available")),
        ({"updatedReplicas": 2, "readyReplicas": 1, "replicas": 2}, ("False", "PodsNotReady")),
        ({"updatedReplicas": 1, "readyReplicas": 2, "replicas": 3}, ("True", "RollingOut")),
        ({"updatedReplicas": 2, "readyReplicas": 2, "replicas": 3}, ("True", "RollingOut")),
        ({}, ("Unknown", "Progressing")),
        ({"generation": 2}, ("Unknown", "Progressing")),
        ({"wanted": 0}, ("False", "ScaledToZero")),
        ({"conditions": _failing("Progressing", "ProgressDeadlineExceeded")}, ("False", "RolloutFailed")),
        ({"conditions": _failing("ReplicaFailure", "FailedCreate")}, ("False", "PodsRefused")),
        ({"owner": "somebody"}, ("False", "Creating")),
    ],
)
def test_router_available(status: Json, expected: tuple[str, str]) -> None:
    router = _condition(**status)
    assert (router.status, router.reason) == expected
