"""Uncertain questions go to the larger model."""

from typing import Any

import numpy as np
import pytest

from semantic_router_proxy.config.routing import RoutingFields
from semantic_router_proxy.config.upstreams import ModelConfig
from semantic_router_proxy.routing.decide import Route, Router
from semantic_router_proxy.routing.facts import RequestFacts

SIGNALS = {
    "domains": [{"name": "math"}, {"name": "law"}],
    "keywords": [{"name": "urgent", "keywords": ["urgent"]}],
}


class Classifier:
    def __init__(self, **probabilities: float) -> None:
        self._probabilities = probabilities

    def classify(self, embedding: Any) -> dict[str, float]:
        return self._probabilities


def domain(name: str, *others: Any, operator: str = "AND", **more: Any) -> dict[str, Any]:
    conditions = [{"type": "domain", "name": name}, *others]
    return {
        "name": name,
        "rules": {"operator": operator, "conditions": conditions},
        "modelRefs": [{"model": "small"}],
        **more,
    }


def decide(
    *decisions: dict[str, Any],
    text: str = "?",
    escalation: dict[str, Any] | None = None,
    content: frozenset[str] = frozenset(),
    **probabilities: float,
) -> Route:
    routing = RoutingFields.model_validate(
        {
            "signals": SIGNALS,
            "decisions": decisions,
            "default_model": "default",
            "escalation": {"model": "large", **(escalation or {})},
        }
    )
    models = (
        ModelConfig(name="default", provider="p"),
        ModelConfig(name="small", provider="p"),
        ModelConfig(name="large", provider="p", capabilities=("tools",)),
    )
    router = Router(routing, None, Classifier(**probabilities), models)
    return router.decide(RequestFacts(text, content=content), np.ones(1, np.float32))


@pytest.mark.parametrize(
    ("probabilities", "decision", "model"),
    [
        ({"math": 0.9, "law": 0.05, "other": 0.05}, "math", "small"),
        ({"math": 0.45, "law": 0.2, "other": 0.35}, "math", "large"),
        ({"math": 0.52, "law": 0.02, "other": 0.46}, "math", "large"),
        ({"math": 0.4, "law": 0.02, "other": 0.5}, "", "large"),
        ({"math": 0.02, "law": 0.03, "other": 0.95}, "", "default"),
    ],
)
def test_a_question_that_the_classifier_is_not_sure_of_escalates(
    probabilities: dict[str, float], decision: str, model: str
) -> None:
    route = decide(domain("math"), **probabilities)
    assert (route.decision, route.model) == (decision, model)
    assert route.escalated is (model == "large")
    assert ("uncertain, so the larger model large" in route.reason) is route.escalated


def test_what_does_not_hang_on_the_unsure_signal_is_certain() -> None:
    unsure = {"math": 0.5, "law": 0.01, "other": 0.49}
    urgent = {"type": "keyword", "name": "urgent"}
    assert decide(domain("math", urgent), **unsure).escalated is False
    assert decide(domain("math", urgent), text="urgent", **unsure).escalated is True
    assert decide(domain("math", urgent, operator="OR"), text="urgent", **unsure).escalated is False
    assert decide(domain("math", urgent, operator="NOT"), text="urgent", **unsure).escalated is False
    # A decision of higher priority would have been taken, had the classifier said math.
    keyword = {
        "name": "k",
        "rules": {"conditions": [urgent]},
        "modelRefs": [{"model": "small"}],
        "priority": -1,
    }
    assert decide(domain("math"), keyword, text="urgent", math=0.49, other=0.5).escalated is True
    assert decide(domain("math", priority=-2), keyword, text="urgent", math=0.49, other=0.5).escalated is False


def test_the_decisions_plugins_stay_and_its_reasoning() -> None:
    plugin = {"type": "system_prompt", "configuration": {"system_prompt": "Count."}}
    refs = [{"model": "small", "use_reasoning": True}]
    route = decide(domain("math", plugins=[plugin], modelRefs=refs), math=0.5, other=0.49)
    assert route.model == "large"
    assert route.use_reasoning
    assert route.system_prompt is not None
    assert decide(domain("math"), math=0.5, other=0.49).use_reasoning is False
    assert decide(domain("math"), escalation={"use_reasoning": True}, math=0.5, other=0.49).use_reasoning is True


def test_a_larger_model_that_cannot_take_the_request_is_not_asked() -> None:
    route = decide(domain("math"), content=frozenset({"images"}), math=0.5, other=0.49)
    assert (route.model, route.escalated) == ("small", False)
    assert "uncertain, but large cannot do images" in route.reason


def test_a_similarity_near_its_threshold_is_unsure_where_that_is_asked_for() -> None:
    def route(**escalation: Any) -> Route:
        routing = RoutingFields.model_validate(
            {
                "signals": {"embeddings": [{"name": "e", "candidates": ["x"], "threshold": 0.6}]},
                "decisions": [
                    {
                        "name": "d",
                        "rules": {"conditions": [{"type": "embedding", "name": "e"}]},
                        "modelRefs": [{"model": "small"}],
                    }
                ],
                "default_model": "default",
                "escalation": {"model": "large", **escalation},
            }
        )
        vector = np.array([0.62, 0.0], np.float32)
        return Router(routing, np.array([[1.0, 0.0]], np.float32)).decide(RequestFacts("?"), vector)

    assert route().model == "small"
    assert route(similarity_margin=0.05).model == "large"
