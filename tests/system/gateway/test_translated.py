"""Providers that do not speak the client's protocol: the official clients notice nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.system.gateway.conftest import Running, Start, listening

QUESTION = "Which rivers flow through Vienna and Budapest?"
MESSAGES = [{"role": "user", "content": QUESTION}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CLAUDE = "/v1/messages"
WAYS = {"only": ({"messages_api": "only"}, CLAUDE), "chat": ({"responses_api": "translated"}, "/v1/chat/completions")}


async def speaking(start: Start, provider: dict[str, str], **settings: Any) -> Running:
    return await start(providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", **provider}], **settings)


@pytest.fixture
async def router(start: Start) -> Running:
    return await speaking(start, {"messages_api": "only"})


@pytest.fixture
async def client(router: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="caller-key", base_url=f"{router.url}/v1", max_retries=0) as client:
        yield client


async def test_a_chat_is_answered_by_anthropics_protocol_and_kept(client: openai.AsyncOpenAI, router: Running) -> None:
    first = await client.chat.completions.create(model="auto", messages=MESSAGES)
    assert first.choices[0].message.content.startswith("About")
    assert router.standin.record.paths == {CLAUDE: 1}
    sent = router.standin.record.last_headers
    assert (sent["x-api-key"], "anthropic-version" in sent, "authorization" in sent) == ("caller-key", True, False)
    assert router.standin.record.last_body["max_tokens"] == 8192
    stream = await client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == first.choices[0].message.content
    assert router.standin.record.requests == 1


async def test_a_live_stream_tells_text_finish_and_usage(client: openai.AsyncOpenAI, router: Running) -> None:
    stream = await client.chat.completions.create(
        model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert "stream_options" not in router.standin.record.last_body
    again = await client.chat.completions.create(model="auto", messages=MESSAGES)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert again.choices[0].message.content == text
    assert router.standin.record.requests == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tools_round_trip(client: openai.AsyncOpenAI, router: Running, stream: bool) -> None:
    tools = [{"type": "function", "function": {"name": "level", "parameters": SCHEMA}}]
    if stream:
        async with client.chat.completions.stream(model="auto", messages=MESSAGES, tools=tools) as live:
            await live.until_done()
            message = (await live.get_final_completion()).choices[0].message
    else:
        message = (
            (await client.chat.completions.create(model="auto", messages=MESSAGES, tools=tools)).choices[0].message
        )
    (call,) = message.tool_calls
    assert (call.function.name, call.function.arguments.replace(" ", "")) == ("level", '{"city":"text"}')
    result = {"role": "tool", "tool_call_id": call.id, "content": "3 m"}
    history = [*MESSAGES, message.model_dump(exclude_none=True), result]
    last = await client.chat.completions.create(model="auto", messages=history, tools=tools)
    assert last.choices[0].message.content
    sent = router.standin.record.last_body["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"] == call.id


async def test_structured_output_and_refusals(client: openai.AsyncOpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    told = await client.chat.completions.create(model="auto", messages=MESSAGES, response_format=form)
    assert told.choices[0].message.content == '{"city": "text"}'
    with pytest.raises(openai.BadRequestError, match="no counterpart") as refused:
        await client.chat.completions.create(model="auto", messages=MESSAGES, n=2)
    assert refused.value.param == "n"
    with pytest.raises(openai.BadRequestError, match="no counterpart"):
        await client.completions.create(model="auto", prompt=QUESTION)


async def test_a_decisions_system_prompt_and_reasoning_arrive(start: Start) -> None:
    always = {"conditions": [{"type": "context", "name": "any"}]}
    prompt = {"type": "system_prompt", "configuration": {"system_prompt": "Be brief."}}
    router = await speaking(
        start,
        {"messages_api": "only"},
        models=[{"name": "m", "provider": "local", "reasoning_family": "anthropic"}],
        default_model="m",
        signals={"context": [{"name": "any"}]},
        decisions=[
            {
                "name": "d",
                "rules": always,
                "modelRefs": [{"model": "m", "use_reasoning": True, "reasoning_effort": "high"}],
                "plugins": [prompt],
            }
        ],
    )
    status, headers, _ = await router.ask(QUESTION)
    assert (status, headers["x-vsr-selected-reasoning"]) == (200, "on")
    sent = router.standin.record.last_body
    assert sent["system"] == "Be brief."
    assert (sent["thinking"], sent["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    await router.ask("Which river is the longest of all?", model="m", reasoning_effort="low")
    assert router.standin.record.last_body["output_config"] == {"effort": "low"}


async def test_errors_and_cut_streams_are_openais(start: Start) -> None:
    router = await speaking(
        start,
        {"messages_api": "only", "retries": 0},
        models=[
            {"name": "limited", "provider": "local", "upstream_name": "x-status-429"},
            {"name": "cut", "provider": "local", "upstream_name": "x-cut"},
            {"name": "garbage", "provider": "local", "upstream_name": "x-garbage"},
        ],
        default_model="limited",
    )
    async with openai.AsyncOpenAI(api_key="k", base_url=f"{router.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.RateLimitError, match="asked to answer 429"):
            await client.chat.completions.create(model="limited", messages=MESSAGES)
        stream = await client.chat.completions.create(model="cut", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError):
            [chunk async for chunk in stream]
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="garbage", messages=MESSAGES)


async def test_a_chat_falls_back_from_one_protocol_to_the_other(start: Start) -> None:
    router = await start(
        providers=lambda live: [
            {"name": "chat", "base_url": f"{live}/v1", "retries": 0},
            {"name": "claude", "base_url": f"{live}/v1", "messages_api": "only"},
        ],
        models=[
            {"name": "first", "provider": "chat", "upstream_name": "x-status-503", "fallbacks": ["second"]},
            {"name": "second", "provider": "claude"},
        ],
        default_model="first",
    )
    status, headers, body = await router.ask(QUESTION)
    assert (status, headers["x-vsr-selected-model"], body["object"]) == (200, "second", "chat.completion")
    assert router.standin.record.paths == {"/v1/chat/completions": 1, CLAUDE: 1}


async def test_what_one_protocol_cannot_say_goes_to_a_fallback_that_can(start: Start) -> None:
    router = await start(
        providers=lambda live: [
            {"name": "claude", "base_url": f"{live}/v1", "messages_api": "only"},
            {"name": "chat", "base_url": f"{live}/v1"},
        ],
        models=[
            {"name": "first", "provider": "claude", "fallbacks": ["second"]},
            {"name": "second", "provider": "chat"},
        ],
        default_model="first",
    )
    status, headers, body = await router.ask(QUESTION, n=2)
    assert (status, headers["x-vsr-selected-model"], len(body["choices"])) == (200, "second", 2)


@pytest.mark.parametrize("way", list(WAYS))
async def test_responses_by_another_protocol(start: Start, way: str) -> None:
    provider, path = WAYS[way]
    router = await speaking(start, provider)
    async with openai.AsyncOpenAI(api_key="k", base_url=f"{router.url}/v1", max_retries=0) as client:
        async with client.responses.stream(model="auto", input=QUESTION, instructions="Be brief.") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        again = await client.responses.create(model="auto", input=QUESTION, instructions="Be brief.")
        assert again.output_text == final.output_text
        assert final.output_text.startswith("About")
        assert final.usage.total_tokens > 0
        assert router.standin.record.paths == {path: 1}
        tools = [{"type": "function", "name": "level", "parameters": SCHEMA}]
        async with client.responses.stream(model="auto", input=QUESTION, tools=tools) as stream:
            kinds = [event.type async for event in stream]
            called = await stream.get_final_response()
        assert "response.function_call_arguments.done" in kinds
        (call,) = called.output
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "3 m"}
        told = await client.responses.create(
            model="auto", input=[{"role": "user", "content": QUESTION}, call.model_dump(), result], tools=tools
        )
        assert told.output_text
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            await client.responses.create(model="auto", input=QUESTION, previous_response_id=told.id)
        with pytest.raises(openai.NotFoundError, match="keeps no responses"):
            await client.responses.retrieve(told.id)


async def test_a_provider_that_keeps_responses_is_asked_to(start: Start) -> None:
    router = await start()
    asked = {"model": "auto", "input": QUESTION, "previous_response_id": "resp_1", "store": True}
    status, headers, _ = await router.post("/v1/responses", asked)
    assert (status, headers["x-vsr-cache-reason"]) == (200, "conversation")
    sent = router.standin.record.last_body
    assert (sent["previous_response_id"], sent["store"]) == ("resp_1", True)
    status, _, body = await router.post("/v1/responses", {**asked, "background": True})
    assert (status, body["error"]["code"]) == (400, "responses_not_kept")
    status, _, body = await router.post("/v1/responses", {**asked, "stream": "yes"})
    assert (status, body["error"]["param"]) == (400, "stream")


@pytest.mark.parametrize(("messages_api", "estimated"), [("translated", True), ("native", False), ("only", False)])
async def test_message_tokens_are_counted(start: Start, messages_api: str, estimated: bool) -> None:
    router = await speaking(start, {"messages_api": messages_api})
    asked = {"model": "large", "messages": MESSAGES, "system": "Be brief."}
    status, headers, body = await router.post("/v1/messages/count_tokens", asked)
    assert status == 200
    assert body["input_tokens"] > 0
    assert ("x-vsr-estimated" in headers) == estimated
    status, _, body = await router.post("/v1/messages/count_tokens", {"model": "large"})
    assert (status, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")


async def test_a_provider_of_messages_only_is_asked_for_its_models_in_its_own_way(start: Start, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    async def models(request: Request) -> JSONResponse:
        seen.append(dict(request.headers))
        return JSONResponse({"data": [{"id": "claude-1", "type": "model"}], "has_more": False})

    (tmp_path / "key").write_text("sk-ant")
    async with listening(Starlette(routes=[Route("/v1/models", models)])) as url:
        provider = {"name": "claude", "base_url": f"{url}/v1", "messages_api": "only", "api_key_file": "key"}
        router = await start(providers=[provider], models=None, default_model=None)
    assert list(router.gateway.engine.targets) == ["claude-1"]
    (headers,) = seen
    assert (headers["x-api-key"], headers["anthropic-version"], "authorization" in headers) == (
        "sk-ant",
        "2023-06-01",
        False,
    )


async def test_paths_without_their_version_and_models_as_anthropic_lists_them(router: Running) -> None:
    async with openai.AsyncOpenAI(api_key="k", base_url=router.url, max_retries=0) as client:
        answer = await client.chat.completions.create(model="auto", messages=MESSAGES)
        assert answer.choices[0].message.content
        assert [model.id async for model in client.models.list()] == ["auto", "small", "large"]
    headers = {"anthropic-version": "2023-06-01"}
    async with router.session.get(f"{router.url}/v1/models", headers=headers) as response:
        listed = await response.json()
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "auto", "large")
    assert listed["data"][0]["type"] == "model"
