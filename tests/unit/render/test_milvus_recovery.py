"""What volumes of a new Milvus are made of, and what stands in the way of it."""

import json
from typing import Any

import pytest

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.milvus import milvus
from semantic_router_operator.render.milvus_changes import settled
from semantic_router_operator.render.milvus_recovery import Recovery, recovery
from semantic_router_operator.render.snapshots import VOLUME_ANNOTATION, snapshots_of

Json = dict[str, Any]
BACKUP = "sr_20261121_020000_ab12"
STANDALONE = ("data-team-etcd-0", "team-minio")
CLUSTER = (
    *(f"data-team-etcd-{number}" for number in range(3)),
    *(f"export-team-minio-{number}" for number in range(4)),
    "team-pulsar-bookie-journal-team-pulsar-bookie-0",
)
HELM = {"meta.helm.sh/release-name": "team-minio", "meta.helm.sh/release-namespace": "own"}


def _resource(**managed: Any) -> Any:
    managed = {"fromSnapshots": {"backup": BACKUP}} | managed
    spec = {"milvus": {"managed": managed}, "backup": {"preset": "staging"}}
    return parse({"metadata": {"name": "team", "namespace": "own", "uid": "u"}, "spec": spec})


def _claim(name: str, size: str = "10Gi", **spec: Any) -> Json:
    head = {"name": name, "labels": {"release": "team-minio"}, "annotations": {**HELM, "pv.kubernetes.io/bound": "yes"}}
    whole = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": "fast"}
    return {"metadata": head, "spec": whole | spec}


def _cut(*claims: str, ready: bool = True, **managed: Any) -> list[Json]:
    resource = _resource(**managed)
    final = settled(resource.spec.milvus.managed, None)
    found = snapshots_of(resource, final, [_claim(name) for name in claims], BACKUP, {})
    return [each | {"status": {"readyToUse": ready, "restoreSize": "10Gi"}} for each in found]


def _look(snapshots: list[Json], claims: list[Json] | None = None, **managed: Any) -> Recovery:
    resource = _resource(**managed)
    return recovery(resource, resource.spec.milvus.managed, snapshots, claims or [])


def test_claims_are_made_as_they_were() -> None:
    found = _look(_cut(*STANDALONE), storage={"size": "20Gi"})
    assert (found.reason, [each["metadata"]["name"] for each in found.claims]) == ("", list(STANDALONE))
    minio = found.claims[1]
    assert minio["metadata"]["labels"] == {"release": "team-minio"}
    # Helm takes over what bears its marks; others are left out, and nobody owns the claim.
    assert minio["metadata"]["annotations"] == HELM
    assert "ownerReferences" not in minio["metadata"]
    assert minio["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "fast",
        "dataSource": {
            "apiGroup": "snapshot.storage.k8s.io",
            "kind": "VolumeSnapshot",
            "name": "team-minio-sr-20261121-020000-ab12",
        },
    }
    etcd = _look(_cut(*STANDALONE), etcdStorage={"storageClassName": "slow"}).claims[0]
    assert etcd["spec"]["storageClassName"] == "slow"


@pytest.mark.parametrize(
    ("volumes", "managed"),
    [
        (CLUSTER, {"mode": "cluster"}),
        ((*STANDALONE, "team-data"), {"version": "2.5.4"}),
        (CLUSTER[:-1], {"mode": "cluster", "messageStream": "woodpecker"}),
    ],
)
def test_each_kind_of_milvus_gets_all_its_volumes(volumes: tuple[str, ...], managed: Json) -> None:
    found = _look(_cut(*volumes, **managed), **managed)
    assert found.reason == ""
    assert {each["metadata"]["name"] for each in found.claims} == set(volumes)


def test_one_that_was_cut_short_goes_on_and_ends() -> None:
    snapshots = _cut(*STANDALONE)
    first, second = _look(snapshots).claims
    assert _look(snapshots, [first]).claims == (second,)
    assert _look(snapshots, [first, second]) == Recovery()


