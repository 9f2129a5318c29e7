"""Rule 9 of the cache: what is told again is what was told; ids, calls, indexes and usage, as a stream or not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_proxy.server.protocols.chat import ChatCompletions, TextCompletions
from semantic_router_proxy.server.sse import DONE, json_of

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
CALL = st.builds(
    lambda number, name, arguments: {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    st.integers(0, 10**6),
    st.sampled_from(["weather", "search"]),
    st.sampled_from(["{}", '{"city": "Oslo"}', '{"a": [1, 2.5, null]}']),
)
MESSAGE = st.one_of(
    st.fixed_dictionaries({"role": st.just("assistant"), "content": TEXT}, optional={"reasoning_content": TEXT}),
    st.fixed_dictionaries(
        {
            "role": st.just("assistant"),
            "content": st.none() | TEXT,
            "tool_calls": st.lists(CALL, min_size=1, max_size=3),
        }
    ),
)
USAGE = st.fixed_dictionaries({"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99)})


def _answer(messages: list[dict[str, Any]], usage: dict[str, int]) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "message": message,
            "logprobs": None,
            "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
        }
        for index, message in enumerate(messages)
    ]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "small", "system_fingerprint": "f"}
    return {**head, "choices": choices, "usage": usage}


@settings(deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=3), USAGE)
def test_a_chat_completion_told_as_a_stream_is_the_same_answer(
    messages: list[dict[str, Any]], usage: dict[str, int]
) -> None:
    chat, answer = ChatCompletions(), _answer(messages, usage)
    events = chat.replay(answer, include_usage=True)
    assert events[-1] == DONE
    assert chat.assemble(events) == answer
    assert {chunk["id"] for event in events if (chunk := json_of(event)) is not None} == {"chatcmpl-1"}


@settings(deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=3), USAGE)
def test_usage_is_told_only_where_it_was_asked_for(messages: list[dict[str, Any]], usage: dict[str, int]) -> None:
    chat, answer = ChatCompletions(), _answer(messages, usage)
    silent = chat.replay(answer, include_usage=False)
    assert not any(b'"usage"' in event for event in silent)
    assembled = chat.assemble(silent)
    assert assembled is not None
    assert assembled["choices"] == answer["choices"]


@given(st.lists(TEXT, min_size=1, max_size=3), USAGE)
def test_a_text_completion_too(texts: list[str], usage: dict[str, int]) -> None:
    choices = [
        {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"} for index, text in enumerate(texts)
    ]
    head = {"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "small"}
    answer = {**head, "choices": choices, "usage": usage}
    assert TextCompletions().assemble(TextCompletions().replay(answer, include_usage=True)) == answer


@pytest.mark.parametrize("kept", range(1, 3))
def test_a_stream_that_was_cut_is_no_answer(kept: int) -> None:
    chat = ChatCompletions()
    answer = _answer([{"role": "assistant", "content": "Four."}, {"role": "assistant", "content": "Five."}], {})
    events = chat.replay(answer, include_usage=False)
    assert chat.assemble(events[:kept]) is None
