"""Routing's sections: what is refused, in words that name it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from semantic_router_proxy.config.root import RouterConfig

PROVIDERS = [{"name": "p", "base_url": "http://localhost:1/v1"}]
MODELS = [{"name": "small", "provider": "p"}, {"name": "large", "provider": "p"}]
PRICED = {"provider": "p", "pricing": {"prompt_per_1m": 1, "completion_per_1m": 1}}
PROMPT = {"type": "system_prompt", "configuration": {"system_prompt": "x"}}


def config(decision: dict[str, Any] | None = None, **more: Any) -> RouterConfig:
    made = {
        "name": "d",
        "rules": {"conditions": [{"type": "keyword", "name": "k"}]},
        "modelRefs": [{"model": "small"}, {"model": "large"}],
        **(decision or {}),
    }
    signals = {"keywords": [{"name": "k", "keywords": ["a"]}], **more.pop("signals", {})}
    base = {"providers": PROVIDERS, "models": MODELS, "signals": signals, "decisions": [made]}
    return RouterConfig.model_validate({**base, **more})


@pytest.mark.parametrize(
    "settings",
    [
        {"decision": {"plugins": [PROMPT]}},
        {"decision": {"choose_by": "latency"}},
        {"decision": {"choose_by": "cost"}, "models": [{"name": "small", **PRICED}, {"name": "large", **PRICED}]},
        {"escalation": {"model": "large"}},
        {"signals": {"domains": [{"name": "math"}, {"name": "own", "description": "Our own products"}]}},
        {"signals": {"domains": [{"name": "cs", "mmlu_categories": ["computer_science"]}]}},
        {"signals": {"language": [{"name": "de"}, {"name": "romance", "languages": ["fr", "it"]}]}},
    ],
)
def test_what_is_documented_is_taken(settings: dict[str, Any]) -> None:
    config(**settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"escalation": {"model": "huge"}}, "escalation.model: there is no model named 'huge'"),
        ({"decision": {"choose_by": "cost"}}, "decision d: choose_by cost needs the pricing of small, large"),
        (
            {
                "decision": {"choose_by": "cost"},
                "models": [
                    {"name": "small", **PRICED},
                    {"name": "large", **PRICED, "pricing": {**PRICED["pricing"], "currency": "EUR"}},  # type: ignore[dict-item]
                ],
            },
            "choose_by cost needs prices in one currency",
        ),
        ({"decision": {"plugins": [PROMPT, PROMPT]}}, "two plugins of the type 'system_prompt'"),
        (
            {
                "decision": {
                    "rules": {"conditions": [{"operator": "OR", "conditions": [{"type": "keyword", "name": "x"}]}]}
                }
            },
            "decision d: there is no keyword signal named 'x'",
        ),
        ({"decision": {"rules": {"operator": "NOT", "conditions": []}}}, "at least 1 item"),
        ({"signals": {"domains": [{"name": "cats"}]}}, "'cats' is no MMLU category; it needs mmlu_categories"),
        ({"signals": {"domains": [{"name": "x", "mmlu_categories": ["maths"]}]}}, "there is no category 'maths'"),
        (
            {"signals": {"domains": [{"name": "x", "mmlu_categories": ["math"], "examples": ["1+1?"]}]}},
            "examples belong to a domain without mmlu_categories",
        ),
        ({"signals": {"keywords": [{"name": "k", "patterns": ["("]}]}}, "'(' is no regular expression"),
        ({"signals": {"keywords": [{"name": "k", "patterns": [r"(?=a)b"]}]}}, "the time they take has no bound"),
        ({"signals": {"keywords": [{"name": "k", "patterns": [r"\p{L}{0,300}"]}]}}, "is too large"),
        ({"signals": {"complexity": [{"name": "c", "hard": ["prove it"]}]}}, "hard and easy belong together"),
        ({"signals": {"keywords": [{"name": "k"}]}}, "needs keywords or patterns"),
        ({"signals": {"language": [{"name": "klingon"}]}}, "the language 'klingon' is not told apart"),
        ({"signals": {"content": [{"name": "c", "has": ["video"]}]}}, "'tools', 'images', 'code'"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**settings)
    assert said in str(refused.value)


def test_the_example_of_the_documentation_loads() -> None:
    text = (Path(__file__).parents[3] / "docs/routing.md").read_text()
    example = yaml.safe_load(text.split("```yaml\n", 1)[1].split("```", 1)[0])
    assert RouterConfig.model_validate({"providers": PROVIDERS, "models": MODELS, **example}).escalation is not None
