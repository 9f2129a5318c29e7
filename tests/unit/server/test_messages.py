"""Anthropic's Messages API: the request as chat completions, the answer back, whole and streamed."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.protocols.messages import Messages, ToMessages
from semantic_router_proxy.server.protocols.messages_from_chat import named_event
from semantic_router_proxy.server.protocols.messages_to_chat import to_chat
from semantic_router_proxy.server.sse import EventSplitter, json_of
from semantic_router_proxy.standin import bodies

PROTOCOL = Messages()


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello?"}], **fields}


def test_every_field_with_a_counterpart_arrives() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    chat = to_chat(
        asked(
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            stop_sequences=["END"],
            temperature=0.3,
            top_k=5,
            metadata={"user_id": "u1"},
            tools=[{"name": "weather", "description": "Tells it.", "input_schema": schema}],
            tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            stream=True,
            service_tier="auto",
        )
    )
    assert chat == {
        "model": "m",
        "max_tokens": 50,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
        "stop": ["END"],
        "temperature": 0.3,
        "top_k": 5,
        "user": "u1",
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells it.", "parameters": schema},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "stream": True,
    }


def test_a_conversation_with_tools_and_pictures_keeps_its_order() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    chat = to_chat(
        asked(
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "Look:"}, picture]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "text", "text": "I ask."},
                        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Vienna"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Rain"}]},
                        {"type": "text", "text": "And now?"},
                    ],
                },
            ]
        )
    )
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Vienna"}'}}
    assert chat["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, url]},
        {"role": "assistant", "content": "I ask.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "Rain"},
        {"role": "user", "content": "And now?"},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"mcp_servers": [{}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]},
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="no counterpart") as refused:
        to_chat(asked(**fields))
    assert (refused.value.status, refused.value.code) == (400, "not_translatable")


@pytest.mark.parametrize(
    ("field", "value"), [("max_tokens", None), ("max_tokens", "5"), ("messages", []), ("tools", "x"), ("model", 1)]
)
def test_a_body_that_no_server_would_take_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ApiError, match=field):
        PROTOCOL.check(asked(**{field: value}))


def completion(**fields: Any) -> dict[str, Any]:
    return bodies.chat_completion({"model": "m", "messages": [{"role": "user", "content": "Hello?"}], **fields}, 1)


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}}}


@pytest.mark.parametrize("fields", [{}, {"tools": [TOOL]}])
def test_a_stream_tells_what_the_whole_answer_tells(fields: dict[str, Any]) -> None:
    answer = completion(**fields)
    whole = ToMessages().whole(answer)
    stream = ToMessages()
    told = [
        event
        for chunk in bodies.chat_chunks(answer, include_usage=True)
        for event in stream.event(b"data: " + orjson.dumps(chunk) + b"\n\n")
    ]
    told += stream.event(b"data: [DONE]\n\n")
    assert stream.finish() == [], "the end is told once"
    assert PROTOCOL.assemble(told) == whole
    assert PROTOCOL.assemble(PROTOCOL.replay(whole, include_usage=False)) == whole


def test_text_thought_and_tools_become_blocks() -> None:
    answer = completion(tools=[TOOL])
    message = answer["choices"][0]["message"]
    message |= {"content": "I ask.", "reasoning_content": "hm"}
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 1}
    told = ToMessages().whole(answer)
    assert [block["type"] for block in told["content"]] == ["thinking", "text", "tool_use"]
    assert told["content"][2]["input"] == {"a": 1}
    assert told["stop_reason"] == "tool_use"
    assert told["usage"]["cache_read_input_tokens"] == 1
    assert told["usage"]["input_tokens"] == answer["usage"]["prompt_tokens"] - 1


@pytest.mark.parametrize(
    ("choice", "stop"),
    [
        ({"finish_reason": "length"}, "max_tokens"),
        ({"finish_reason": "content_filter"}, "refusal"),
        ({"finish_reason": "stop", "stop_reason": "END"}, "stop_sequence"),
    ],
)
def test_the_end_has_its_reason(choice: dict[str, Any], stop: str) -> None:
    answer = completion()
    answer["choices"][0] |= choice
    assert ToMessages().whole(answer)["stop_reason"] == stop


def test_a_cut_stream_is_not_complete() -> None:
    stream = ToMessages()
    chunks = bodies.chat_chunks(completion(), include_usage=True)[:4]
    told = [event for chunk in chunks for event in stream.event(b"data: " + orjson.dumps(chunk) + b"\n\n")]
    assert PROTOCOL.assemble([*told, *stream.finish()]) is None


def test_an_error_in_a_stream_is_an_error_event() -> None:
    (event,) = ToMessages().event(b'data: {"error": {"message": "overloaded"}}\n\n')
    told = json_of(event)
    assert told == {"type": "error", "error": {"type": "api_error", "message": "overloaded"}}
    assert PROTOCOL.assemble([event]) is None


def test_errors_are_anthropics() -> None:
    told = orjson.loads(PROTOCOL.error(ApiError(404, "There is none.")))
    assert told == {"type": "error", "error": {"type": "not_found_error", "message": "There is none."}}
    own = orjson.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "later"}})
    assert PROTOCOL.error(ApiError(529, "x", body=own)) == own


BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, st.text()),
        st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "s"}, st.text()),
        st.builds(
            lambda value: {"type": "tool_use", "id": "t", "name": "n", "input": value},
            st.dictionaries(st.text(), st.one_of(st.integers(-(2**31), 2**31), st.text(), st.booleans())),
        ),
    )
)


@given(BLOCKS, st.integers(0, 1000))
def test_a_replay_tells_the_whole_answer(content: list[dict[str, Any]], tokens: int) -> None:
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": tokens},
    }
    stream = b"".join(PROTOCOL.replay(whole, include_usage=False))
    splitter = EventSplitter()
    assert PROTOCOL.assemble([*splitter.feed(stream), *splitter.finish()]) == whole


def test_an_events_name_is_its_type() -> None:
    assert named_event({"type": "ping"}) == b'event: ping\ndata: {"type":"ping"}\n\n'
