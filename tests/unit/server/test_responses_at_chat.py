"""The Responses API at a provider that has chat completions only: the request there, the answer back."""

from typing import Any

import orjson
import pytest

from semantic_router_proxy.config.upstreams import ProviderConfig
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.protocols.bridges import Asked
from semantic_router_proxy.server.protocols.chat import TextCompletions
from semantic_router_proxy.server.protocols.messages import Messages
from semantic_router_proxy.server.protocols.responses import Responses
from semantic_router_proxy.server.protocols.responses_from_chat import ToResponse
from semantic_router_proxy.server.protocols.responses_to_chat import response_to_chat
from semantic_router_proxy.server.sse import json_of
from semantic_router_proxy.standin import bodies

PROTOCOL = Responses()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": "Hello?", **fields}


def test_every_field_with_a_counterpart_arrives() -> None:
    chat = response_to_chat(
        asked(
            instructions="Be brief.",
            max_output_tokens=50,
            temperature=0.3,
            tools=[TOOL],
            tool_choice={"type": "function", "name": "weather"},
            reasoning={"effort": "low", "summary": "auto"},
            text={"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
            store=False,
            include=["reasoning.encrypted_content"],
            truncation="disabled",
            previous_response_id=None,
            stream=True,
            user="u",
        )
    )
    assert chat == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
        "max_tokens": 50,
        "temperature": 0.3,
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
        "verbosity": "low",
        "stream": True,
        "user": "u",
    }


def test_a_conversation_with_tools_and_pictures_keeps_its_order() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Vienna"}'}
    look = [{"type": "input_text", "text": "Look:"}, {"type": "input_image", "image_url": "https://x/y.png"}]
    chat = response_to_chat(
        asked(
            input=[
                {"role": "user", "content": look},
                {"type": "reasoning", "id": "r", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I ask."}]},
                call,
                {**call, "call_id": "c2"},
                {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
                {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "Sun"}]},
            ]
        )
    )
    function = {"name": "weather", "arguments": '{"city":"Vienna"}'}
    calls = [{"id": identity, "type": "function", "function": function} for identity in ("c1", "c2")]
    picture = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    assert chat["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, picture]},
        {"role": "assistant", "content": "I ask.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        {"role": "tool", "tool_call_id": "c2", "content": "Sun"},
    ]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"store": True}, "store"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input_file"),
        ({"top_logprobs": 2}, "logprobs"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiError, match=rf"{name}.* no counterpart") as refused:
        response_to_chat(asked(**fields))
    assert (refused.value.status, refused.value.code) == (400, "not_translatable")


def test_a_response_that_would_have_to_be_fetched_later_is_refused() -> None:
    with pytest.raises(ApiError, match="keeps none"):
        PROTOCOL.check(asked(background=True))


def completion(**fields: Any) -> dict[str, Any]:
    return bodies.chat_completion({"model": "m", "messages": [{"role": "user", "content": "Hello?"}], **fields}, 1)


def streamed(answer: dict[str, Any], *, done: bool = True) -> list[bytes]:
    stream = ToResponse(asked())
    chunks = [b"data: " + orjson.dumps(each) + b"\n\n" for each in bodies.chat_chunks(answer, include_usage=True)]
    told = [said for chunk in (*chunks, *((b"data: [DONE]\n\n",) if done else ())) for said in stream.event(chunk)]
    return [*told, *stream.finish()]


@pytest.mark.parametrize("fields", [{}, {"tools": [{"type": "function", "function": {"name": "f"}}]}])
@pytest.mark.parametrize("done", [True, False])
def test_a_stream_tells_what_the_whole_answer_tells(fields: dict[str, Any], done: bool) -> None:
    answer = completion(**fields)
    whole = ToResponse(asked()).whole(answer)
    told = streamed(answer, done=done)
    assembled = PROTOCOL.assemble(told)
    assert assembled is not None
    assert {**assembled, "created_at": 0} == {**whole, "created_at": 0}
    kinds = [(json_of(event) or {})["type"] for event in told]
    replayed = [(json_of(event) or {})["type"] for event in PROTOCOL.replay(whole, include_usage=False)]
    assert list(dict.fromkeys(kinds)) == list(dict.fromkeys(replayed))
    assert [(json_of(event) or {})["sequence_number"] for event in told] == list(range(len(told)))


def test_text_thought_refusal_and_calls_become_items() -> None:
    answer = completion(tools=[{"type": "function", "function": {"name": "f"}}])
    answer["choices"][0]["message"] |= {"content": "I ask.", "reasoning_content": "hm"}
    told = ToResponse(asked()).whole(answer)
    assert [item["type"] for item in told["output"]] == ["reasoning", "message", "function_call"]
    assert told["status"] == "completed"
    assert told["usage"]["total_tokens"] == answer["usage"]["total_tokens"]
    refused = completion()
    refused["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "No."}
    told = ToResponse(asked()).whole(refused)
    assert told["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_an_answer_that_was_too_long_is_incomplete() -> None:
    told = ToResponse(asked()).whole(bodies.chat_completion(asked(messages=[]), 1, "length"))
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_a_cut_stream_is_not_complete() -> None:
    stream = ToResponse(asked())
    chunks = bodies.chat_chunks(completion(), include_usage=True)[:4]
    told = [said for chunk in chunks for said in stream.event(b"data: " + orjson.dumps(chunk) + b"\n\n")]
    assert PROTOCOL.assemble([*told, *stream.finish()]) is None


def provider(**fields: Any) -> ProviderConfig:
    return ProviderConfig.model_validate({"name": "p", "base_url": "http://p/v1", **fields})


def test_a_response_goes_over_two_bridges_to_a_provider_of_messages_only() -> None:
    way = Asked(PROTOCOL, provider(messages_api="only"), asked(instructions="Be brief."))
    assert way.path == "/messages"
    assert way.body["system"] == "Be brief."
    translation = way.translation()
    assert translation is not None
    message = bodies.anthropic_message({"model": "m", "messages": []}, 1)
    whole = translation.whole(message)
    assert whole["output"][0]["content"][0]["text"] == message["content"][0]["text"]
    streaming = way.translation()
    assert streaming is not None
    events = Messages().replay(message, include_usage=True)
    told = [said for event in events for said in streaming.event(event)] + streaming.finish()
    assembled = PROTOCOL.assemble(told)
    assert assembled is not None
    assert assembled["output"] == whole["output"]
    assert assembled["usage"] == whole["usage"]


def test_a_text_completion_has_no_way_to_such_a_provider() -> None:
    with pytest.raises(ApiError, match="no counterpart"):
        Asked(TextCompletions(), provider(messages_api="only"), {"model": "m", "prompt": "x"})
