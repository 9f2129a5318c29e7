"""The official OpenAI client, unmodified, against the router."""

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from pydantic import BaseModel
from tests.system.gateway.conftest import Running, Start

from semantic_router_proxy.standin.app import Pace

MESSAGES = [{"role": "user", "content": "Which rivers flow through Vienna and Budapest?"}]


class Rivers(BaseModel):
    name: str
    length: int


@pytest.fixture
async def router(start: Start) -> Running:
    return await start()


@pytest.fixture
async def client(router: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="test", base_url=f"{router.url}/v1", max_retries=0) as client:
        yield client


async def test_chat_twice(client: openai.AsyncOpenAI, router: Running) -> None:
    first = await client.chat.completions.create(model="auto", messages=MESSAGES)
    again = await client.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES)
    assert again.headers["x-vsr-cache"] == "hit"
    assert again.parse() == first


@pytest.mark.parametrize("turn", ["live", "replayed"])
async def test_stream(client: openai.AsyncOpenAI, turn: str) -> None:
    for _ in range(1 if turn == "live" else 2):
        stream = await client.chat.completions.create(
            model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices).startswith("About")
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("turn", ["live", "replayed"])
async def test_tools_in_a_stream(client: openai.AsyncOpenAI, turn: str) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "level", "parameters": schema}}]
    for _ in range(1 if turn == "live" else 2):
        async with client.chat.completions.stream(model="auto", messages=MESSAGES, tools=tools) as stream:
            await stream.until_done()
            final = await stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("level", '{"city": "text"}')


async def test_parse(client: openai.AsyncOpenAI) -> None:
    parsed = await client.chat.completions.parse(model="auto", messages=MESSAGES, response_format=Rivers)
    assert parsed.choices[0].message.parsed == Rivers(name="text", length=1)


@pytest.mark.parametrize("turn", ["live", "replayed"])
async def test_responses(client: openai.AsyncOpenAI, turn: str) -> None:
    asked = {"model": "auto", "input": "Which rivers flow through Vienna and Budapest?"}
    whole = await client.responses.create(**asked) if turn == "replayed" else None
    async with client.responses.stream(**asked) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text.startswith("About")
    if whole is not None:
        assert final.id == whole.id


async def test_completions_and_models(client: openai.AsyncOpenAI) -> None:
    whole = await client.completions.create(model="auto", prompt="Which rivers flow through Vienna?")
    stream = await client.completions.create(model="auto", prompt="Which rivers flow through Vienna?", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == whole.choices[0].text
    assert "auto" in [model.id async for model in client.models.list()]


async def test_embeddings(client: openai.AsyncOpenAI) -> None:
    answer = await client.embeddings.create(model="auto", input=["one text", "another text"])
    assert [len(item.embedding) for item in answer.data] == [256, 256]
    with pytest.raises(openai.NotFoundError):
        await client.embeddings.create(model="text-embedding-3-small", input="x")


async def test_errors_have_the_clients_types(start: Start) -> None:
    router = await start(
        models=[
            {"name": "limited", "provider": "local", "upstream_name": "x-status-429"},
            {"name": "bad", "provider": "local", "upstream_name": "x-status-400"},
            {"name": "cut", "provider": "local", "upstream_name": "x-cut"},
        ],
        default_model="bad",
    )
    async with openai.AsyncOpenAI(api_key="test", base_url=f"{router.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="limited", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="bad", messages=MESSAGES)
        stream = await client.chat.completions.create(model="cut", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError, match=r"ended its answer|closed the connection"):
            [chunk async for chunk in stream]


async def test_timeouts_and_leaving_cancel_the_upstream(start: Start) -> None:
    router = await start(pace=Pace(0.01, 2))
    async with openai.AsyncOpenAI(api_key="test", base_url=f"{router.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.chat.completions.create(model="auto", messages=MESSAGES, timeout=0.5)
        seen = router.standin.record
        # On a busy machine the time may be over before the call has gone out.
        await router.until(lambda: seen.cancelled == seen.requests and seen.running == 0)
        timed_out = seen.cancelled
        stream = await client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        await anext(aiter(stream))
        await stream.close()
        await router.until(lambda: seen.cancelled == timed_out + 1)
        async with asyncio.timeout(5):
            await router.until(lambda: router.gateway.engine.providers["local"].running == 0)
