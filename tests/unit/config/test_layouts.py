"""The layouts of vLLM Semantic Router's configuration."""

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_proxy.config.layouts import to_native
from semantic_router_proxy.config.load import LoadedConfig, load_config
from semantic_router_proxy.config.problems import ConfigError
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.config.validate import validate

LAYOUTS = Path(__file__).parents[2] / "fixtures/layouts"


def loaded(name: str) -> LoadedConfig:
    return load_config(LAYOUTS / f"{name}.yaml", {})


def warned(config: LoadedConfig) -> set[str]:
    return {problem.key for problem in config.warnings}


def change(tmp_path: Path, name: str, **changes: Any) -> LoadedConfig:
    """Load a layout's file with other values at dotted paths."""
    data = yaml.safe_load((LAYOUTS / f"{name}.yaml").read_text())
    for path, value in changes.items():
        at = data
        *parents, last = path.split("__")
        for part in parents:
            at = at[int(part)] if part.isdigit() else at[part]
        at[last] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(data))
    return load_config(file, {})


def test_the_flat_layout() -> None:
    config = loaded("flat").router
    assert [(each.name, each.base_url, each.endpoints) for each in config.providers] == [
        ("east+west", "http://10.0.0.1:8000/v1", ("http://[fd00::2]:8000/v1",)),
        ("east", "http://10.0.0.1:8000/v1", ()),
    ]
    wise, quick = config.models
    assert (wise.provider, wise.reasoning_family, wise.reasoning_effort) == ("east+west", "qwen3", "high")
    assert wise.pricing is not None
    assert (quick.provider, quick.reasoning_family) == ("east", "none")
    assert config.default_model == "quick"
    # The embedding model's threshold stands for the cache's where that has none.
    assert (config.semantic_cache.similarity_threshold, config.semantic_cache.max_entries) == (0.8, 500)
    assert [(each.name, each.categories, each.threshold) for each in config.signals.domains] == [
        ("math", ("math",), 0.6),
        ("computer_science", ("computer science",), 0.6),
        ("recipes", (), None),
    ]
    [decision] = config.decisions
    assert [(each.type, each.name) for each in decision.rules.leaves()] == [("domain", "math")]
    assert decision.cache.similarity_threshold == 0.95
    assert decision.system_prompt is not None
    assert decision.model_refs[0].use_reasoning


def test_the_flat_layouts_keys_without_effect_are_named() -> None:
    assert warned(loaded("flat")) == {
        "bert_model.model_id",
        "tools",
        "classifier.pii_model",
        "categories[2].mmlu_categories",
        "decisions[0].rules.conditions[1]",
        "decisions[0].plugins[3]",
        "decisions[1].rules.conditions[1]",
        "decisions[1]",
        "colour",
    }


