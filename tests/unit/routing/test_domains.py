"""The domain classifier, with the embedder that the router installs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.config.routing import RoutingFields
from semantic_router_proxy.config.signals import MMLU_CATEGORIES, mmlu_category
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.routing.decide import Router
from semantic_router_proxy.routing.domains import DomainModel, fit, load_examples
from semantic_router_proxy.routing.facts import RequestFacts

HELD_OUT = Path(__file__).parents[2] / "fixtures/routing/domains.yaml"


async def embed(texts: Sequence[str]) -> Any:
    embedder = await make_embedder(EmbeddingConfig())
    try:
        return await embedder.embed(texts)
    finally:
        await embedder.close()


def held_out() -> list[tuple[str, str]]:
    by_category = yaml.safe_load(HELD_OUT.read_text())
    return [(question, name) for name, questions in by_category.items() for question in questions]


def test_every_category_has_examples_and_none_is_held_out_too() -> None:
    examples = load_examples()
    assert [examples.labels.count(label) >= 30 for label in range(14)] == [True] * 14
    assert len(set(examples.questions)) == len(examples.questions)
    assert not set(examples.questions) & {question for question, _ in held_out()}


async def test_held_out_questions_are_put_into_their_category_with_honest_confidence() -> None:
    examples, asked = load_examples(), held_out()
    vectors = await embed([*examples.questions, *(question for question, _ in asked)])
    count = len(examples.questions)
    model = fit(vectors[:count], examples.labels)
    said = [model.classify(vector) for vector in vectors[count:]]
    right = np.array([max(each, key=each.__getitem__) == name for each, (_, name) in zip(said, asked, strict=True)])
    confidence = np.array([max(each.values()) for each in said])
    # Measured: 131 of 140 right (93.6 %); 116 of the 119 that it is at least 80 % sure of (97.5 %).
    assert right.mean() > 0.88
    assert right[confidence >= 0.8].mean() > 0.93
    assert right[confidence < 0.5].mean() < 0.8
    assert abs(confidence.mean() - right.mean()) < 0.08
    assert all(abs(sum(each.values()) - 1) < 1e-5 for each in said)


def test_the_same_examples_give_the_same_classifier() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(140, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [number // 10 for number in range(140)]
    first, second = (fit(vectors, labels).classify(vectors[0]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["computer science", "computer_science", " Computer Science"])
def test_categories_are_known_by_any_spelling(name: str) -> None:
    assert mmlu_category(name) == "computer science"


def decided(domain: dict[str, Any], question: str, vectors: Any, asked: Any, model: DomainModel | None) -> Any:
    routing = RoutingFields.model_validate(
        {
            "signals": {"domains": [domain]},
            "decisions": [
                {
                    "name": "d",
                    "rules": {"conditions": [{"type": "domain", "name": domain["name"]}]},
                    "modelRefs": [{"model": "m"}],
                }
            ],
            "default_model": "other",
        }
    )
    return Router(routing, vectors, model).decide(RequestFacts(question), asked)


async def test_a_domain_outside_the_categories_goes_by_its_description_and_examples() -> None:
    description, example = "Questions about Kubernetes clusters and pods", "Why is my pod not scheduled?"
    domain = {"name": "platform", "description": description, "examples": [example]}
    asked = ["How do I drain a Kubernetes node?", "Why does my pod hang in Pending?", "What is the capital of France?"]
    vectors = await embed([description, example, *asked])
    routes = [decided(domain, text, vectors[:2], vectors[2 + n], None) for n, text in enumerate(asked)]
    assert [route.decision for route in routes] == ["d", "d", ""]
    assert "similar to 'Questions about Kubernetes clusters and pods'" in routes[0].reason


def test_a_domain_of_several_categories_adds_their_probabilities() -> None:
    class Model:
        def classify(self, embedding: Any) -> dict[str, float]:
            return dict.fromkeys(MMLU_CATEGORIES, 0.0) | {"math": 0.45, "physics": 0.4, "law": 0.15}

    science = {"name": "science", "mmlu_categories": ["math", "physics"], "threshold": 0.8}
    route = decided(science, "?", None, np.ones(1), Model())  # type: ignore[arg-type]
    assert route.decision == "d"
    assert route.trace[0].reading.confidence == pytest.approx(0.85)
    strict = {**science, "threshold": 0.9}
    assert decided(strict, "?", None, np.ones(1), Model()).decision == ""  # type: ignore[arg-type]