def _without(snapshots: list[Json], number: int) -> list[Json]:
    return [each for index, each in enumerate(snapshots) if index != number]


def _with(snapshot: Json, **change: Any) -> Json:
    return snapshot | {"metadata": snapshot["metadata"] | change}


FAILED = [each | {"status": {"error": {"message": "driver is\n gone."}}} for each in _cut(*STANDALONE)]
DELETED = [_with(each, deletionTimestamp="2026-11-21T02:00:00Z") for each in _cut(*STANDALONE)]
MUTE = [_with(each, annotations={VOLUME_ANNOTATION: "{}"}) for each in _cut(*STANDALONE)]
OTHER = json.loads(
    json.dumps(_cut(*STANDALONE)).replace('\\"name\\":\\"team\\"', '\\"name\\":\\"team-milvus-cluster\\"')
)


@pytest.mark.parametrize(
    ("snapshots", "claims", "managed", "reason", "words"),
    [
        ([], [], {}, "SnapshotsMissing", "there is none"),
        (_cut(*STANDALONE), [], {"fromSnapshots": {"backup": "sr_1"}}, "SnapshotsMissing", f"there is {BACKUP}"),
        (DELETED, [], {}, "SnapshotsMissing", "no VolumeSnapshot of the backup"),
        (_without(_cut(*STANDALONE), 0), [], {}, "SnapshotsMissing", "no VolumeSnapshot of data-team-etcd-0"),
        (_cut("data-team-etcd-0"), [], {}, "SnapshotsMissing", "no VolumeSnapshot of team-minio"),
        (MUTE, [], {}, "SnapshotsUnusable", "does not say of which claim"),
        ([*_cut(*STANDALONE), *_cut("team-minio")], [], {}, "SnapshotsUnusable", "not the only one"),
        (OTHER, [], {}, "SnapshotsUnfit", "are of Milvus/team-milvus-cluster"),
        (_cut(*STANDALONE), [], {"mode": "cluster"}, "SnapshotsUnfit", "set spec.milvus.managed.mode to standalone"),
        (_cut(*STANDALONE), [], {"version": "2.6.4"}, "SnapshotsUnfit", "set spec.milvus.managed.version to 2.6.24"),
        (_cut(*STANDALONE, ready=False), [], {}, "SnapshotsNotReady", "0 of 2 snapshots"),
        (FAILED, [], {}, "SnapshotFailed", "driver is gone. See"),
        (_cut(*STANDALONE), [], {"storage": {"size": "5Gi"}}, "VolumeTooSmall", "set it to 10Gi or more"),
        (_cut(*STANDALONE), [_claim("team-minio")], {}, "VolumeInTheWay", "was not made from VolumeSnapshot/"),
        (_cut(*STANDALONE), [_claim("data-team-etcd-1")], {}, "VolumeInTheWay", "no snapshot of the backup is of it"),
        (_cut(*STANDALONE), [_with(_claim("team-minio"), deletionTimestamp="now")], {}, "VolumeInTheWay", "anew after"),
    ],
)  # fmt: skip
def test_nothing_is_made_of_what_would_not_do(
    snapshots: list[Json], claims: list[Json], managed: Json, reason: str, words: str
) -> None:
    found = _look(snapshots, claims, **managed)
    assert (found.claims, found.reason) == ((), reason)
    assert words in found.message


def test_no_milvus_is_made_before_its_volumes_and_the_one_that_is_there_stays() -> None:
    resource, kinds = _resource(), frozenset({"Milvus"})
    waiting = ClusterFacts(kinds=kinds, awaiting=frozenset({"team"}))
    assert milvus(resource, waiting) is None
    made = milvus(resource, ClusterFacts(kinds=kinds))
    assert made is not None
    assert milvus(resource, ClusterFacts(kinds=kinds, milvus={"team": made["spec"]}, awaiting=waiting.awaiting)) == made