def test_litellms_file_is_told_where_its_keys_go() -> None:
    with pytest.raises(
        ConfigError, match=r"model_list: this is a configuration of LiteLLM.*docs/gateway\.md"
    ) as refused:
        to_native({"model_list": [], "litellm_settings": {}}, None)
    assert len(refused.value.problems) == 1


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where the mappings of a file are."""
    if isinstance(node, dict):
        yield at
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        yield from places(value, (*at, key))


@pytest.mark.parametrize("name", ["flat", "scores", "cli", "canonical"])
def test_no_place_of_a_layout_swallows_a_key_in_silence(name: str) -> None:
    original = yaml.safe_load((LAYOUTS / f"{name}.yaml").read_text())
    named = set()
    for place in places(original):
        data, key, off = copy.deepcopy(original), "", False
        node = data
        for step in place:
            node = node[step]
            key = f"{key}[{step}]" if isinstance(step, int) else f"{key}.{step}".lstrip(".")
            off = off or (isinstance(node, dict) and node.get("enabled") is False)
        node["surprise"] = {"never": "heard of"}
        native, warnings = to_native(data, None)
        # The key itself is named, or something around it is: as a whole without effect, or switched off.
        surprise = f"{key}.surprise".lstrip(".")
        around = [problem.key for problem in warnings if surprise.startswith(problem.key)]
        assert off or around or "surprise" in str(native), f"{key or 'the top'} takes any key"
        named |= {each for each in around if each.endswith("surprise")}
    assert named


def test_what_envoy_does_for_a_provider_is_done_here() -> None:
    provider = loaded("canonical").router.providers[0]
    assert (provider.retries, provider.breaker_failures, provider.breaker_pause_seconds) == (2, 7, 30.0)
    assert provider.health_check is not None
    assert (provider.health_check.interval_seconds, provider.health_check.timeout_seconds) == (10.0, 0.5)


def test_a_model_of_anthropics_format_is_asked_in_it(tmp_path: Path) -> None:
    settings = {
        "providers__models__1__api_format": "anthropic",
        "providers__models__1__backend_refs__0__auth_header": "x-api-key",
        "providers__models__1__backend_refs__0__auth_prefix": "",
        "routing__modelCards__1__max_output_tokens": 64_000,
    }
    config = change(tmp_path, "canonical", **settings)
    quick, wise = config.router.providers
    assert (quick.messages_api, wise.messages_api, wise.base_url) == (
        "translated",
        "only",
        "https://api.example.com/v1",
    )
    assert [model.default_max_tokens for model in config.router.models] == [8192, 64_000]


def test_categories_that_rate_models_become_decisions() -> None:
    config = loaded("scores")
    [decision] = config.router.decisions
    assert (decision.name, decision.model_refs[0].model, decision.model_refs[0].use_reasoning) == ("law", "wise", True)
    assert decision.cache.similarity_threshold == 0.92
    assert decision.system_prompt is not None
    assert [model.name for model in config.router.models] == ["wise", "quick"]
    assert config.warnings == ()


def test_the_command_lines_layout() -> None:
    config = loaded("cli").router
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8899)
    assert {model.name: (model.provider, model.upstream_name) for model in config.models} == {
        "org/big": ("big-1", None),
        "small": ("outside", "small-instruct"),
        "expert": ("big-1", None),
    }
    assert [(each.base_url, each.api_key_env) for each in config.providers] == [
        ("http://models.internal:8000/v1", "BIG_KEY"),
        ("https://api.example.com/openai/v1", None),
    ]
    science, ratings = config.decisions
    assert science.choose_by == "latency"
    # The preference is never true, so it goes from the negation; chemistry needs no signal of its own there.
    assert [(each.type, each.name) for each in science.rules.leaves()] == [
        ("keyword", "sums"),
        ("domain", "physics"),
        ("language", "ru"),
        ("domain", "chemistry"),
    ]
    assert [(each.name, each.threshold, each.below) for each in config.signals.complexity] == [
        ("easy", 0.0, 0.2),
        ("hard", 0.8, None),
    ]
    assert ratings.model_refs[0].model == "expert"
    assert warned(loaded("cli")) == {
        "listeners[0].timeout",
        "signals.language[1]",
        "signals.preferences[0]",
        "decisions[0].rules.conditions[1].conditions[1].conditions[0]",
        "decisions[1].algorithm",
    }


def test_the_canonical_layout() -> None:
    config = loaded("canonical").router
    assert (config.server.port, config.default_model) == (8888, "quick")
    quick, wise = config.models
    assert (quick.upstream_name, quick.context_window, wise.context_window) == ("quick-instruct", 8192, 131072)
    assert (quick.pricing.currency if quick.pricing else "", wise.reasoning_family) == ("EUR", "qwen3")
    assert config.providers[0].endpoints == ("http://127.0.0.1:8004/v1",)
    assert config.providers[1].api_key_env == "REMOTE_KEY"
    assert (config.semantic_cache.similarity_threshold, config.semantic_cache.ttl_seconds) == (0.86, 7200)
    single, long_ones, hard = config.decisions
    assert (single.cache.similarity_threshold, single.cache.ttl_seconds) == (0.9, 60)
    assert single.system_prompt is not None
    assert single.system_prompt.mode == "insert"
    assert [ref.weight for ref in single.model_refs] == [0.4, 0.6]
    assert config.signals.domains[0].threshold == 0.5
    assert (config.signals.context[0].min_tokens, config.signals.context[0].max_tokens) == (4000, 256_000)
    assert [(each.name, each.threshold, each.hard, each.easy) for each in config.signals.complexity] == [
        ("needs_reasoning:hard", 0.1, ("prove it",), ("say it",)),
        ("needs_reasoning:easy", 0.1, ("say it",), ("prove it",)),
    ]
    # What is neither hard nor easy is medium.
    assert [(each.type, each.name) for each in long_ones.rules.leaves()] == [
        ("context", "long"),
        ("complexity", "needs_reasoning:hard"),
        ("complexity", "needs_reasoning:easy"),
    ]
    assert [(each.type, each.name) for each in hard.rules.leaves()] == [("complexity", "needs_reasoning:hard")]
    assert {
        "routing.decisions[2].rules.conditions[1]",
        "global.services.response_api",
        "routing.signals.structure[0]",
    } <= warned(loaded("canonical"))


@pytest.mark.parametrize(
    ("name", "path", "value", "said"),
    [
        ("flat", "prompt_guard", {"enabled": True}, "prompt_guard: prompts are not checked for attacks here"),
        (
            "flat",
            "decisions__0__plugins__2__configuration",
            {"enabled": True},
            "decisions[0].plugins[2]: the plugin 'pii' is not done here. Set enabled: false to go without.",
        ),
        ("flat", "model_config__quick__access_key", "sk-1234", "api_key_env"),
        ("flat", "model_config__quick__pii_policy__allow_by_default", False, "personal data is not looked for here"),
        ("flat", "model_config__quick__preferred_endpoints", ["north"], "names 'north', which no endpoint is called"),
        ("cli", "providers__models__0__access_key", "sk-1234", "a key does not belong into a configuration"),
        ("cli", "providers__models__1__endpoints", [], "small: has no endpoint that serves it"),
        (
            "cli",
            "decisions__1__rules",
            {"operator": "AND", "conditions": [{"type": "jailbreak", "name": "x"}]},
            "signals of the type 'jailbreak' are not done here",
        ),
        ("cli", "signals__pii", [{"name": "x"}], "signals.pii: is not done here"),
        ("canonical", "listeners__0__api_keys", ["sk-1234"], "listeners[0].api_keys: keys do not belong"),
        ("canonical", "providers__models__1__api_format", "gemini", "must be openai or anthropic"),
        ("canonical", "providers__models__0__reliability", {"base_ejection_time": "soon"}, "must be a time such as"),
        ("canonical", "providers__models__1__backend_refs__0__api_key", "sk-1234", "a key does not belong"),
        ("canonical", "providers__models__1__backend_refs__0__auth_header", "X-Key", "must be 'Authorization'"),
        ("canonical", "global__services__ratelimit", {"providers": []}, "global.services.ratelimit: is not done"),
        (
            "canonical",
            "global__stores__response_cache__milvus",
            {"connection": {}},
            "global.stores.response_cache.milvus: cannot stand here",
        ),
        (
            "canonical",
            "global__model_catalog__modules__prompt_guard__enabled",
            True,
            "global.model_catalog.modules.prompt_guard: prompts are not checked",
        ),
        ("canonical", "routing__decisions__0__action", {"type": "block"}, "is not done here: block"),
    ],
)
def test_what_must_not_be_dropped_in_silence_is_refused(
    tmp_path: Path, name: str, path: str, value: Any, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        change(tmp_path, name, **{path: value})
    assert said in str(refused.value)
    assert "sk-1234" not in str(refused.value)


def test_a_rule_that_always_holds_still_decides(tmp_path: Path) -> None:
    never = {"operator": "NOT", "conditions": [{"type": "fact_check", "name": "needs_fact_check"}]}
    config = change(tmp_path, "flat", decisions__1__rules=never).router
    assert [(each.type, each.name) for each in config.decisions[1].rules.leaves()] == [("context", "always")]


def test_our_own_sections_may_stand_in_a_foreign_file(tmp_path: Path) -> None:
    config = change(tmp_path, "flat", escalation={"model": "wise"}, log={"level": "debug"}).router
    assert config.escalation is not None
    assert config.log.level == "debug"


def test_a_file_of_our_own_gets_no_warnings(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"keyword_rules": [{"name": "k", "keywords": ["a"]}]}))
    config = load_config(file, {})
    assert config.router.signals.keywords[0].name == "k"
    assert config.warnings == ()


def nodes(data: Any) -> list[tuple[Any, Any]]:
    """Return every place in the data, as its parent and its key there."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [place for key in keys for place in ((data, key), *nodes(data[key]))]


@pytest.mark.parametrize("name", ["flat", "scores", "cli", "canonical"])
def test_whatever_stands_anywhere_a_file_loads_or_is_refused_in_words(name: str) -> None:
    data = yaml.safe_load((LAYOUTS / f"{name}.yaml").read_text())
    for parent, key in nodes(data):
        kept = parent[key]
        for strange in (None, 7, [3]):
            parent[key] = strange
            # Any other exception than ConfigError would be a stack trace to a user.
            with contextlib.suppress(ConfigError):
                native, _ = to_native(data, None)
                validate(RouterConfig, native, None)
        parent[key] = kept
