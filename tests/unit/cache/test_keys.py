"""Keys: any difference in what is asked is a difference in the key; how the answer is delivered is not."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.cache.keys import exact_key, partition, plain_partition, query_text

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]), "content": st.text()},
    optional={"name": st.text(), "tool_call_id": st.text()},
)
BODY = st.fixed_dictionaries(
    {
        "model": st.text(min_size=1),
        "messages": st.lists(MESSAGE, max_size=3).map(lambda history: [*history, {"role": "user", "content": "Why?"}]),
    },
    optional={"temperature": st.floats(0, 2), "tools": st.lists(JSON, max_size=2), "unknown_field": JSON},
)


def _exact(body: dict[str, Any], scope: str = "a", epoch: str = "e", protocol: str = "chat.completions") -> str:
    return exact_key(scope, epoch, protocol, body)


def _partition(body: dict[str, Any], **changes: str) -> str | None:
    given_values = {
        "scope": "a", "embedder": "m@1/384", "policy_epoch": "e", "protocol": "chat.completions", "model": "small",
    } | changes  # fmt: skip
    return partition(body=body, **given_values)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a body."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += _places(child, (*path, key))
    return found


def _changed(body: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """Return a copy in which the value at the path is another one."""
    result = copy.deepcopy(body)
    holder: Any = result
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    holder[path[-1]] = old + "x" if isinstance(old, str) else {"was": old}
    return result


@given(BODY, st.data())
def test_any_change_of_a_body_changes_both_keys(body: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_places(body)))
    changed = _changed(body, path)
    assert _exact(changed) != _exact(body)
    question = ("messages", len(body["messages"]) - 1, "content")
    if path == question:
        assert _partition(changed) == _partition(body)
    else:
        assert _partition(changed) != _partition(body)


@given(BODY, st.text(min_size=1), JSON)
def test_an_added_field_changes_both_keys(body: dict[str, Any], name: str, value: Any) -> None:
    if name in body or name in ("stream", "stream_options"):
        return
    changed = {**body, name: value}
    assert _exact(changed) != _exact(body)
    assert _partition(changed) != _partition(body)


@given(BODY)
def test_the_order_of_keys_does_not_count(body: dict[str, Any]) -> None:
    turned = dict(reversed(list(body.items())))
    turned["messages"] = [dict(reversed(list(message.items()))) for message in body["messages"]]
    assert _exact(turned) == _exact(body)
    assert _partition(turned) == _partition(body)


@given(BODY, st.booleans(), st.booleans())
def test_delivery_does_not_count(body: dict[str, Any], stream: bool, usage: bool) -> None:
    delivered = {**body, "stream": stream, "stream_options": {"include_usage": usage}}
    assert _exact(delivered) == _exact(body)
    assert _partition(delivered) == _partition(body)


@given(BODY, st.text(), st.text())
def test_the_question_alone_is_free_in_a_partition(body: dict[str, Any], one: str, other: str) -> None:
    def asked(question: str) -> dict[str, Any]:
        return {**body, "messages": [*body["messages"][:-1], {"role": "user", "content": question}]}

    assert _partition(asked(one)) == _partition(asked(other))
    assert (_exact(asked(one)) == _exact(asked(other))) == (one == other)


BASE: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "What are the main energy sources?"}]}


@pytest.mark.parametrize("field", ["scope", "embedder", "policy_epoch", "protocol", "model"])
def test_every_circumstance_separates_partitions(field: str) -> None:
    changes = {field: "completions" if field == "protocol" else "other"}
    assert _partition(BASE, **changes) != _partition(BASE)


@pytest.mark.parametrize("change", [{"scope": "b"}, {"epoch": "f"}, {"protocol": "messages"}])
def test_every_circumstance_separates_exact_keys(change: dict[str, str]) -> None:
    assert _exact(BASE, **change) != _exact(BASE)


def test_the_roles_developer_and_system_differ() -> None:
    bodies = [
        {"model": "auto", "messages": [{"role": role, "content": "Be brief."}, *BASE["messages"]]}
        for role in ("system", "developer")
    ]
    assert _partition(bodies[0]) != _partition(bodies[1])


def test_a_question_cannot_pretend_to_be_the_placeholder() -> None:
    forged = {**BASE, "messages": [{"role": "user", "content": {"semantic-router": "question"}}]}
    assert _partition(forged) is None
    assert _exact(forged) != _exact(BASE)


def test_text_and_one_text_part_are_two_partitions() -> None:
    parts = {**BASE, "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}]}]}
    assert query_text("chat.completions", parts) == "What?"
    assert _partition(parts) not in (None, _partition(BASE))


@pytest.mark.parametrize(
    ("protocol", "body", "question"),
    [
        ("chat.completions", BASE, "What are the main energy sources?"),
        ("chat.completions", {"messages": []}, None),
        ("chat.completions", {"messages": "x"}, None),
        ("chat.completions", {"messages": [{"role": "assistant", "content": "x"}]}, None),
        ("chat.completions", {"messages": [{"role": "user", "content": None}]}, None),
        (
            "chat.completions",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            None,
        ),
        ("completions", {"prompt": "Say hi"}, "Say hi"),
        ("completions", {"prompt": ["a", "b"]}, None),
        ("responses", {"input": "Why?"}, "Why?"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}]}, "Why?"),
        ("messages", {"messages": [{"role": "user", "content": "Why?"}]}, "Why?"),
    ],
)
def test_the_question_of_each_protocol(protocol: str, body: dict[str, Any], question: str | None) -> None:
    assert query_text(protocol, body) == question
    assert (partition("a", "m", "e", protocol, "small", body) is None) == (question is None)


def test_plain_partitions_count_model_and_embedder_only() -> None:
    assert plain_partition("m@1/384", "gpt-4") == plain_partition("m@1/384", "gpt-4")
    others = {plain_partition("m@2/384", "gpt-4"), plain_partition("m@1/384", "x")}
    assert plain_partition("m@1/384", "gpt-4") not in others
    assert len(others) == 2


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


ODD = [
    None, True, 1, 1.0, "1", 0, -0.0, float("nan"), float("inf"), float("-inf"), "NaN", "null", 2**63, 2**64, 2**64 + 1,
    float(2**64), -(2**70), str(2**64), 10**5000, 10**5000 + 1, "\ud83d", "\ude00", "\ud83d\ude00", "\U0001f600",
    "\\ud83d", _nested(300), _nested(301), _nested(5000), [], {}, [None], [float("nan")], {"x": None},
    {"x": float("nan")},
    {"\ud800": 1}, {"\ud801": 1}, {"1": 1}, {1: 1},
]  # fmt: skip


def test_every_odd_value_has_a_key_of_its_own() -> None:
    bodies = [{**BASE, "odd": value} for value in ODD] + [BASE]
    assert len({_exact(body) for body in bodies}) == len(bodies)
    assert len({_partition(body) for body in bodies}) == len(bodies)


@pytest.mark.parametrize("odd", [2**64, "\ud800", float("nan"), _nested(300)])
def test_the_order_of_keys_does_not_count_in_an_odd_body_either(odd: Any) -> None:
    assert _exact({"odd": odd, **BASE}) == _exact({**BASE, "odd": odd})
    assert _exact({"odd": odd, "stream": True, **BASE}) == _exact({**BASE, "odd": odd})


@given(st.binary(max_size=200))
def test_whatever_the_server_parses_has_a_key(body: bytes) -> None:
    try:
        parsed = orjson.loads(b'{"messages":[{"role":"user","content":' + body + b"}]}")
    except orjson.JSONDecodeError:
        return
    assert len(_exact(parsed)) == 64
