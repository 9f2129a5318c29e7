"""The resource's definition and everything that is rendered, before the real API server."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Json, Kubectl

from semantic_router_operator.cli import to_yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
CASES = sorted((ROOT / "tests" / "golden" / "cases").iterdir())
# Groups whose definitions come with other programs; tests/unit/render/test_schemas.py has theirs.
FOREIGN = ("monitoring.coreos.com/", "gateway.networking.k8s.io/", "milvus.io/", "cert-manager.io/")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_stored_as_it_was_written(kubectl: Kubectl, file: Path) -> None:
    """Nothing is dropped for being unknown, and nothing is filled in that the operator would have to fight over."""
    (written,) = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    kubectl("apply", "--server-side", "-f", "-", stdin=written)
    stored = kubectl.get("sr", written["metadata"]["name"])
    assert stored is not None
    assert stored["spec"] == written["spec"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_api_server_takes_what_is_rendered(kubectl: Kubectl, case: Path) -> None:
    objects = []
    for each in yaml.safe_load_all((case / "objects.yaml").read_text(encoding="utf-8")):
        if not each["apiVersion"].startswith(FOREIGN):
            each["metadata"]["namespace"] = kubectl.namespace
            objects.append(each)
    told = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=to_yaml(objects))
    assert told.count("serverside-applied (server dry run)") == len(objects)


def _with(resource: Json, path: str, value: Any) -> Json:
    changed = copy.deepcopy(resource)
    place = changed["spec"]
    *way, last = path.split(".")
    for key in way:
        place = place.setdefault(key, {})
    place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("similarityThreshold", 0.9, "similarityThreshold"),
        ("cache.similarityTreshold", 0.9, "similarityTreshold"),
        ("models", [{"name": "m", "provider": "gone"}], "every model's provider must be one of spec.providers"),
        ("models", [{"name": "m", "provider": "vllm", "fallbacks": ["m"]}], "fallbacks must be other models"),
        ("routing.defaultModel", "gone", "routing.defaultModel must be one of spec.models"),
        (
            "routing.decisions",
            [
                {
                    "name": "d",
                    "rules": {"conditions": [{"type": "caller", "name": "x"}]},
                    "modelRefs": [{"model": "small"}],
                }
            ],
            "must name a signal of its type",
        ),
        (
            "routing",
            {
                "signals": {"keywords": [{"name": "x", "keywords": ["a"]}]},
                "decisions": [
                    {
                        "name": "d",
                        "rules": {"groups": [{"conditions": [{"type": "language", "name": "x"}]}]},
                        "modelRefs": [{"model": "small"}],
                    }
                ],
            },
            "must name a signal of its type",
        ),
        (
            "routing.signals.keywords",
            [{"name": "twice", "keywords": ["a"]}, {"name": "twice", "keywords": ["b"]}],
            'duplicate entries for key [name="twice"]',
        ),
        ("cache.backend", "hybrid", "needs spec.milvus"),
        ("cache.verifyThreshold", 0.9, "verifyThreshold must be below similarityThreshold"),
        ("cache.embedding", {"backend": "openai"}, "backend openai needs baseURL"),
        ("cache.embedding", {"files": {"claimName": "a", "storage": {}}}, "exactly one of claimName and storage"),
        ("milvus", {"embedded": {}, "external": {"address": "h:1"}}, "set exactly one of managed, external"),
        ("router.autoscaling", {}, "remove replicas"),
        ("router.podDisruptionBudget", {"minAvailable": 1, "maxUnavailable": 1}, "not both"),
        ("router.resources.requests.cpu", "lots", "router.resources.requests.cpu"),
    ],
)
def test_a_wrong_resource_never_enters(kubectl: Kubectl, resource: Json, path: str, value: Any, named: str) -> None:
    done = kubectl.run("apply", "--server-side", "-f", "-", stdin=_with(resource, path, value))
    assert done.returncode != 0
    assert named in done.stderr


def test_what_a_later_version_wrote_is_dropped_and_the_rest_loads(kubectl: Kubectl, resource: Json) -> None:
    later = _with(resource, "cache.fromTheFuture", True)
    kubectl("create", "--validate=ignore", "-f", "-", stdin=later)
    stored = kubectl.get("sr", "semantic-router")
    assert stored is not None
    assert stored["spec"] == resource["spec"]


def test_scaling_sets_replicas_that_the_resource_left_to_its_profile(kubectl: Kubectl, resource: Json) -> None:
    del resource["spec"]["router"]
    kubectl("create", "-f", "-", stdin=resource)
    kubectl("scale", "sr/semantic-router", "--replicas=3")
    stored = kubectl.get("sr", "semantic-router")
    assert stored is not None
    assert stored["spec"]["router"] == {"replicas": 3}


def test_what_kubernetes_cannot_change_is_refused_at_once(kubectl: Kubectl, resource: Json) -> None:
    before = _with(_with(resource, "router.replicas", 1), "milvus", {"embedded": {"storage": {"size": "1Gi"}}})
    kubectl("apply", "--server-side", "-f", "-", stdin=before)
    kubectl("apply", "--server-side", "-f", "-", stdin=_with(before, "milvus.embedded.storage.size", "2Gi"))
    done = kubectl.run(
        "apply", "--server-side", "-f", "-", stdin=_with(before, "milvus.embedded.storage.storageClassName", "fast")
    )
    assert "storageClassName of a volume cannot be changed" in done.stderr
