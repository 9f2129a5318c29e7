"""Chat completions at a provider that speaks Anthropic's protocol only: the request there, the answer back."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.protocols.chat import ChatCompletions
from semantic_router_proxy.server.protocols.chat_from_messages import ToChat
from semantic_router_proxy.server.protocols.chat_to_messages import to_messages
from semantic_router_proxy.server.protocols.messages import Messages
from semantic_router_proxy.server.protocols.messages_to_chat import to_chat
from semantic_router_proxy.server.sse import DONE
from semantic_router_proxy.standin import bodies

CHAT, MESSAGES = ChatCompletions(), Messages()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}}


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "Hello?"}], **fields}


def test_every_field_with_a_counterpart_arrives() -> None:
    told = to_messages(
        asked(
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello?"},
                {"role": "developer", "content": "Be kind."},
            ],
            max_completion_tokens=50,
            max_tokens=10,
            stop="END",
            temperature=1.5,
            top_p=0.9,
            top_k=5,
            user="u1",
            tools=[TOOL],
            tool_choice="required",
            parallel_tool_calls=False,
            stream=True,
            stream_options={"include_usage": True},
            seed=7,
            n=1,
            logprobs=False,
            presence_penalty=0,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        )
    )
    assert told == {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
        "messages": [{"role": "user", "content": "Hello?"}],
        "max_tokens": 50,
        "stop_sequences": ["END"],
        "temperature": 1,
        "top_p": 0.9,
        "top_k": 5,
        "metadata": {"user_id": "u1"},
        "tools": [{"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "stream": True,
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }


def test_a_conversation_with_tools_and_pictures_keeps_its_order() -> None:
    calls = [
        {"id": f"t{number}", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Vienna"}'}}
        for number in (1, 2)
    ]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    told = to_messages(
        asked(
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "Look:"}, picture]},
                {"role": "assistant", "content": "I ask.", "tool_calls": calls, "thinking_blocks": [thought]},
                {"role": "tool", "tool_call_id": "t1", "content": "Rain"},
                {"role": "tool", "tool_call_id": "t2", "content": [{"type": "text", "text": "Sun"}]},
                {"role": "user", "content": "And now?"},
            ]
        )
    )
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    uses = [{"type": "tool_use", "id": f"t{n}", "name": "weather", "input": {"city": "Vienna"}} for n in (1, 2)]
    assert told["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, image]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "I ask."}, *uses]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "Rain"},
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "Sun"}]},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


def test_marks_for_the_providers_own_cache_arrive() -> None:
    mark = {"type": "ephemeral"}
    part = {"type": "text", "text": "A long rule.", "cache_control": mark}
    told = to_messages(
        asked(messages=[{"role": "system", "content": [part]}, {"role": "user", "content": [part]}], tools=[TOOL])
    )
    assert told["system"] == told["messages"][0]["content"] == [part]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"n": 2}, "'n'"),
        ({"logprobs": True}, "'logprobs'"),
        ({"frequency_penalty": 0.5}, "'frequency_penalty'"),
        ({"functions": [{}]}, "'functions'"),
        ({"response_format": {"type": "json_object"}}, "'response_format'"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, r"tools\[0\]"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, r"messages\[0\]"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, r"messages\[0\]"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiError, match=rf"{name}.* no counterpart") as refused:
        to_messages(asked(**fields))
    assert (refused.value.status, refused.value.code) == (400, "not_translatable")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}],
        [{"role": "user", "content": 5}],
        [{"role": "assistant", "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{"}}]}],
        [{"role": "system", "content": "Only this."}],
    ],
)
def test_a_conversation_that_nobody_would_take_is_refused(messages: list[Any]) -> None:
    with pytest.raises(ApiError) as refused:
        to_messages(asked(messages=messages))
    assert refused.value.status == 400


def message(**fields: Any) -> dict[str, Any]:
    return bodies.anthropic_message({"model": "m", "messages": [{"role": "user", "content": "Hello?"}], **fields}, 1)


def streamed(whole: dict[str, Any]) -> list[bytes]:
    stream = ToChat()
    events = MESSAGES.replay(whole, include_usage=True)
    return [*(said for event in events for said in stream.event(event)), *stream.finish()]


@pytest.mark.parametrize("fields", [{}, {"tools": [{"name": "weather", "input_schema": SCHEMA}]}])
def test_a_stream_tells_what_the_whole_answer_tells(fields: dict[str, Any]) -> None:
    answer = message(**fields)
    told = streamed(answer)
    assert told[-1] == DONE
    assembled = CHAT.assemble(told)
    whole = ToChat().whole(answer)
    assert assembled is not None
    # A stream opens with an empty text, which no later part takes back.
    assembled["choices"][0]["message"]["content"] = assembled["choices"][0]["message"]["content"] or None
    assert {**assembled, "created": 0} == {**whole, "created": 0}


def test_blocks_become_text_thought_and_calls() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Vienna"}}
    usage = {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 4}
    content = [thought, hidden, {"type": "text", "text": "I "}, {"type": "text", "text": "ask."}, use]
    answer = message() | {"content": content, "stop_reason": "tool_use", "usage": usage}
    told = ToChat().whole(answer)
    (choice,) = told["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I ask."
    assert choice["message"]["reasoning_content"] == "hm"
    assert choice["message"]["thinking_blocks"] == [thought, hidden]
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Vienna"}'}
    assert told["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    assembled = CHAT.assemble(streamed(answer))
    assert assembled is not None
    assert assembled["choices"][0]["message"] == choice["message"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_tokens", "length"), ("refusal", "content_filter"), ("stop_sequence", "stop"), ("something_new", "stop")],
)
def test_the_end_has_its_reason(reason: str, finish: str) -> None:
    answer = message() | {"stop_reason": reason}
    assert ToChat().whole(answer)["choices"][0]["finish_reason"] == finish
    assembled = CHAT.assemble(streamed(answer))
    assert assembled is not None
    assert assembled["choices"][0]["finish_reason"] == finish


@given(st.integers(0, 20))
def test_a_cut_stream_is_not_complete(kept: int) -> None:
    stream = ToChat()
    events = MESSAGES.replay(message(), include_usage=True)
    told = [said for event in events[: min(kept, len(events) - 1)] for said in stream.event(event)]
    assert CHAT.assemble([*told, *stream.finish()]) is None


def test_an_error_in_a_stream_is_an_error_chunk() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}
    (told,) = ToChat().event(b"event: error\ndata: " + orjson.dumps(error) + b"\n\n")
    assert orjson.loads(told[6:])["error"]["message"] == "later"


def test_errors_are_openais() -> None:
    own = orjson.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "later"}})
    told = orjson.loads(CHAT.error(ApiError(529, "x", body=own)))
    assert told == {"error": {"message": "later", "type": "overloaded_error", "param": None, "code": None}}


def test_what_is_asked_comes_back_the_same_way() -> None:
    """A request of Anthropic's protocol, made a chat completion and back, asks the same."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Vienna"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "Rain"}
    body = {
        "model": "m",
        "max_tokens": 50,
        "system": "Be brief.",
        "stop_sequences": ["END"],
        "tools": [{"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u"},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look:"}, picture]},
            {"role": "assistant", "content": [{"type": "text", "text": "I ask."}, use]},
            {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]},
        ],
    }
    assert to_messages(to_chat(body)) == body
