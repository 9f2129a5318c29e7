"""What a migration adds for its time, against files: its Job, its configurations and its NetworkPolicy."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.validate import parse
from semantic_router_operator.cli import to_yaml
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import Migration, State
from semantic_router_operator.workflows.migration_objects import objects_of
from semantic_router_operator.workflows.placement import Placement

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "migrations"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE: Json = {
    "router": {"replicas": 2, "adminTokenSecretRef": {"name": "admin", "key": "token"}},
    "providers": [{"name": "vllm", "baseURL": "http://vllm.models.svc:8000/v1"}],
    "models": [{"name": "small", "provider": "vllm"}],
    "networkPolicy": {},
}
MEMORY: Json = {"cache": {"backend": "memory"}}
HYBRID: Json = {
    "cache": {"backend": "hybrid"},
    "milvus": {
        "external": {
            "address": "milvus.milvus.svc:19530",
            "credentialsSecretRef": {"name": "milvus-auth"},
            "tls": {"secretRef": {"name": "milvus-tls"}},
        }
    },
}
OTHER: Json = {**HYBRID, "milvus": {"external": {"address": "other.milvus.svc:19530"}}}
MODEL: Json = {**HYBRID, "cache": {"backend": "hybrid", "embedding": {"revision": "2"}}}


def _resource(spec: Json) -> SemanticRouter:
    return parse({"metadata": {"name": "semantic-router", "namespace": "own", "uid": "uid"}, "spec": {**BASE, **spec}})


@pytest.mark.parametrize(
    ("name", "source", "target", "step"),
    [
        ("verify", MEMORY, HYBRID, steps.VERIFYING),
        ("warm-from-pods", MEMORY, HYBRID, steps.WARMING),
        ("copy-between-stores", HYBRID, OTHER, steps.WARMING),
        ("reembed", HYBRID, MODEL, steps.REEMBEDDING),
        ("restore-model", HYBRID, MODEL, steps.RESTORING_MODEL),
    ],
)
def test_added_objects(name: str, source: Json, target: Json, step: str, update_golden: bool) -> None:
    before, after = (Placement.wanted(_resource(spec)) for spec in (source, target))
    migration = Migration("abcd1234", "cause", before, after, NOW, Progress(step, NOW))
    objects = objects_of(_resource(target), State(before, migration), ClusterFacts(default_image="router:1"))
    added = [each for each in objects if each["metadata"]["labels"].get("app.kubernetes.io/component") == "migration"]
    expected, text = FOLDER / f"{name}.yaml", to_yaml(added)
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert sum(each["kind"] == "Job" for each in added) == 1
