"""Volumes from snapshots under the real milvus-operator and its Helm: it takes claims over that it has not made, leaves
their source alone, and removes them in the end."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.milvus_changes import settled
from semantic_router_operator.render.snapshots import snapshots_of
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.third_party.conftest import RealOperator

Json = dict[str, Any]
BACKUP = "sr_20261121_020000_a"
ETCD, MINIO = "data-semantic-router-etcd-0", "semantic-router-minio"
# It polls every 30 s.
_POLLED = 240.0
pytestmark = pytest.mark.timeout(1200)


def _claims(kubectl: Kubectl) -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in (kubectl.get("pvc") or {}).get("items", [])}


def _released(kubectl: Kubectl) -> set[str]:
    """The Helm releases that were carried out."""
    found = (kubectl.get("secrets", "-l", "owner=helm,status=deployed") or {}).get("items", [])
    return {each["metadata"]["labels"]["name"] for each in found}


def _deleted(kubectl: Kubectl) -> bool:
    """Whether every claim is being deleted; the finalizers that protect them are then taken away."""
    claims = _claims(kubectl)
    gone = all(each["metadata"].get("deletionTimestamp") for each in claims.values())
    for name in claims if gone else ():
        kubectl("patch", "pvc", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)
    return gone


def _cut(kubectl: Kubectl) -> None:
    """Snapshots as after a backup, all of them ready to use."""
    resource = parse(kubectl.get("sr/semantic-router") or {})
    managed = resource.spec.milvus.managed if resource.spec.milvus is not None else None
    assert managed is not None
    for each in snapshots_of(resource, settled(managed, None), [*_claims(kubectl).values()], BACKUP, {}):
        kubectl("create", "-f", "-", stdin=each)
        status = json.dumps({"status": {"readyToUse": True, "restoreSize": "10Gi"}})
        kubectl(
            "patch", "volumesnapshot", each["metadata"]["name"], "--subresource=status", "--type=merge", "-p", status
        )


def test_volumes_from_snapshots_are_taken_over(
    kubectl: Kubectl, operators: Operators, resource: Json, milvus_operator: Callable[[], RealOperator]
) -> None:
    milvus_operator()
    operators.start("--resync-seconds=2")
    resource["spec"]["milvus"] = {"managed": {"auth": {"enabled": False}, "deletionPolicy": "Delete"}}
    kubectl("apply", "-f", "-", stdin=resource)
    releases = {"semantic-router-etcd", "semantic-router-minio"}
    eventually(lambda: set(_claims(kubectl)) == {ETCD, MINIO} and _released(kubectl) >= releases, _POLLED)
    _cut(kubectl)
    change = {"spec": {"milvus": {"managed": {"fromSnapshots": {"backup": BACKUP}}}}}
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", json.dumps(change))

    old = {each["metadata"]["uid"] for each in _claims(kubectl).values()}
    kubectl("delete", "milvus/semantic-router", "--wait=false")
    eventually(lambda: condition(kubectl, "MilvusReady").get("reason") == "VolumeInTheWay", _POLLED)
    assert kubectl.get("milvus/semantic-router") is None
    eventually(lambda: _deleted(kubectl), _POLLED)

    eventually(lambda: kubectl.get("milvus/semantic-router"))
    made = _claims(kubectl)
    assert {name: each["spec"]["dataSource"]["name"] for name, each in made.items()} == {
        name: f"{name}-{BACKUP.replace('_', '-')}" for name in (ETCD, MINIO)
    }
    assert not old & {each["metadata"]["uid"] for each in made.values()}
    eventually(lambda: _released(kubectl) >= releases, _POLLED)
    eventually(lambda: kubectl.get("statefulset/semantic-router-etcd") and kubectl.get("deploy/semantic-router-minio"))
    # They are used as they are.
    now = _claims(kubectl)
    assert {name: each["metadata"]["uid"] for name, each in now.items()} == {
        name: each["metadata"]["uid"] for name, each in made.items()
    }
    assert all(each["spec"]["dataSource"] == made[name]["spec"]["dataSource"] for name, each in now.items())

    kubectl("delete", "sr", "semantic-router", "--wait=false")
    eventually(lambda: kubectl.get("milvus/semantic-router") is None and _deleted(kubectl), _POLLED)
