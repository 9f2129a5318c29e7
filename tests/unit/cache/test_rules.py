"""The rules of DESIGN.md about one process's cache, through the cache as the server uses it: one thing changes at a
time, over whole request bodies, and the answer must not come out of the cache any more.

Every lookup here gets the very vector of the stored question, similarity 1: nothing but a rule stands in the way. Rule
7 is tested in tests/system/gateway, rule 8 in tests/milvus, rule 9 in tests/unit/server/test_replay.py.
"""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.unit.cache.conftest import DIMENSION, WordEmbedder

from semantic_router_proxy.cache import policy
from semantic_router_proxy.cache.memory import MemoryBackend
from semantic_router_proxy.cache.metrics import CacheMetrics
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.config.cache import SemanticCacheConfig

QUESTION = "Which planets of the solar system have more than 20 moons?"
ANSWER = orjson.dumps({"choices": [{"index": 0, "message": {"content": "Four."}, "finish_reason": "stop"}]})
VECTOR = np.ones(DIMENSION, dtype=np.float32) / np.float32(DIMENSION**0.5)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user"]), "content": st.text(max_size=20)},
    optional={"name": st.text(max_size=8)},
)
# Requests that the semantic tier may answer, with fields of every kind, known and unknown.
BODY = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["auto", "small"]),
        "messages": st.lists(TURN, max_size=3).map(lambda turns: [*turns, {"role": "user", "content": QUESTION}]),
    },
    optional={
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 100),
        "response_format": st.just({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
        "user": st.text(max_size=8),
        "metadata": st.dictionaries(st.text(max_size=8), JSON, max_size=2),
        "x_unknown": JSON,
    },
)


class Tried:
    """A cache on the memory backend whose clock stands at `now`."""

    def __init__(self, **settings_: Any) -> None:
        self.now = 1_000.0
        config = SemanticCacheConfig(**settings_)
        backend = MemoryBackend(config, WordEmbedder(), CacheMetrics("memory", CollectorRegistry()), lambda: self.now)
        self.cache = SemanticCache(backend, config, "m@1/8", "epoch", lambda: self.now)

    def store(self, body: dict[str, Any], *, headers: Mapping[str, str] | None = None, **other: Any) -> None:
        async def kept() -> None:
            prepared = self.cache.prepare("chat", body, other.get("scope", "alice"), headers or {})
            await self.cache.store(prepared, "small", VECTOR, ANSWER, ttl_seconds=other.get("ttl_seconds"))

        asyncio.run(kept())

    def tiers(self, body: dict[str, Any], *, headers: Mapping[str, str] | None = None, **other: str) -> set[str]:
        """Return the tiers that answer a request."""

        async def asked() -> set[str]:
            protocol, scope = other.get("protocol", "chat"), other.get("scope", "alice")
            prepared = self.cache.prepare(protocol, body, scope, headers or {}, other.get("variant", ""))
            exact = await self.cache.find_exact(prepared)
            similar = await self.cache.find_similar(prepared, other.get("model", "small"), VECTOR)
            return {hit.tier for hit in (exact, similar) if hit is not None}

        return asyncio.run(asked())


BOTH = {"exact", "semantic"}
PLAIN: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}]}


def with_question(question: str) -> dict[str, Any]:
    return {**PLAIN, "messages": [{"role": "user", "content": question}]}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [place for key, child in items for place in places(child, (*path, key))]


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any, *, gone: bool) -> dict[str, Any]:
    result = copy.deepcopy(body)
    holder: Any = result
    for key in path[:-1]:
        holder = holder[key]
    if gone:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return result


