"""Signals, decisions and the choice of a model."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from semantic_router_proxy.config.routing import RoutingFields
from semantic_router_proxy.config.upstreams import ModelConfig
from semantic_router_proxy.routing.decide import Router
from semantic_router_proxy.routing.facts import RequestFacts, facts_of, last_user_text
from semantic_router_proxy.routing.reasoning import reasoning_fields


def router(*decisions: dict[str, Any], vectors: Any = None, **signals: Any) -> Router:
    fields = {"signals": signals, "decisions": decisions, "default_model": "default"}
    return Router(RoutingFields.model_validate(fields), vectors)


def decision(name: str, *names: str, operator: str = "AND", kind: str = "keyword", **more: Any) -> dict[str, Any]:
    conditions = [{"type": kind, "name": each} for each in names]
    return {
        "name": name,
        "rules": {"operator": operator, "conditions": conditions},
        "modelRefs": [{"model": f"{name}-model"}],
        **more,
    }


A = {"name": "a", "keywords": ["alpha"]}
B = {"name": "b", "keywords": ["beta"]}


@pytest.mark.parametrize(
    ("operator", "text", "holds"),
    [
        ("AND", "alpha beta", True),
        ("AND", "alpha", False),
        ("OR", "beta", True),
        ("OR", "gamma", False),
        ("NOT", "gamma", True),
        ("NOT", "beta", False),
    ],
)
def test_conditions_are_combined(operator: str, text: str, holds: bool) -> None:
    route = router(decision("d", "a", "b", operator=operator), keywords=[A, B]).decide(RequestFacts(text), None)
    assert (route.decision == "d") is holds
    assert route.model == ("d-model" if holds else "default")


def test_the_highest_priority_decides_and_the_files_order_among_equals() -> None:
    decisions = (
        decision("low", "a", priority=1),
        decision("first", "a", priority=5),
        decision("second", "a", priority=5),
    )
    assert router(*decisions, keywords=[A]).decide(RequestFacts("alpha"), None).decision == "first"


@pytest.mark.parametrize(
    ("signal", "text", "matched"),
    [
        ({"keywords": ["java"]}, "I like JavaScript", False),
        ({"keywords": ["java"]}, "I like Java.", True),
        ({"keywords": ["C++"]}, "is c++ hard", True),
        ({"keywords": ["Java"], "case_sensitive": True}, "java", False),
        ({"keywords": ["a.c"]}, "abc", False),
        ({"keywords": ["x", "y"], "operator": "AND"}, "y and x", True),
        ({"keywords": ["x", "y"], "operator": "NOR"}, "z", True),
        ({"keywords": ["Straße"]}, "die STRASSE", False),
        ({"keywords": ["缓存"]}, "缓存", True),
        ({"patterns": [r"CVE-\d{4}-\d+"]}, "what is cve-2024-3094?", True),
        ({"patterns": [r"CVE-\d{4}-\d+"], "case_sensitive": True}, "what is cve-2024-3094?", False),
        ({"patterns": [r"^why"], "keywords": ["x"], "operator": "AND"}, "why x", True),
        ({"patterns": [r"^why"], "keywords": ["x"], "operator": "AND"}, "x why", False),
        # Python's own engine would need longer than the sun will shine.
        ({"patterns": [r"(a+)+$"]}, "a" * 9_000 + "b", False),
        ({"patterns": [r"^(([a-z])+.)+[A-Z]([a-z])+$"], "case_sensitive": True}, "a" * 9_000, False),
    ],
)
def test_keywords_are_words(signal: dict[str, Any], text: str, matched: bool) -> None:
    route = router(decision("d", "s"), keywords=[{"name": "s", **signal}]).decide(RequestFacts(text), None)
    assert (route.decision == "d") is matched


def test_examples_are_compared_with_their_own_signal_only() -> None:
    vectors = np.eye(3, dtype=np.float32)
    compiled = router(
        decision("one", "first", kind="embedding"),
        decision("two", "second", kind="embedding"),
        vectors=vectors,
        embeddings=[
            {"name": "first", "candidates": ["x", "y"], "threshold": 0.9},
            {"name": "second", "candidates": ["z"], "threshold": 0.9},
        ],
    )
    assert compiled.needs_embedding
    assert compiled.decide(RequestFacts("?"), vectors[1]).decision == "one"
    assert compiled.decide(RequestFacts("?"), vectors[2]).decision == "two"
    assert compiled.decide(RequestFacts("?"), None).decision == ""


def test_hardness_by_examples_is_the_lead_of_the_hard_ones() -> None:
    level = {"name": "c", "hard": ["x", "y"], "easy": ["z"], "threshold": 0.2}
    vectors = np.eye(4, dtype=np.float32)
    embedded = {"embeddings": [{"name": "e", "candidates": ["before"]}]}
    compiled = router(decision("d", "c", kind="complexity"), vectors=vectors, complexity=[level], **embedded)
    assert compiled.needs_embedding
    assert compiled.decide(RequestFacts("?"), np.array([0, 0.1, 0.6, 0.3], np.float32)).decision == "d"
    assert compiled.decide(RequestFacts("?"), np.array([0, 0.1, 0.4, 0.3], np.float32)).decision == ""
    assert compiled.decide(RequestFacts("?"), None).decision == ""
    assert not router(decision("d", "c", kind="complexity"), complexity=[{"name": "c"}]).needs_embedding


def test_domains_go_by_mmlu_category() -> None:
    class Classifier:
        def classify(self, embedding: Any) -> dict[str, float]:
            return {"math": 0.8, "law": 0.2}

    fields = {"name": "numbers", "mmlu_categories": ["math", "physics"]}
    routing = RoutingFields.model_validate(
        {
            "signals": {"domains": [fields]},
            "decisions": [decision("d", "numbers", kind="domain")],
            "default_model": "default",
        }
    )
    assert Router(routing, None, Classifier()).decide(RequestFacts("?"), np.ones(1, np.float32)).decision == "d"
    assert Router(routing, None, None).decide(RequestFacts("?"), np.ones(1, np.float32)).decision == ""


def test_groups_of_rules_nest() -> None:
    both = {"operator": "OR", "conditions": [{"type": "keyword", "name": "a"}, {"type": "keyword", "name": "b"}]}
    neither = {"operator": "NOT", "conditions": [both]}
    rules = {"operator": "AND", "conditions": [both, {"operator": "NOT", "conditions": [neither]}]}
    compiled = router(decision("d", rules=rules), keywords=[A, B])
    assert compiled.decide(RequestFacts("beta"), None).decision == "d"
    assert compiled.decide(RequestFacts("gamma"), None).decision == ""
    reason = compiled.decide(RequestFacts("beta"), None).reason
    assert reason.startswith("AND(OR(keyword:a none of the words found; keyword:b found 'beta'); NOT(NOT(")


def test_weights_share_questions_and_one_question_always_goes_the_same_way() -> None:
    split = decision("d", "a", modelRefs=[{"model": "x", "weight": 3}, {"model": "y", "weight": 1}])
    compiled = router(split, keywords=[A])
    chosen = [compiled.decide(RequestFacts(f"alpha {number}"), None).model for number in range(2000)]
    assert chosen == [compiled.decide(RequestFacts(f"alpha {number}"), None).model for number in range(2000)]
    assert 0.70 < Counter(chosen)["x"] / 2000 < 0.80


def test_the_trace_says_what_was_read() -> None:
    route = router(decision("d", "a", "b", operator="OR"), keywords=[A, B]).decide(RequestFacts("beta"), None)
    assert [(each.signal, each.reading.matched) for each in route.trace] == [("keyword:a", False), ("keyword:b", True)]
    assert "found 'beta'" in route.reason


def test_a_decisions_cache_rule() -> None:
    plugin = {"type": "semantic-cache", "configuration": {"enabled": True, "similarity_threshold": 0.95}}
    route = router(decision("d", "a", plugins=[plugin]), keywords=[A]).decide(RequestFacts("alpha"), None)
    assert route.cache.similarity_threshold == 0.95


@pytest.mark.parametrize(
    ("family", "use", "body", "fields"),
    [
        ("openai", True, {}, {"reasoning_effort": "medium"}),
        ("openai", True, {"reasoning_effort": "low"}, {}),
        ("openai", False, {}, {}),
        ("qwen3", False, {}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("deepseek", True, {"chat_template_kwargs": {"a": 1}}, {"chat_template_kwargs": {"a": 1, "thinking": True}}),
        ("qwen3", True, {"chat_template_kwargs": {"enable_thinking": False}}, {}),
        ("none", True, {}, {}),
    ],
)
def test_reasoning_is_switched_as_the_family_understands_it(family: Any, use: bool, body: Any, fields: Any) -> None:
    model = ModelConfig(name="m", provider="p", reasoning_family=family)
    assert reasoning_fields(model, body, use_reasoning=use) == fields


TOLD = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "t"}]}
THOUGHT = {"role": "assistant", "content": [{"type": "thinking"}, {"type": "tool_use", "id": "t"}]}
ADAPTIVE = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}


@pytest.mark.parametrize(
    ("family", "body", "fields"),
    [
        ("anthropic", {}, ADAPTIVE),
        (
            "anthropic",
            {"output_config": {"effort": "max", "x": 1}},
            {**ADAPTIVE, "output_config": {"effort": "max", "x": 1}},
        ),
        ("anthropic", {"thinking": {"type": "disabled"}}, {}),
        ("anthropic", {"temperature": 0}, {}),
        ("anthropic", {"tool_choice": {"type": "any"}}, {}),
        ("anthropic", {"messages": [CALLED, TOLD]}, {}),
        ("anthropic", {"messages": [THOUGHT, TOLD]}, ADAPTIVE),
        ("anthropic-budget", {"max_tokens": 8192}, {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        ("anthropic-budget", {"max_tokens": 2000}, {"thinking": {"type": "enabled", "budget_tokens": 1999}}),
        ("anthropic-budget", {"max_tokens": 1000}, {}),
        ("qwen3", {}, {}),
    ],
)
def test_thinking_is_switched_on_where_anthropic_takes_it(family: Any, body: Any, fields: Any) -> None:
    model = ModelConfig(name="m", provider="p", reasoning_family=family)
    assert reasoning_fields(model, body, path="/messages", use_reasoning=True) == fields
    assert reasoning_fields(model, body, path="/messages", use_reasoning=False) == {}


def test_a_decisions_reasoning_effort_comes_before_the_models() -> None:
    model = ModelConfig(name="m", provider="p", reasoning_family="openai", reasoning_effort="low")
    assert reasoning_fields(model, {}, use_reasoning=True, effort="high") == {"reasoning_effort": "high"}
    refs = [{"model": "x", "use_reasoning": True, "reasoning_effort": "high"}]
    route = router(decision("d", "a", modelRefs=refs), keywords=[A]).decide(RequestFacts("alpha"), None)
    assert (route.use_reasoning, route.reasoning_effort) == (True, "high")


def test_routes_that_change_the_request_have_partitions_of_their_own() -> None:
    def variant(**more: Any) -> str:
        route = router(decision("d", "a", **more), keywords=[A]).decide(RequestFacts("alpha"), None)
        return route.variant

    prompts = [{"type": "system_prompt", "configuration": {"system_prompt": text}} for text in ("one", "two")]
    thinking = {"modelRefs": [{"model": "d-model", "use_reasoning": True}]}
    variants = [variant(), variant(plugins=prompts[:1]), variant(plugins=prompts[1:]), variant(**thinking)]
    assert variants[0] == ""
    assert len(set(variants)) == 4


@pytest.mark.parametrize(
    ("protocol", "body", "text"),
    [
        ("chat", {"messages": [{"role": "user", "content": "q"}, {"role": "tool", "content": "r"}]}, "q"),
        (
            "chat",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]},
            "a",
        ),
        ("chat", {"messages": [None, 3]}, ""),
        ("completions", {"prompt": "p"}, "p"),
        ("completions", {"prompt": ["p"]}, ""),
        ("responses", {"input": "i"}, "i"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "i"}]}]}, "i"),
    ],
)
def test_the_question_is_the_last_user_text(protocol: str, body: dict[str, Any], text: str) -> None:
    assert last_user_text(protocol, body) == text


@pytest.mark.parametrize(
    ("kind", "signal", "body", "headers", "matched"),
    [
        ("context", {"min_tokens": 100}, {"messages": [{"role": "user", "content": "x" * 500}]}, {}, True),
        ("context", {"max_tokens": 100}, {"messages": [{"role": "user", "content": "x" * 500}]}, {}, False),
        ("content", {"has": ["tools"]}, {"tools": [{}]}, {}, True),
        (
            "content",
            {"has": ["images"]},
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            {},
            True,
        ),
        ("content", {"has": ["code"]}, {"messages": [{"role": "user", "content": "```\nx\n```"}]}, {}, True),
        ("content", {"has": ["code"]}, {"messages": [{"role": "user", "content": "Hello; how are you?"}]}, {}, False),
        ("content", {"has": ["code"]}, {"messages": [{"role": "user", "content": "Why does f(x); fail?"}]}, {}, True),
        ("content", {"has": ["code"]}, {"messages": [{"role": "user", "content": "f(" * 200_000}]}, {}, False),
        ("content", {"has": ["structured_output"]}, {"response_format": {"type": "json_schema"}}, {}, True),
        ("content", {"has": ["structured_output"]}, {"response_format": {"type": "text"}}, {}, False),
        (
            "language",
            {"languages": ["de", "fr"]},
            {"messages": [{"role": "user", "content": "Was ist das?"}]},
            {},
            True,
        ),
        ("language", {"languages": ["en"]}, {"messages": [{"role": "user", "content": "Was ist das?"}]}, {}, False),
        ("complexity", {"threshold": 0, "below": 0.2}, {"messages": [{"role": "user", "content": "2+2?"}]}, {}, True),
        ("complexity", {"threshold": 0.2}, {"messages": [{"role": "user", "content": "2+2?"}]}, {}, False),
        ("complexity", {}, {"messages": [{"role": "user", "content": "What is the capital of France?"}]}, {}, False),
        (
            "complexity",
            {"threshold": 0.5},
            {"messages": [{"role": "user", "content": "Prove it; compare both if n is odd?"}]},
            {},
            True,
        ),
        ("header", {"header": "X-Tier", "values": ["gold"]}, {}, {"x-tier": "gold"}, True),
        ("header", {"header": "X-Tier", "values": ["gold"]}, {}, {"x-tier": "tin"}, False),
        ("caller", {"users": ["u1"]}, {"user": "u1"}, {}, True),
        ("caller", {"callers": ["team"]}, {}, {}, True),
        ("caller", {"callers": ["other"]}, {}, {}, False),
    ],
)
def test_further_signals(kind: str, signal: Any, body: Any, headers: Any, matched: bool) -> None:
    plural = {"header": "headers", "caller": "callers"}.get(kind, kind)
    compiled = router(decision("d", "s", kind=kind), **{plural: [{"name": "s", **signal}]})
    route = compiled.decide(facts_of("chat", body, headers, "", "team"), None)
    assert (route.decision == "d") is matched


def test_requests_that_differ_in_a_signals_header_have_different_keys() -> None:
    compiled = router(headers=[{"name": "s", "header": "x-tier"}])
    assert compiled.variant({"x-tier": "gold"}, "") != compiled.variant({}, "")
    assert compiled.variant({"other": "1"}, "a") == compiled.variant({}, "b")
    assert router().variant({"x-tier": "gold"}, "a") == ""
