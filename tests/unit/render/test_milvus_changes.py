"""What a Milvus that is there cannot follow is not sent, and is told."""

from typing import Any

import pytest

from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.facts import BackupState, Claim, ClusterFacts, StorageFacts
from semantic_router_operator.render.milvus import milvus, refused_changes, waiting_upgrade
from semantic_router_operator.render.milvus_volumes import estimated_bytes, growth, tight, volume_problem
from semantic_router_operator.render.objects import render
from semantic_router_operator.render.quantity import quantity

Json = dict[str, Any]
KINDS = frozenset({"Milvus"})
FAST = StorageFacts({"fast": True, "slow": False}, default="fast")


def _resource(**managed: Any) -> Any:
    raw = {"metadata": {"name": "team", "namespace": "own", "uid": "u"}, "spec": {"milvus": {"managed": managed}}}
    return parse(raw)


def _spec(resource: Any, before: Json | None = None, storage: StorageFacts | None = FAST) -> Json:
    made = milvus(resource, ClusterFacts(kinds=KINDS, milvus={"team": before} if before else {}, storage=storage))
    assert made is not None
    spec: Json = made["spec"]
    return spec


def _after(before: Json, after: Json) -> tuple[Json, Json, list[str]]:
    first = _spec(_resource(**before))
    changed = _resource(**after)
    return first, _spec(changed, first), refused_changes(changed, ClusterFacts(kinds=KINDS, milvus={"team": first}))


@pytest.mark.parametrize("managed", [{}, {"mode": "cluster"}, {"version": "2.5.4"}, {"deletionPolicy": "Retain"}])
def test_the_same_again_changes_nothing(managed: Json) -> None:
    first, second, refused = _after(managed, managed)
    assert second == first
    assert refused == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            {"deletionPolicy": "Retain"},
            {"deletionPolicy": "Retain", "mode": "cluster"},
            "mode stays standalone and does not become cluster",
        ),
        ({"version": "2.6.4"}, {"version": "2.5.9"}, "version stays 2.6.4 and does not become 2.5.9"),
        ({"version": "2.6.4"}, {"version": "3.0.0"}, "a change of the major version needs a new Milvus"),
        ({"version": "2.5.15"}, {"version": "2.6.4"}, "the way to 2.6 leads over 2.5.16"),
        ({}, {"messageStream": "rocksmq"}, "messageStream stays woodpecker"),
        ({"storage": {"size": "20Gi"}}, {"storage": {"size": "10Gi"}}, "storage.size stays 20Gi"),
        ({"etcdStorage": {"size": "2Gi"}}, {"etcdStorage": {"size": "1Gi"}}, "a volume can grow only"),
        ({}, {"storage": {"storageClassName": "fast"}}, "storage.storageClassName stays unset"),
        ({"storage": {"storageClassName": "fast"}}, {}, "the class of a volume cannot change"),
    ],
)
def test_a_change_that_milvus_cannot_follow_is_told_and_not_sent(before: Json, after: Json, told: str) -> None:
    first, second, refused = _after(before, after)
    assert second == first
    (sentence,) = refused
    assert told in sentence
    assert sentence.startswith("spec.milvus.managed.")
    assert "Set it back to" in sentence


def test_an_upgrade_is_sent() -> None:
    _, second, refused = _after({"version": "2.5.4"}, {"version": "v2.5.9"})
    assert second["components"]["image"] == "milvusdb/milvus:v2.5.9"
    assert second["components"]["version"] == "v2.5.9"
    _, second, refused = _after({"version": "2.5.16"}, {"version": "2.6.4"})
    assert (second["components"]["version"], refused) == ("v2.6.4", [])
    # It came with rocksmq, and an upgrade to 2.6 would not give it another one.
    assert second["dependencies"]["msgStreamType"] == "rocksmq"
    assert refused == []


def test_a_new_release_of_this_operator_upgrades_no_milvus() -> None:
    first = _spec(_resource(version="2.5.4"))
    assert _spec(_resource(), first)["components"]["version"] == "v2.5.4"


def test_a_template_keeps_its_size_while_the_claims_grow() -> None:
    first = _spec(_resource(mode="cluster", storage={"size": "10Gi"}))
    claims = {f"export-team-minio-{number}": Claim("10Gi", "fast") for number in range(4)}
    claims["data-team-etcd-0"] = Claim("10Gi", "fast")
    claims["team-pulsar-bookie-ledgers-team-pulsar-bookie-0"] = Claim("10Gi", "fast")
    facts = ClusterFacts(kinds=KINDS, milvus={"team": first}, storage=StorageFacts({"fast": True}, "fast", claims))
    wider = _resource(mode="cluster", storage={"size": "40Gi"}, streamStorage={"size": "20Gi"})
    assert _spec(wider, first, facts.storage) == first
    found = growth(wider, wider.spec.milvus.managed, facts)
    assert {each["metadata"]["name"]: each["spec"]["resources"]["requests"]["storage"] for each in found.claims} == {
        **{f"export-team-minio-{number}": "40Gi" for number in range(4)},
        "team-pulsar-bookie-ledgers-team-pulsar-bookie-0": "20Gi",
    }
    assert found.refused == ()