def same(one: Any, other: Any) -> bool:
    """Whether two bodies are the same JSON; 1 and 1.0 are not."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


@settings(deadline=None)
@given(BODY)
def test_a_repeat_is_answered_by_both_tiers(body: dict[str, Any]) -> None:
    tried = Tried()
    tried.store(body)
    assert tried.tiers(copy.deepcopy(body)) == BOTH
    assert tried.tiers({**body, "stream": True, "stream_options": {"include_usage": True}}) == BOTH


@settings(deadline=None, max_examples=300)
@given(BODY, JSON, st.booleans(), st.data())
def test_rule_1_a_change_anywhere_in_the_body_is_no_hit(
    body: dict[str, Any], value: Any, gone: bool, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(places(body)))
    other = changed(body, path, value, gone=gone)
    assume(not same(body, other))
    tried = Tried()
    tried.store(body)
    assert tried.tiers(other) == set()


@settings(deadline=None)
@given(BODY, st.text(min_size=1, max_size=12), JSON)
def test_rule_1_a_field_more_is_no_hit(body: dict[str, Any], name: str, value: Any) -> None:
    assume(name not in body and name not in ("stream", "stream_options"))
    tried = Tried()
    tried.store(body)
    assert tried.tiers({**body, name: value}) == set()


@settings(deadline=None)
@given(BODY, TURN, st.data())
def test_rule_1_a_turn_more_or_in_another_order_is_no_hit(
    body: dict[str, Any], turn: dict[str, Any], data: st.DataObject
) -> None:
    *history, question = body["messages"]
    tried = Tried()
    tried.store(body)
    place = data.draw(st.integers(0, len(history)))
    assert tried.tiers({**body, "messages": [*history[:place], turn, *history[place:], question]}) == set()
    turned = history[::-1]
    if not same(turned, history):
        assert tried.tiers({**body, "messages": [*turned, question]}) == set()


@pytest.mark.parametrize("change", [{"protocol": "responses"}, {"scope": "bob"}])
def test_rule_1_and_2_another_protocol_or_scope_is_no_hit(change: dict[str, str]) -> None:
    tried = Tried()
    tried.store(PLAIN)
    assert tried.tiers(PLAIN, **change) == set()


def test_rule_1_another_model_is_no_semantic_hit() -> None:
    tried = Tried()
    tried.store(PLAIN)
    # The exact key holds the model that was asked for; what routing makes of it is a function of the rest.
    assert tried.tiers(PLAIN, model="large") == {"exact"}


def test_rule_1_what_routing_sees_beside_the_body_counts_for_the_exact_tier() -> None:
    tried = Tried()
    tried.store(PLAIN)
    assert tried.tiers(PLAIN, variant="other") == {"semantic"}


def test_rule_1_another_policy_epoch_is_no_hit() -> None:
    tried = Tried()
    tried.store(PLAIN)
    tried.cache.set_policy(SemanticCacheConfig(), "another")
    assert tried.tiers(PLAIN) == set()
    tried.cache.set_policy(SemanticCacheConfig(), "epoch")
    assert tried.tiers(PLAIN) == BOTH


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_rule_2_a_scope_is_never_crossed(one: str, other: str) -> None:
    assume(one != other)
    tried = Tried()
    tried.store(PLAIN, scope=one)
    assert tried.tiers(PLAIN, scope=one) == BOTH
    assert tried.tiers(PLAIN, scope=other) == set()


def test_rule_2_a_global_scope_is_a_choice() -> None:
    tried = Tried(scope="global")
    tried.store(PLAIN, scope="alice")
    assert tried.tiers(PLAIN, scope="bob") == BOTH


EXACT_ONLY: dict[str, dict[str, Any]] = {
    "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "functions": {"functions": [{"name": "f"}]},
    "choices": {"n": 2},
    "logprobs": {"logprobs": True},
    "top logprobs": {"top_logprobs": 2},
    "logit bias": {"logit_bias": {"1": 5}},
    "seed": {"seed": 1},
    "seed 0": {"seed": 0},
    "temperature": {"temperature": 1.5},
    "modalities": {"modalities": ["text", "audio"]},
    "an answer before": {"messages": [{"role": "assistant", "content": "Ask."}, *PLAIN["messages"]]},
    "a tool's result": {"messages": [{"role": "tool", "tool_call_id": "1", "content": "4"}, *PLAIN["messages"]]},
    "an image": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            *PLAIN["messages"],
        ]
    },
    "a short question": {"messages": [{"role": "user", "content": "Moons?"}]},
    "a referring question": {"messages": [{"role": "user", "content": "And the second one?"}]},
    "another language": {"messages": [{"role": "user", "content": "Welche Planeten haben mehr als 20 Monde?"}]},
    "a very long question": {"messages": [{"role": "user", "content": QUESTION * 100}]},
}


@pytest.mark.parametrize("fields", EXACT_ONLY.values(), ids=EXACT_ONLY.keys())
def test_rule_3_some_requests_are_for_exact_repeats_only(fields: dict[str, Any]) -> None:
    tried = Tried()
    tried.store({**PLAIN, **fields})
    assert tried.tiers({**PLAIN, **fields}) == {"exact"}


TEMPLATES = (
    "How do I install version {} of the tool?",
    "What happened in the year {} in Europe?",
    "Is a limit of {} GB enough for the update?",
    "What is {}% of the price for adults?",
)


@given(st.sampled_from(TEMPLATES), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(deadline=None)
def test_rule_4_another_number_is_no_hit(template: str, one: int, other: int) -> None:
    assume(one != other)
    tried = Tried()
    tried.store(with_question(template.format(one)))
    assert "semantic" in tried.tiers(with_question(template.format(one)))
    assert tried.tiers(with_question(template.format(other))) == set()


NAMES = st.sampled_from(
    ["Paris", "Lyon", "Docker", "Podman", "Oslo", "Kubernetes", "Nomad", "Toyota", "Honda", "Alice"]
)


@given(NAMES, NAMES)
@settings(deadline=None)
def test_rule_4_another_name_is_no_hit(one: str, other: str) -> None:
    assume(one != other)
    tried = Tried()
    tried.store(with_question(f"What should I know about {one} before I decide?"))
    assert tried.tiers(with_question(f"What should I know about {other} before I decide?")) == set()
    assert tried.tiers(with_question(f"What should we know about {one} before we decide?")) == {"semantic"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Which mushrooms are safe for dogs to eat?", "Which mushrooms are not safe for dogs to eat?"),
        ("How do I enable the firewall of the router?", "How do I disable the firewall of the router?"),
        ("What does torch.nn.Linear do with a batch?", "What does torch.nn.Conv2d do with a batch?"),
        ("How do I move a site from Apache to Nginx?", "How do I move a site from Nginx to Apache?"),
    ],
)
def test_rule_4_negation_opposites_code_and_direction_are_no_hit(one: str, other: str) -> None:
    tried = Tried()
    tried.store(with_question(one))
    assert tried.tiers(with_question(one)) == BOTH
    assert tried.tiers(with_question(other)) == set()


@pytest.mark.parametrize("question", ["What is the weather in Rome today?", "Where is my order with the two lamps?"])
def test_rule_4_time_sensitive_and_personal_questions_bypass_even_as_repeats(question: str) -> None:
    tried = Tried()
    tried.store(with_question(question))
    assert tried.tiers(with_question(question)) == set()
    assert tried.cache.get_stats().total_entries == 0


@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(0, 10_000))
@settings(deadline=None)
def test_rule_5_an_entry_lives_as_long_as_the_shortest_life_says(configured: int, asked: int, later: int) -> None:
    tried = Tried(ttl_seconds=configured)
    tried.store(PLAIN, headers={"x-vsr-cache-ttl": str(asked)})
    tried.now += later
    assert tried.tiers(PLAIN) == (BOTH if later < min(configured, asked) else set())


HINTS = st.fixed_dictionaries(
    {},
    optional={
        "cache-control": st.sampled_from(["no-store", "no-cache", "max-age=0", "max-age=50", "max-age=5000", "x"]),
        "x-vsr-cache-threshold": st.sampled_from(["0", "0.5", "0.99", "1", "2", "-1", "nan", "x"]),
        "x-vsr-cache-ttl": st.sampled_from(["0", "10", "99999", "-1", "x"]),
        "pragma": st.just("no-cache"),
    },
)


@given(HINTS, HINTS, st.integers(0, 200))
@settings(deadline=None)
def test_rule_5_a_callers_hints_can_only_take_hits_away(
    storing: dict[str, str], asking: dict[str, str], later: int
) -> None:
    plain, hinted = Tried(ttl_seconds=100), Tried(ttl_seconds=100)
    plain.store(PLAIN)
    hinted.store(PLAIN, headers=storing)
    plain.now += later
    hinted.now += later
    assert hinted.tiers(PLAIN, headers=asking) <= plain.tiers(PLAIN)


WHOLE: dict[str, Any] = {
    "id": "c-1",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": "Four of them."}, "finish_reason": "stop"},
    ],
    "usage": {"total_tokens": 9},
}


@given(st.integers(0, 1), st.none() | st.sampled_from(["length", "content_filter", "error", "", "STOP"]) | JSON)
def test_rule_6_one_choice_without_a_terminal_finish_spoils_the_answer(choice: int, finish: Any) -> None:
    assume(finish not in ("stop", "tool_calls", "function_call"))
    assert not policy.refusal("chat", 200, WHOLE)
    assert policy.refusal("chat", 200, changed(WHOLE, ("choices", choice, "finish_reason"), finish, gone=False))
    assert policy.refusal("chat", 200, changed(WHOLE, ("choices", choice, "finish_reason"), None, gone=True))


@pytest.mark.parametrize(("wanted", "reason"), [(1, ""), (2, ""), (3, "incomplete"), (None, ""), ("3", ""), (0, "")])
def test_rule_6_an_answer_has_as_many_choices_as_were_wanted(wanted: object, reason: str) -> None:
    assert policy.refusal("chat", 200, WHOLE, wanted) == reason


@given(st.integers(100, 599), JSON)
def test_rule_6_only_a_2xx_with_an_answer_is_kept(status: int, anything: Any) -> None:
    assert bool(policy.refusal("chat", status, WHOLE)) == (not 200 <= status < 300)
    for protocol in ("chat", "completions", "responses", "messages"):
        assert policy.refusal(protocol, 200, anything)
