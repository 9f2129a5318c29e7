"""What a backup's pods are given: no right, no key in a file, and nothing while it would be of no use."""

import json
from typing import Any

import pytest

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.render.backup_config import backup_config, engine_of
from semantic_router_operator.render.backups import backup_objects, obstacle
from semantic_router_operator.render.facts import ClusterFacts

Json = dict[str, Any]
S3: Json = {"endpoint": "https://s3.test", "bucket": "backups", "credentialsSecretRef": {"name": "store-keys"}}
TOKEN: Json = {"adminTokenSecretRef": {"name": "admin", "key": "token"}}


def resource(spec: Json, hibernate: str = "") -> SemanticRouter:
    annotations = {"semanticrouter.dev/hibernate": hibernate}
    return parse({"metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": spec})


MANAGED = {"milvus": {"managed": {}}, "backup": {}}
EXTERNAL = {"milvus": {"external": {"address": "milvus:19530"}}, "backup": {"s3": S3}}
MEMORY = {"router": TOKEN, "backup": {"s3": S3}}


def objects(spec: Json, hibernate: str = "") -> dict[str, Json]:
    found = backup_objects(resource(spec, hibernate), ClusterFacts(operator_image="operator:1"))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


@pytest.mark.parametrize(
    ("profile", "schedule", "retention", "replication", "cuts"),
    [
        ("development", "0 2 * * 0", 2, "off", None),
        ("staging", "0 2 * * *", 7, "off", True),
        ("production", "0 */6 * * *", 14, "verify", None),
    ],
)
def test_presets(profile: str, schedule: str, retention: int, replication: str, cuts: bool | None) -> None:
    by_profile = resource({"profile": profile, **MANAGED}).spec.backup
    by_name = resource({"milvus": {"managed": {}}, "backup": {"preset": profile}}).spec.backup
    assert by_profile is not None
    assert by_name is not None
    for each in (by_profile, by_name):
        assert (each.schedule, each.retention, each.replication) == (schedule, retention, replication)
        assert each.snapshots.enabled == cuts
    own = resource({"milvus": {"managed": {}}, "backup": {"preset": profile, "retention": 3}}).spec.backup
    assert own is not None
    assert (own.schedule, own.retention) == (schedule, 3)


def test_a_preset_cuts_no_volumes_that_nobody_knows() -> None:
    backup = resource({"profile": "staging", **EXTERNAL}).spec.backup
    assert backup is not None
    assert backup.snapshots.enabled is None


@pytest.mark.parametrize(("spec", "engine"), [(MANAGED, "milvus-backup"), (EXTERNAL, "export"), (MEMORY, "export")])
def test_the_engine_follows_from_where_entries_are(spec: Json, engine: str) -> None:
    assert engine_of(resource(spec)) == engine
    config = backup_config(resource(spec))
    assert (config.milvus_storage is not None) == (engine == "milvus-backup")


def test_the_pods_have_no_rights_and_their_file_no_keys() -> None:
    for spec in (MANAGED, EXTERNAL, MEMORY):
        found = objects(spec)
        pod = found["CronJob/web-backup"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == "web-backup"
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in (*pod["initContainers"], *pod["containers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            secret = [each for each in container.get("env", ()) if "KEY" in each["name"] or "PASSWORD" in each["name"]]
            assert all("secretKeyRef" in each["valueFrom"] for each in secret)
        text = json.dumps(found["ConfigMap/web-backup"])
        assert "store-keys" not in text
        assert "admin" not in text.replace("admin-token", "").replace("admin:", "")


def test_every_container_is_bounded_by_the_section() -> None:
    found = objects({**EXTERNAL, "backup": {"s3": S3, "resources": {"limits": {"memory": "3Gi"}}, "verify": "weekly"}})
    for name in ("CronJob/web-backup", "CronJob/web-drill"):
        pod = found[name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        limits = [each["resources"]["limits"] for each in (*pod["initContainers"], *pod["containers"])]
        assert limits == [{"memory": "3Gi"}] * len(limits)


@pytest.mark.parametrize(
    ("spec", "hibernate", "held"),
    [
        (MANAGED, "", False),
        (MANAGED, "on", True),
        ({**MANAGED, "backup": {"suspend": True}}, "", True),
        ({**MEMORY, "router": {**TOKEN, "replicas": 0}}, "", True),
    ],
)
def test_a_schedule_rests_while_it_would_be_of_no_use(spec: Json, hibernate: str, held: bool) -> None:
    assert objects(spec, hibernate)["CronJob/web-backup"]["spec"]["suspend"] is held


def test_without_a_cache_there_is_nothing_to_save() -> None:
    off = {**EXTERNAL, "cache": {"enabled": False}}
    assert objects(off) == {}
    assert "switched off" in obstacle(resource(off))
