"""What a restore adds for its time, against files."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.cli import to_yaml
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import State
from semantic_router_operator.workflows.placement import Placement
from semantic_router_operator.workflows.restore import begun
from semantic_router_operator.workflows.restore_objects import objects_while
from semantic_router_operator.workflows.restore_verdicts import Saved

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "restores"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACTS = ClusterFacts(default_image="router:1", operator_image="operator:1")
S3: Json = {
    "endpoint": "https://s3.eu-central-1.amazonaws.com",
    "bucket": "backups",
    "credentialsSecretRef": {"name": "backup-s3"},
}
BASE: Json = {
    "providers": [{"name": "vllm", "baseURL": "http://vllm.models.svc:8000/v1"}],
    "models": [{"name": "small", "provider": "vllm"}],
    "networkPolicy": {},
    "backup": {"preset": "production", "s3": S3},
}
EXTERNAL: Json = {
    "router": {"replicas": 2},
    "milvus": {
        "external": {
            "address": "milvus.milvus.svc:19530",
            "credentialsSecretRef": {"name": "milvus-auth"},
            "tls": {"secretRef": {"name": "milvus-tls"}},
        }
    },
}
MANAGED: Json = {"router": {"replicas": 2}, "milvus": {"managed": {}}, "backup": {"preset": "production"}}
ONE: Json = {"router": {"replicas": 1, "adminTokenSecretRef": {"name": "admin", "key": "token"}}}
EMBEDDED: Json = {**ONE, "milvus": {"embedded": {"storage": {"size": "5Gi"}}}}
ASKED: Json = {"routerRef": {"name": "semantic-router"}, "backup": {"before": "2026-11-21T10:00:00Z"}}
ELSEWHERE: Json = {
    **ASKED,
    "storage": {
        **S3,
        "endpoint": "http://minio.backups.svc:9000",
        "prefix": "other/router",
        "caSecretRef": {"name": "backup-ca"},
    },
}


def _resource(spec: Json) -> SemanticRouter:
    return parse({"metadata": {"name": "semantic-router", "namespace": "own", "uid": "uid"}, "spec": {**BASE, **spec}})


def _objects(spec: Json, asked: Json, step: str, engine: str = "export") -> list[Json]:
    resource = _resource(spec)
    placement = Placement.wanted(resource)
    begin = begun("uid-1", "one", RestoreSpec.model_validate(asked), placement, NOW)
    restore = replace(
        begin,
        progress=Progress(step, NOW),
        saved=Saved("sr_20261121_080000_ab12", engine, 7, 900) if step != steps.CHECKING else Saved(),
        previous="semantic_cache_v1",
    )
    return objects_while(resource, State(placement), restore, FACTS)


@pytest.mark.parametrize(
    ("name", "spec", "asked", "step", "engine"),
    [
        ("check", EXTERNAL, ASKED, steps.CHECKING, ""),
        ("check-elsewhere", {**EXTERNAL, "backup": None}, ELSEWHERE, steps.CHECKING, ""),
        ("load-export", EXTERNAL, ASKED, steps.LOADING, "export"),
        ("load-milvus-backup", MANAGED, ASKED, steps.LOADING, "milvus-backup"),
        ("load-into-milvus-lite", EMBEDDED, {**ASKED, "serving": "stopped"}, steps.LOADING, "export"),
        ("switch", EXTERNAL, ASKED, steps.SWITCHING, "export"),
        ("switch-back", EXTERNAL, ASKED, steps.SWITCHING_BACK, "export"),
        ("drop", EXTERNAL, ASKED, steps.DROPPING, "export"),
    ],
)
def test_added_objects(name: str, spec: Json, asked: Json, step: str, engine: str, update_golden: bool) -> None:
    objects = _objects(spec, asked, step, engine)
    added = [each for each in objects if each["metadata"]["labels"].get("app.kubernetes.io/component") == "restore"]
    _compare(name, to_yaml(added), update_golden=update_golden)
    assert sum(each["kind"] == "Job" for each in added) == 1


@pytest.mark.parametrize("step", sorted(steps.ASIDE))
def test_a_router_that_is_set_aside_answers_from_memory(step: str) -> None:
    objects = _objects(EXTERNAL, ASKED, step)
    config = next(each for each in objects if each["metadata"]["name"] == "semantic-router-config")
    assert "backend_type: memory" in config["data"]["config.yaml"]
    assert _deployment(objects)["replicas"] == 2
    # What the pods that leave still read stands until they are gone.
    assert any(each["metadata"]["name"] == "milvus-client-config" for each in objects)


def test_a_router_that_is_stopped_has_no_pods_and_no_autoscaler() -> None:
    spec = {**EXTERNAL, "router": {"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}}
    kinds = {each["kind"] for each in _objects(spec, ASKED, steps.CHECKING)}
    assert "HorizontalPodAutoscaler" in kinds
    objects = _objects(spec, {**ASKED, "serving": "stopped"}, steps.LOADING)
    assert _deployment(objects)["replicas"] == 0
    assert "HorizontalPodAutoscaler" not in {each["kind"] for each in objects}
    back = _objects(spec, {**ASKED, "serving": "stopped"}, steps.RETURNING)
    assert "HorizontalPodAutoscaler" in {each["kind"] for each in back}


@pytest.mark.parametrize("step", ["Checking", "Loading", "Validating", "RollingBack"])
def test_no_backup_begins_by_itself_while_one_is_restored(step: str) -> None:
    jobs = [each for each in _objects(EXTERNAL, ASKED, step) if each["kind"] == "CronJob"]
    assert all(each["spec"]["suspend"] for each in jobs)


def _deployment(objects: list[Json]) -> Json:
    return dict(next(each["spec"] for each in objects if each["kind"] == "Deployment"))


def _compare(name: str, text: str, *, update_golden: bool) -> None:
    expected = FOLDER / f"{name}.yaml"
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
