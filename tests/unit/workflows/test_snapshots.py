"""Snapshots of Milvus' volumes: when they are cut, which go, and what is told of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.snapshots import claims_of, default_classes
from semantic_router_operator.workflows.snapshots import due, snapshots_told, surplus

Json = dict[str, Any]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOLD = {"lastName": "sr_3", "lastTime": "2026-11-21T11:59:00Z"}


def cut(backup: str, volume: str = "a", *, ready: bool = True, error: str = "", together: int = 1) -> Json:
    status: Json = {"readyToUse": ready} | ({"error": {"message": error}} if error else {})
    return {
        "metadata": {
            "name": f"{volume}-{backup}",
            "labels": {"semanticrouter.dev/backup": backup},
            "annotations": {"semanticrouter.dev/volume": json.dumps({"volumes": ["a", "b", "c"][:together]})},
            "creationTimestamp": f"2026-11-21T0{backup[-1]}:00:00Z",
        },
        "status": status,
    }


def test_volumes_are_cut_once_and_only_after_a_fresh_backup() -> None:
    assert due(TOLD, [], NOON) == "sr_3"
    assert due(TOLD, [cut("sr_2")], NOON) == "sr_3"
    assert due(TOLD, [cut("sr_3")], NOON) == ""
    assert due(TOLD, [], NOON + timedelta(hours=2)) == ""
    assert due({}, [], NOON) == ""
    # The operator was killed after the second of three.
    half = [cut("sr_3", volume, together=3) for volume in ("a", "b")]
    assert due(TOLD, half, NOON) == "sr_3"
    assert due(TOLD, [*half, cut("sr_3", "c", together=3)], NOON) == ""


def test_the_newest_that_can_be_used_are_kept() -> None:
    there = [cut("sr_1"), cut("sr_1", "b"), cut("sr_2"), cut("sr_3")]
    assert [each["metadata"]["name"] for each in surplus(there, 2)] == ["a-sr_1", "b-sr_1"]
    assert surplus(there, 3) == []
    assert surplus(there, 2, "sr_1") == []


def test_one_that_cannot_be_used_pushes_no_good_one_out() -> None:
    there = [cut("sr_1"), cut("sr_2"), cut("sr_3"), cut("sr_3", "b", ready=False)]
    assert surplus(there, 2) == []
    half = [cut("sr_1"), cut("sr_2"), cut("sr_3", together=2)]
    assert surplus(half, 2) == []
    told = snapshots_told(half)
    assert told is not None
    assert (told["ready"], told["volumes"]) == (1, 2)


def test_what_is_told() -> None:
    assert snapshots_told([]) is None
    told = snapshots_told([cut("sr_1"), cut("sr_2"), cut("sr_2", "b", ready=False, error="no such class")])
    assert told == {
        "backup": "sr_2",
        "time": "2026-11-21T02:00:00Z",
        "ready": 1,
        "volumes": 2,
        "consistency": "Crash",
        "message": "b-sr_2: no such class",
    }


def test_only_volumes_of_milvus_are_cut() -> None:
    resource = parse({"metadata": {"name": "web"}, "spec": {"milvus": {"managed": {}}, "backup": {}}})
    others = ["web-data", "web-models", "data-web2-etcd-0", "other-minio"]
    own = ["data-web-etcd-0", "export-web-minio-3", "web-minio", "web-pulsar-bookie-journal-web-pulsar-bookie-0"]
    assert claims_of(resource, "pulsar", [*others, *own]) == own
    assert claims_of(resource, "rocksmq", ["web-data", "web-models"]) == ["web-data"]


def test_it_is_told_where_no_class_was_found() -> None:
    told = snapshots_told([cut("sr_1", ready=False)])
    assert told is not None
    assert "spec.backup.snapshots.className" in told["message"]
    chosen = cut("sr_1", ready=False) | {"spec": {"volumeSnapshotClassName": "fast"}}
    assert "message" not in (snapshots_told([chosen]) or {})


def test_the_class_is_the_one_default_of_the_driver() -> None:
    def named(name: str, default: bool = True, **fields: str) -> Json:
        key = "snapshot.storage.kubernetes.io/is-default-class"
        return {"metadata": {"name": name, "annotations": {key: "true"} if default else {}}, **fields}

    storage = [named("fast", provisioner="csi.a"), named("slow", provisioner="csi.b"), named("odd", provisioner="c")]
    classes = [
        named("one", driver="csi.a"), named("two", default=False, driver="csi.a"),
        named("three", driver="csi.b"), named("four", driver="csi.b"),
    ]  # fmt: skip
    assert default_classes(storage, classes) == {"fast": "one"}
