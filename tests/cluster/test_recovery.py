"""A managed Milvus is lost and comes back from the snapshots of a backup: on a real API server with the real schemas.
The snapshot controller's and the storage driver's part is played."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cluster.conftest import Kubectl, Operators, condition, eventually
from tests.cluster.node import Node
from tests.cluster.test_lifecycle import ready_pods

Json = dict[str, Any]
BACKUP = "sr_20261121_020000_a"
ETCD, MINIO = "data-semantic-router-etcd-0", "semantic-router-minio"
pytestmark = [pytest.mark.xdist_group("managed-milvus"), pytest.mark.timeout(600)]


@pytest.fixture
def classes(kubectl: Kubectl) -> Iterator[str]:
    """A StorageClass, and the VolumeSnapshotClass that is the default one of its driver, both called so; the first
    operator may look at them."""
    name = kubectl.namespace
    default = {"snapshot.storage.kubernetes.io/is-default-class": "true"}
    made: list[Json] = [
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": f"{name}.csi.test"},
        {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": f"{name}.csi.test",
         "deletionPolicy": "Delete"},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": [
            {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list"]},
            {"apiGroups": ["snapshot.storage.k8s.io"], "resources": ["volumesnapshotclasses"], "verbs": ["list"]},
        ]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": "operator-0", "namespace": name}]},
    ]  # fmt: skip
    for each in made:
        annotations = default if each["kind"] == "VolumeSnapshotClass" else {}
        kubectl("create", "-f", "-", stdin={**each, "metadata": {"name": name, "annotations": annotations}})
    yield name
    kubectl("delete", "storageclass,volumesnapshotclass,clusterrole,clusterrolebinding", name, "--wait=false")


def _reason(kubectl: Kubectl) -> str:
    return str(condition(kubectl, "MilvusReady").get("reason", ""))


def _message(kubectl: Kubectl) -> str:
    return str(condition(kubectl, "MilvusReady").get("message", ""))


def _claims(kubectl: Kubectl) -> dict[str, str]:
    """Each claim of the namespace, with the snapshot that it was made from."""
    found = (kubectl.get("pvc") or {}).get("items", [])
    return {each["metadata"]["name"]: each["spec"].get("dataSource", {}).get("name", "") for each in found}


def _snapshots(kubectl: Kubectl) -> list[Json]:
    return list((kubectl.get("volumesnapshots", "-l", f"semanticrouter.dev/backup={BACKUP}") or {}).get("items", []))


def _from_snapshots(kubectl: Kubectl, backup: str) -> None:
    change = {"spec": {"milvus": {"managed": {"fromSnapshots": {"backup": backup}}}}}
    kubectl("patch", "sr/semantic-router", "--type=merge", "-p", json.dumps(change))


def _told_of(kubectl: Kubectl, snapshot: Json, status: Json) -> None:
    change = json.dumps({"status": status})
    name = snapshot["metadata"]["name"]
    kubectl("patch", "volumesnapshot", name, "--subresource=status", "--type=merge", "-p", change)


def test_a_lost_milvus_comes_back_from_snapshots(
    kubectl: Kubectl,
    operators: Operators,
    node: Node,
    resource: Json,
    classes: str,
    milvus_operator: Callable[[], None],
) -> None:
    volume = {"size": "2Gi", "storageClassName": classes}
    managed = {"storage": volume, "etcdStorage": volume, "auth": {"enabled": False}, "deletionPolicy": "Delete"}
    resource["spec"] |= {"migration": {"strategy": "immediate"}, "backup": {"preset": "staging"}}
    resource["spec"]["cache"]["backend"] = "hybrid"
    resource["spec"]["milvus"] = {"managed": managed}
    milvus_operator()
    operator = operators.start("--resync-seconds=1")
    kubectl("apply", "-f", "-", stdin=resource)
    eventually(lambda: set(_claims(kubectl)) == {ETCD, MINIO}, 120)
    eventually(lambda: ready_pods(kubectl) and condition(kubectl, "Migrating").get("reason") == "Completed", 180)

    # A backup, and snapshots of the class that is the default one of the volumes' driver.
    eventually(lambda: kubectl.get("cronjob/semantic-router-backup"))
    kubectl("create", "job", "semantic-router-backup-one", "--from=cronjob/semantic-router-backup")
    good = {"operation": "backup", "outcome": "succeeded", "name": BACKUP, "rows": 1, "bytes": 2, "message": "Saved."}
    node.fail_job("one", "backup", 0, json.dumps(good))
    eventually(lambda: len(_snapshots(kubectl)) == 2)
    assert {each["spec"].get("volumeSnapshotClassName") for each in _snapshots(kubectl)} == {classes}

    # Of a Milvus that is there nothing changes; and then it is lost.
    before = kubectl.get("milvus/semantic-router") or {}
    _from_snapshots(kubectl, "sr_another")
    generation = (kubectl.get("sr/semantic-router") or {})["metadata"]["generation"]
    eventually(lambda: (kubectl.get("sr/semantic-router") or {})["status"]["observedGeneration"] == generation)
    assert (kubectl.get("milvus/semantic-router") or {})["metadata"]["generation"] == before["metadata"]["generation"]
    kubectl("delete", "milvus/semantic-router", "--wait=false")

    # None is made without all that it is to begin with, whoever looks.
    eventually(lambda: _reason(kubectl) == "SnapshotsMissing")
    assert BACKUP in _message(kubectl)
    _from_snapshots(kubectl, BACKUP)
    eventually(lambda: _reason(kubectl) == "SnapshotsNotReady")
    first, second = _snapshots(kubectl)
    _told_of(kubectl, first, {"error": {"message": "the driver is away"}})
    eventually(lambda: "the driver is away" in _message(kubectl))
    assert _reason(kubectl) == "SnapshotFailed"
    operator.kill()
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": MINIO}}
    kubectl("create", "-f", "-", stdin={**head, "spec": claim})
    for each in (first, second):
        _told_of(kubectl, each, {"readyToUse": True, "restoreSize": "2Gi", "error": None})
    operator = operators.again(operator, "--resync-seconds=1")
    # A volume that is there is never replaced.
    eventually(lambda: _reason(kubectl) == "VolumeInTheWay")
    assert f"PersistentVolumeClaim/{MINIO}" in _message(kubectl)
    assert _claims(kubectl) == {MINIO: ""}
    assert kubectl.get("milvus/semantic-router") is None

    kubectl("delete", "pvc", MINIO, "--wait=false")
    kubectl("patch", "pvc", MINIO, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)
    eventually(lambda: kubectl.get("milvus/semantic-router"))
    expected = {name: f"{name}-{BACKUP.replace('_', '-')}" for name in (ETCD, MINIO)}
    assert _claims(kubectl) == expected
    # Its pods are well; nobody answers at its address.
    eventually(lambda: _reason(kubectl) == "AddressUnknown", 180)
    for each in (kubectl.get("pvc") or {}).get("items", []):
        assert each["spec"]["storageClassName"] == classes
        assert "ownerReferences" not in each["metadata"]
    assert (kubectl.get("milvus/semantic-router") or {})["metadata"]["uid"] != before["metadata"]["uid"]