def test_a_standalone_store_grows_by_its_chart_and_only_where_the_class_lets_it() -> None:
    first, wider = _spec(_resource()), _resource(storage={"size": "40Gi"})
    grown = _spec(wider, first, StorageFacts({"fast": True}, "fast", {"team-minio": Claim("10Gi", "fast")}))
    assert grown["dependencies"]["storage"]["inCluster"]["values"]["persistence"] == {"size": "40Gi"}
    fixed = StorageFacts({"slow": False}, "slow", {"team-minio": Claim("10Gi", "slow")})
    # Its chart would try for ever, and nothing else of the Milvus would be carried out.
    assert _spec(wider, first, fixed) == first
    (sentence,) = refused_changes(wider, ClusterFacts(kinds=KINDS, milvus={"team": first}, storage=fixed))
    assert "StorageClass slow of PersistentVolumeClaim/team-minio does not allow volumes to grow" in sentence


def test_the_volume_of_rocksmq_does_not_grow() -> None:
    first, wider = _spec(_resource(version="2.5.4")), _resource(version="2.5.4", streamStorage={"size": "20Gi"})
    assert _spec(wider, first) == first
    (sentence,) = refused_changes(wider, ClusterFacts(kinds=KINDS, milvus={"team": first}, storage=FAST))
    assert "the volume of rocksmq does not grow" in sentence


def test_without_a_class_nothing_is_begun() -> None:
    resource = _resource()
    managed = resource.spec.milvus.managed
    none = StorageFacts({"slow": False})
    assert "no default StorageClass" in volume_problem(managed, none)
    assert milvus(resource, ClusterFacts(kinds=KINDS, storage=none)) is None
    named = _resource(storage={"storageClassName": "gone"}).spec.milvus.managed
    assert "gone does not exist; there is slow" in volume_problem(named, none)
    # What may not be looked at is not held against anybody.
    assert volume_problem(managed, None) == ""
    # One that is there already is not given up because a class has gone.
    assert milvus(resource, ClusterFacts(kinds=KINDS, milvus={"team": _spec(resource)}, storage=none)) is not None


def test_an_object_store_too_small_for_the_cache_is_told() -> None:
    small = _resource(storage={"size": "1Gi"})
    assert "leaves room for 1 GiB" in tight(small, small.spec.milvus.managed)
    assert estimated_bytes(small) > quantity("1Gi")
    large = _resource(storage={"size": "20Gi"})
    assert tight(large, large.spec.milvus.managed) == ""


def test_a_policy_to_delete_removes_volumes_and_false_is_never_sent() -> None:
    for resource, policy in ((_resource(), "Delete"), (_resource(mode="cluster"), "Retain")):
        spec = _spec(resource)
        for dependency in ("etcd", "storage"):
            inside = spec["dependencies"][dependency]["inCluster"]
            assert inside["deletionPolicy"] == policy
            assert inside.get("pvcDeletion") == (True if policy == "Delete" else None)
        assert _falses(spec) == []


def _falses(tree: Any, path: str = "") -> list[str]:
    if isinstance(tree, dict):
        return [found for key, value in tree.items() for found in _falses(value, f"{path}.{key}")]
    return [path] if tree is False else []


SAVED: Json = {"backup": {"schedule": "0 2 * * *", "engine": "export", "s3": {
    "endpoint": "https://s3.example.com", "bucket": "backups", "credentialsSecretRef": {"name": "s3"}}}}  # fmt: skip


def _upgraded(spec: Json, **backups: BackupState) -> tuple[str, list[str], str, list[str]]:
    """The version that is sent, the backups that are to be there, what is waited for, and what is refused."""
    first = _spec(_resource(version="2.6.4"))
    raw = {"metadata": {"name": "team", "namespace": "own", "uid": "u"}, "spec": spec}
    resource = parse({**raw, "spec": {**spec, "milvus": {"managed": {"version": "2.6.9"}}}})
    named = {f"team-before-{name.removeprefix('to_').replace('_', '.')}": state for name, state in backups.items()}
    facts = ClusterFacts(kinds=KINDS, milvus={"team": first}, storage=FAST, backups=named)
    objects = render(resource, facts)
    made = next(each for each in objects if each["kind"] == "Milvus")["spec"]["components"]
    assert made["image"].endswith(made["version"])
    kept = [each["metadata"]["name"] for each in objects if each["kind"] == "SemanticCacheBackup"]
    return made["version"], kept, waiting_upgrade(resource, facts), refused_changes(resource, facts)


def test_an_upgrade_waits_for_a_backup_where_there_are_backups() -> None:
    assert _upgraded({}) == ("v2.6.9", [], "", [])
    for state in (None, BackupState("Running", "Job/x saves the cache."), BackupState("Pending", "No Secret.")):
        version, kept, waiting, refused = _upgraded(SAVED, **({"to_2_6_9": state} if state is not None else {}))
        assert (version, kept, refused) == ("v2.6.4", ["team-before-2.6.9"], [])
        assert "Milvus stays at 2.6.4 until SemanticCacheBackup/team-before-2.6.9 has succeeded" in waiting
        assert state is None or state.message in waiting
    version, kept, waiting, refused = _upgraded(SAVED, to_2_6_9=BackupState("Failed", "The bucket is full."))
    assert (version, kept, waiting) == ("v2.6.4", [], "")
    assert "The bucket is full. Delete SemanticCacheBackup/team-before-2.6.9 to try again" in refused[0]
    assert _upgraded(SAVED, to_2_6_9=BackupState("Succeeded", "Saved.")) == ("v2.6.9", [], "", [])
    # One for another version is no backup before this one.
    assert _upgraded(SAVED, to_2_6_8=BackupState("Succeeded", "Saved."))[0] == "v2.6.4"
    # Nothing of the cache is in a Milvus that no pod uses.
    assert _upgraded(SAVED | {"cache": {"backend": "memory"}, "router": {
        "adminTokenSecretRef": {"name": "admin", "key": "token"}}})[0] == "v2.6.9"  # fmt: skip
