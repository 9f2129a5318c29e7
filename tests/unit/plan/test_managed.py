"""When a Milvus of milvus-operator counts as ready: each way in which its status has been seen to mislead."""

import copy
from typing import Any

import pytest

from semantic_router_operator.plan.managed import managed_milvus

Json = dict[str, Any]
IMAGE = "milvusdb/milvus:v2.6.4"
DESIRED: Json = {"spec": {"components": {"image": IMAGE, "queryNode": {"replicas": 2}}}}
CONDITIONS = ("MilvusReady", "MilvusUpdated", "EtcdReady", "StorageReady", "MsgStreamReady")
MILVUS: Json = {
    "metadata": {"name": "team", "generation": 3},
    "status": {
        "status": "Healthy",
        "observedGeneration": 3,
        "conditions": [{"type": kind, "status": "True"} for kind in CONDITIONS],
    },
}


def _deployment(
    component: str, replicas: int = 1, ready: int | None = None, image: str = IMAGE, name: str = ""
) -> Json:
    return {
        "metadata": {
            "name": name or f"team-milvus-{component}",
            "generation": 1,
            "labels": {"app.kubernetes.io/component": component},
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": component, "image": image}]}}},
        "status": {"observedGeneration": 1, "readyReplicas": replicas if ready is None else ready},
    }


PODS = [_deployment("proxy"), _deployment("querynode", 2, name="q-0"), _deployment("querynode", 0, name="q-1")]


def _changed(**metadata: Any) -> Json:
    changed = copy.deepcopy(MILVUS)
    changed["metadata"] |= metadata
    return changed


def test_ready_when_everything_is() -> None:
    found = managed_milvus(MILVUS, DESIRED, PODS)
    assert (found.status, found.reason) == ("True", "PodsReady")


@pytest.mark.parametrize("kind", CONDITIONS)
def test_healthy_with_a_condition_that_says_otherwise(kind: str) -> None:
    changed = copy.deepcopy(MILVUS)
    (condition,) = [each for each in changed["status"]["conditions"] if each["type"] == kind]
    condition |= {"status": "False", "reason": "X", "message": "minio is\n down"}
    found = managed_milvus(changed, DESIRED, PODS)
    assert found.status == "False"
    assert "minio is down" in found.message
    changed["status"]["conditions"].remove(condition)
    assert managed_milvus(changed, DESIRED, PODS).reason == "Provisioning"


@pytest.mark.parametrize(
    ("milvus", "reason", "says"),
    [
        (None, "Creating", "not there yet"),
        (_changed(deletionTimestamp="2026-01-01T00:00:00Z"), "Deleting", "being deleted"),
        (_changed(generation=4), "StatusBehind", "its log says why"),
        (_changed(generation=4, annotations={"milvus.io/pause-reconcile": "true"}), "Paused", "remove its annotation"),
        ({"metadata": {"name": "team", "generation": 1}}, "NotLookedAt", "Does it run?"),
    ],
)
def test_a_status_that_speaks_of_something_else(milvus: Json | None, reason: str, says: str) -> None:
    found = managed_milvus(milvus, DESIRED, PODS)
    assert (found.status, found.reason) == ("False", reason)
    assert says in found.message


@pytest.mark.parametrize(
    ("deployments", "reason"),
    [
        ([], "Provisioning"),
        ([_deployment("proxy", image="milvusdb/milvus:v2.6.1"), *PODS[1:]], "Upgrading"),
        ([_deployment("proxy", 1, 0), *PODS[1:]], "PodsNotReady"),
        # Reported as done, while it waits in silence for a dependency.
        ([PODS[0], _deployment("querynode", 1, name="q-0"), PODS[2]], "Scaling"),
    ],
)
def test_pods_that_are_not_as_asked_for(deployments: list[Json], reason: str) -> None:
    assert managed_milvus(MILVUS, DESIRED, deployments).reason == reason


def test_replicas_that_an_autoscaler_has_and_images_from_a_mirror_are_no_obstacle() -> None:
    desired: Json = {"spec": {"components": {"image": IMAGE, "queryNode": {"replicas": -1}}}}
    mirrored = [_deployment("querynode", 7, image="mirror.local/milvus:v2.6.4@sha256:00")]
    assert managed_milvus(MILVUS, desired, mirrored).status == "True"
