"""What only the router can refuse is told in the resource's words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.objects import render

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
BASE: dict[str, Any] = {
    "providers": [{"name": "p", "baseURL": "http://vllm/v1"}],
    "models": [{"name": "m", "provider": "p"}],
}
DECISION: dict[str, Any] = {
    "name": "d",
    "rules": {"conditions": [{"type": "keyword", "name": "k"}]},
    "modelRefs": [{"model": "m"}],
}


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        (
            {"milvus": {"external": {"address": "milvus:19530"}, "collection": {"indexParams": {"nlist": 8}}}},
            "spec.milvus.collection",
            "nlist is not a parameter of index type HNSW",
        ),
        (
            {"milvus": {"embedded": {}, "collection": {"indexType": "IVF_PQ"}}},
            "spec.milvus",
            "not supported by Milvus Lite",
        ),
        (
            {"routing": {"signals": {"domains": [{"name": "cooking"}]}}},
            "spec.routing.signals.domains[0]",
            "needs mmlu_categories, a description, or examples",
        ),
        (
            {
                "routing": {
                    "signals": {"keywords": [{"name": "k", "keywords": ["a"]}]},
                    "decisions": [DECISION | {"chooseBy": "cost"}],
                }
            },
            "spec",
            "choose_by cost needs the pricing of m",
        ),
        (
            {"cache": {"verifyThreshold": 0.9, "verifier": {"model": "m"}}},
            "spec.cache",
            "must be below similarity_threshold",
        ),
    ],
)
def test_a_refusal_names_the_field_of_the_resource(spec: dict[str, Any], path: str, words: str) -> None:
    resource = parse({"metadata": {"name": "a"}, "spec": BASE | spec})
    with pytest.raises(InvalidResource) as caught:
        render(resource, ClusterFacts())
    (problem,) = caught.value.problems
    assert problem.path == path
    assert words in problem.message


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_router_refuses_no_example(file: Path) -> None:
    for raw in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        assert render(parse(raw), ClusterFacts())
