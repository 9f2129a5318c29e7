"""What the operator says of a resource, whatever the API server let through."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_operator.api.validate import InvalidResource, parse

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def _resource(**spec: Any) -> dict[str, Any]:
    base = {"providers": [{"name": "p", "baseURL": "http://vllm/v1"}], "models": [{"name": "m", "provider": "p"}]}
    return {"kind": "SemanticRouter", "metadata": {"name": "semantic-router"}, "spec": base | spec}


def _problems(**spec: Any) -> list[str]:
    with pytest.raises(InvalidResource) as caught:
        parse(_resource(**spec))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_valid(file: Path) -> None:
    for raw in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        assert parse(raw).metadata.name


def test_the_smallest_resource_has_working_defaults() -> None:
    resource = parse(_resource())
    assert resource.backend == "memory"
    assert resource.spec.router.replicas == 1
    assert resource.spec.cache.similarity_threshold == 0.85


@pytest.mark.parametrize(("profile", "replicas"), [("development", 1), ("staging", 2), ("production", 3)])
def test_profiles_fill_what_is_open(profile: str, replicas: int) -> None:
    assert parse(_resource(profile=profile)).spec.router.replicas == replicas
    assert parse(_resource(profile=profile, router={"replicas": 7})).spec.router.replicas == 7


def test_a_profile_fills_single_fields_beside_those_that_are_set() -> None:
    resource = parse(_resource(profile="production", router={"resources": {"requests": {"cpu": "4"}}}))
    assert resource.spec.router.resources is not None
    assert resource.spec.router.resources.requests.cpu == "4"
    assert resource.spec.router.resources.requests.memory == "1Gi"


def test_a_profile_never_brings_replicas_back_under_an_autoscaler() -> None:
    resource = parse(_resource(profile="production", router={"autoscaling": {}}))
    assert resource.autoscaled
    assert resource.spec.router.replicas is None


def test_the_backend_follows_from_milvus() -> None:
    assert parse(_resource(milvus={"embedded": {}})).backend == "hybrid"
    assert parse(_resource(milvus={"embedded": {}}, cache={"backend": "milvus"})).backend == "milvus"
    assert parse(_resource(profile="production", milvus={"embedded": {}})).spec.router.replicas == 1


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"models": [{"name": "m", "provider": "q"}]}, "spec.models[0].provider: is not one of spec.providers (is q)"),
        ({"routing": {"defaultModel": "x"}}, "spec.routing.defaultModel: is not one of spec.models (is x)"),
        ({"cache": {"backend": "hybrid"}}, "spec.milvus: is needed for cache.backend hybrid"),
        ({"milvus": {}}, "spec.milvus: must have exactly one of managed, external and embedded"),
        (
            {"milvus": {"embedded": {}, "external": {"address": "h:1"}}},
            "spec.milvus: must have exactly one of managed, external and embedded",
        ),
        (
            {"milvus": {"embedded": {}}, "router": {"replicas": 2}},
            "spec.router: milvus.embedded serves one pod: set replicas to 1 and no autoscaling",
        ),
        ({"cache": {"similarityTreshold": 0.9}}, "spec.cache.similarityTreshold: unknown field (is 0.9)"),
        (
            {"cache": {"similarityThreshold": 2}},
            "spec.cache.similarityThreshold: Input should be less than or equal to 1 (is 2)",
        ),
        (
            {"router": {"resources": {"requests": {"cpu": "lots"}}}},
            "spec.router.resources.requests.cpu: must be a quantity such as 500m, 2 or 1Gi (is 'lots')",
        ),
        ({"models": [{"name": "m", "provider": "p"}] * 2}, "spec.models: has two entries of one name (is m)"),
        (
            {"routing": {"signals": {"keywords": [{"name": "k", "keywords": ["a"]}] * 2}}},
            "spec.routing.signals.keywords: has two entries of one name (is k)",
        ),
        (
            {"routing": {"signals": {"callers": [{"name": "c", "users": ["a"]}] * 2}}},
            "spec.routing.signals.callers: has two entries of one name (is c)",
        ),
        (
            {"models": [{"name": "m", "provider": "p", "fallbacks": ["m"]}]},
            "spec.models[0].fallbacks[0]: is not another of spec.models (is m)",
        ),
        (
            {
                "routing": {
                    "decisions": [
                        {
                            "name": "d",
                            "rules": {"conditions": [{"type": "keyword", "name": "x"}]},
                            "modelRefs": [{"model": "m"}],
                        }
                    ]
                }
            },
            "spec.routing.decisions[0].rules.conditions[0].name: names no keyword signal (is x)",
        ),
        (
            {"routing": {"decisions": [{"name": "d", "rules": {}, "modelRefs": [{"model": "m"}]}]}},
            "spec.routing.decisions[0].rules: needs conditions or groups",
        ),
        (
            {
                "routing": {
                    "decisions": [
                        {
                            "name": "d",
                            "rules": {"groups": [{"conditions": [{"type": "caller", "name": "x"}]}]},
                            "modelRefs": [{"model": "m"}],
                        }
                    ]
                }
            },
            "spec.routing.decisions[0].rules.groups[0].conditions[0].name: names no caller signal (is x)",
        ),
    ],
)
def test_a_problem_names_field_value_and_way_out(spec: dict[str, Any], expected: str) -> None:
    assert expected in _problems(**spec)


def test_signals_of_two_types_may_share_a_name() -> None:
    signals = {"keywords": [{"name": "x", "keywords": ["a"]}], "embeddings": [{"name": "x", "candidates": ["a"]}]}
    assert parse(_resource(routing={"signals": signals})).spec.routing.signals.keywords[0].name == "x"


def test_a_url_with_credentials_is_refused_without_showing_them() -> None:
    (problem,) = _problems(providers=[{"name": "p", "baseURL": "http://user:canary@vllm/v1"}])
    assert problem.startswith("spec.providers[0].baseURL: ")
    assert "canary" not in problem


@pytest.mark.parametrize(
    "spec",
    [
        None,
        "x",
        3,
        [],
        {"providers": "x"},
        {"router": None},
        {"router": 3},
        {"router": {"autoscaling": "yes"}},
        {"milvus": 3},
        {"profile": {"a": 1}},
        {"models": [None]},
    ],
)
def test_odd_specs_are_refused_or_read_but_never_crash(spec: Any) -> None:
    raw = {"metadata": {"name": "a"}, "spec": spec}
    try:
        name = parse(raw).metadata.name
    except InvalidResource as error:
        name = error.problems[0].path[:0] + "a"
    assert name == "a"
