"""The choice among a decision's models, and the measurements that it goes by."""

from typing import Any

import pytest

from semantic_router_proxy.config.routing import ModelRef
from semantic_router_proxy.config.upstreams import ModelConfig, PricingConfig
from semantic_router_proxy.routing.choice import Chooser
from semantic_router_proxy.routing.facts import RequestFacts, facts_of
from semantic_router_proxy.routing.performance import Performance

REFS = (ModelRef(model="a"), ModelRef(model="b", use_reasoning=True))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def chooser(performance: Performance | None = None, **models: dict[str, Any]) -> Chooser:
    configs = [ModelConfig.model_validate({"name": name, "provider": "p", **more}) for name, more in models.items()]
    return Chooser(configs, performance or Performance(Clock()))


def price(prompt: float, completion: float) -> PricingConfig:
    return PricingConfig(prompt_per_1m=prompt, completion_per_1m=completion)


def test_a_model_whose_context_is_too_small_is_passed_over() -> None:
    made = chooser(a={"context_window": 1000}, b={})
    assert made.choose((ModelRef(model="a"),), "weight", RequestFacts("x", tokens=100)).ref.model == "a"
    body = {"messages": [{"role": "user", "content": "x" * 3600}], "max_completion_tokens": 200}
    choice = made.choose(REFS, "weight", facts_of("chat", body, {}, "", ""))
    assert choice.ref.model == "b"
    assert choice.why == "a has a context of 1000 tokens, about 1100 are needed"


@pytest.mark.parametrize(
    ("body", "can"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "images"),
        ({"response_format": {"type": "json_schema"}}, "structured_output"),
        ({"text": {"format": {"type": "json_schema"}}}, "structured_output"),
    ],
)
def test_a_model_that_lacks_a_capability_is_passed_over(body: dict[str, Any], can: str) -> None:
    others = [each for each in ("tools", "images", "structured_output") if each != can]
    made = chooser(a={"capabilities": others}, b={"capabilities": [can]})
    choice = made.choose(REFS, "weight", facts_of("chat", body, {}, "", ""))
    assert choice.ref.model == "b"
    assert f"a cannot do {can}" in choice.why


def test_where_none_of_the_decisions_models_can_another_one_does() -> None:
    images = RequestFacts("x", content=frozenset({"images"}))
    made = chooser(a={"capabilities": []}, c={"capabilities": ["images"]})
    choice = made.choose((ModelRef(model="a", use_reasoning=True),), "weight", images)
    assert (choice.ref.model, choice.ref.use_reasoning) == ("c", True)
    assert choice.why == "c can take the request; a cannot do images"
    choice = chooser(a={"capabilities": []}).choose((ModelRef(model="a"),), "weight", images)
    assert choice.ref.model == "a"
    assert choice.why.startswith("no model can take the request")


def test_by_cost_goes_by_prices_and_the_usual_length_of_answers() -> None:
    performance = Performance(Clock())
    made = chooser(performance, a={"pricing": price(1, 10)}, b={"pricing": price(2, 5)})
    asked = RequestFacts("x", tokens=1000)
    choice = made.choose(REFS, "cost", asked)
    assert choice.ref.model == "b"
    assert choice.why == "cheapest, about 0.003280 an answer"
    # Answers of a's are short, so its lower price for prompts weighs more.
    performance.answered("a", 20)
    assert made.choose(REFS, "cost", asked).ref.model == "a"
    # So does an answer that the request limits.
    assert (
        chooser(a={"pricing": price(1, 10)}, b={"pricing": price(2, 5)})
        .choose(REFS, "cost", RequestFacts("x", tokens=1000, answer_tokens=10))
        .ref.model
        == "a"
    )


def test_by_latency_goes_by_measurements_that_age() -> None:
    clock = Clock()
    performance = Performance(clock)
    made = chooser(performance, a={}, b={})
    asked = RequestFacts("x")
    assert "by weight, the latency of a, b is not known yet" in made.choose(REFS, "latency", asked).why
    for seconds in (0.5, 0.7, 9.0):
        performance.first_byte("a", seconds)
    performance.first_byte("b", 0.8)
    choice = made.choose(REFS, "latency", asked)
    assert (choice.ref.model, choice.why) == ("a", "fastest, 700 ms to the first byte")
    # A third of a's calls fail: it takes one and a half attempts to get an answer.
    for outcome in ("200", "200", "500", "timeout", "200", "200"):
        performance.attempted("a", outcome)
    assert made.choose(REFS, "latency", asked).ref.model == "b"
    clock.now = 301
    assert "not known yet" in made.choose(REFS, "latency", asked).why


def test_a_failing_model_is_passed_over_until_its_failures_are_old() -> None:
    clock = Clock()
    performance = Performance(clock)
    made = chooser(performance, a={}, b={})
    refs = (ModelRef(model="a", weight=1000), ModelRef(model="b", weight=0.001))
    for _ in range(4):
        performance.attempted("a", "503")
    assert made.choose(refs, "weight", RequestFacts("x")).ref.model == "a"
    performance.attempted("a", "unreachable")
    choice = made.choose(refs, "weight", RequestFacts("x"))
    assert (choice.ref.model, choice.why) == ("b", "a fails")
    for _ in range(5):
        performance.attempted("b", "429")
    assert made.choose(refs, "weight", RequestFacts("x")).ref.model == "a"
    clock.now = 301
    assert made.choose(refs, "weight", RequestFacts("x")).why == "by weight"


def test_the_callers_errors_are_not_the_models() -> None:
    performance = Performance(Clock())
    for _ in range(10):
        performance.attempted("a", "400")
    assert performance.error_share("a") == 0
