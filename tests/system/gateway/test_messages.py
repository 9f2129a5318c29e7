"""/v1/messages: Anthropic's protocol, before providers that speak it and before others."""

from typing import Any

import orjson
import pytest
from tests.system.gateway.conftest import Running, Start

MESSAGES = "/v1/messages"
QUESTION = "Which countries share a border with France?"


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": QUESTION}], **fields}


def told(raw: bytes) -> list[Any]:
    return [orjson.loads(line[6:]) for line in raw.split(b"\n") if line.startswith(b"data: ")]


def text_of(events: list[Any]) -> str:
    return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")


async def speaking(start: Start, messages_api: str, **settings: Any) -> Running:
    return await start(
        providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", "messages_api": messages_api}], **settings
    )


@pytest.mark.parametrize(("messages_api", "path"), [("translated", "/v1/chat/completions"), ("native", "/v1/messages")])
async def test_an_answer_is_kept_and_told_again_in_either_form(start: Start, messages_api: str, path: str) -> None:
    router = await speaking(start, messages_api)
    status, headers, first = await router.post(MESSAGES, asked())
    assert (status, headers["x-vsr-cache"], first["type"]) == (200, "miss", "message")
    assert router.standin.record.paths == {path: 1}
    _, headers, again = await router.post(MESSAGES, asked())
    assert (headers["x-vsr-cache"], again) == ("hit", first)
    _, headers, raw = await router.post(MESSAGES, asked(stream=True))
    assert headers["x-vsr-cache"] == "hit"
    events = told(raw)
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    assert text_of(events) == first["content"][0]["text"]
    assert router.standin.record.requests == 1


@pytest.mark.parametrize("messages_api", ["translated", "native"])
async def test_a_live_stream_is_told_in_anthropics_events_and_kept(start: Start, messages_api: str) -> None:
    router = await speaking(start, messages_api)
    _, headers, raw = await router.post(MESSAGES, asked(stream=True))
    assert headers["x-vsr-cache"] == "miss"
    events = told(raw)
    assert b"[DONE]" not in raw
    kinds = [event["type"] for event in events if event["type"] not in ("content_block_delta", "ping")]
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    usage = next(event["usage"] for event in events if event["type"] == "message_delta")
    assert usage["output_tokens"] > 0
    _, headers, whole = await router.post(MESSAGES, asked())
    assert headers["x-vsr-cache"] == "hit"
    assert whole["content"][0]["text"] == text_of(events)
    assert whole["usage"]["output_tokens"] == usage["output_tokens"]


@pytest.mark.parametrize("messages_api", ["translated", "native"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_is_called_with_its_input(start: Start, messages_api: str, stream: bool) -> None:
    router = await speaking(start, messages_api)
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    body = asked(tools=[{"name": "weather", "input_schema": schema}])
    await router.post(MESSAGES, {**body, "stream": stream})
    _, headers, whole = await router.post(MESSAGES, body)
    assert headers["x-vsr-cache"] == "hit"
    assert whole["stop_reason"] == "tool_use"
    (block,) = whole["content"]
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "weather", {"city": "text"})


async def test_a_like_question_is_answered_from_the_cache(start: Start) -> None:
    router = await speaking(start, "translated")
    await router.post(MESSAGES, asked())
    await router.until(lambda: router.gateway.cache is not None and router.gateway.cache.get_stats().total_entries == 1)
    like = asked(messages=[{"role": "user", "content": QUESTION.removesuffix("?")}])
    _, headers, _ = await router.post(MESSAGES, like)
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == ("hit", "semantic")
    _, headers, _ = await router.post(MESSAGES, {**like, "system": "Answer in French."})
    assert headers["x-vsr-cache"] == "miss"


async def test_the_two_protocols_share_no_answers(start: Start) -> None:
    router = await speaking(start, "translated")
    await router.post(MESSAGES, asked())
    _, headers, _ = await router.post("/v1/chat/completions", asked())
    assert headers["x-vsr-cache"] == "miss"


@pytest.mark.parametrize(("messages_api", "header"), [("translated", "authorization"), ("native", "x-api-key")])
async def test_a_key_goes_where_the_provider_looks_for_it(start: Start, messages_api: str, header: str) -> None:
    router = await speaking(start, messages_api)
    await router.post(MESSAGES, asked(), x_api_key="caller-key", anthropic_version="2023-06-01")
    seen = router.standin.record.last_headers
    assert seen[header] == ("caller-key" if header == "x-api-key" else "Bearer caller-key")
    assert ("anthropic-version" in seen) == (messages_api == "native")
    assert ("authorization" in seen) != ("x-api-key" in seen)


async def test_errors_are_anthropics(start: Start) -> None:
    router = await speaking(
        start,
        "translated",
        models=[
            {"name": "limited", "provider": "local", "upstream_name": "x-status-429"},
            {"name": "cut", "provider": "local", "upstream_name": "x-cut"},
            {"name": "garbage", "provider": "local", "upstream_name": "x-garbage"},
        ],
        default_model="limited",
    )
    status, headers, body = await router.post(MESSAGES, asked(model="limited"))
    assert (status, headers["retry-after"], body["error"]["type"]) == (429, "7", "rate_limit_error")
    status, _, body = await router.post(MESSAGES, asked(max_tokens=None))
    assert (status, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")
    status, _, body = await router.post(MESSAGES, asked(model="garbage"))
    assert (status, body["error"]["type"]) == (502, "api_error")
    status, _, raw = await router.post(MESSAGES, asked(model="cut", stream=True))
    assert status == 200
    assert told(raw)[-1]["type"] == "error"
    assert b"message_stop" not in raw
    status, _, body = await router.post(MESSAGES, asked(tools=[{"type": "bash_20250124", "name": "bash"}]))
    assert (status, "no counterpart" in body["error"]["message"]) == (400, True)


async def test_reasoning_is_switched_on_where_thinking_is_asked_for(start: Start) -> None:
    router = await start(models=[{"name": "m", "provider": "local", "reasoning_family": "qwen3"}], default_model="m")
    await router.post(MESSAGES, asked(thinking={"type": "enabled", "budget_tokens": 1024}))
    assert router.standin.record.last_body["chat_template_kwargs"] == {"enable_thinking": True}
    assert "thinking" not in router.standin.record.last_body
