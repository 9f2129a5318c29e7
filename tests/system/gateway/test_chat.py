"""Chat completions through the whole pipeline: what a client sees, and what reaches the model server."""

import asyncio
from typing import Any

import orjson
import pytest
from tests.system.gateway.conftest import Start

from semantic_router_proxy.standin.app import Pace

QUESTION = "How do I sort a list of names in Python?"


def events(raw: bytes) -> list[Any]:
    parts = [part.removeprefix(b"data: ") for part in raw.split(b"\n\n") if part]
    assert parts[-1] == b"[DONE]"
    return [orjson.loads(part) for part in parts[:-1]]


def text_of(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


async def test_an_exact_repeat_is_answered_from_the_cache(start: Start) -> None:
    router = await start()
    status, headers, first = await router.ask(QUESTION, unknown_field={"a": [1]})
    assert (status, headers["x-vsr-cache"], headers["x-vsr-selected-model"]) == (200, "miss", "small")
    status, headers, second = await router.ask(QUESTION, unknown_field={"a": [1]})
    assert (status, headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == (200, "hit", "exact")
    assert headers["age"] == "0"
    assert second == first
    assert router.standin.record.requests == 1
    assert router.standin.record.last_body["unknown_field"] == {"a": [1]}


async def test_a_like_question_is_answered_from_the_cache(start: Start) -> None:
    router = await start()
    await router.ask(QUESTION)
    await router.until(lambda: router.gateway.cache is not None and router.gateway.cache.get_stats().total_entries == 1)
    _, headers, _ = await router.ask("How do I sort a list of names in Python")
    assert (headers["x-vsr-cache"], headers["x-vsr-cache-tier"]) == ("hit", "semantic")
    assert float(headers["x-vsr-cache-similarity"]) > 0.85
    assert router.standin.record.requests == 1


async def test_a_stream_is_kept_and_told_again_in_either_form(start: Start) -> None:
    router = await start()
    _, headers, raw = await router.ask(QUESTION, stream=True)
    assert headers["content-type"].startswith("text/event-stream")
    live = events(raw)
    assert not any(chunk.get("usage") for chunk in live), "usage was not asked for"
    _, headers, whole = await router.ask(QUESTION)
    assert headers["x-vsr-cache"] == "hit"
    assert whole["object"] == "chat.completion"
    assert whole["id"] == live[0]["id"]
    assert whole["choices"][0]["message"]["content"] == text_of(live)
    assert whole["usage"]["total_tokens"] > 0
    _, headers, raw = await router.ask(QUESTION, stream=True, stream_options={"include_usage": True})
    replayed = events(raw)
    assert headers["x-vsr-cache"] == "hit"
    assert replayed[-1]["usage"] == whole["usage"]
    assert replayed[-1]["choices"] == []
    assert text_of(replayed) == text_of(live)
    assert router.standin.record.requests == 1


async def test_tool_calls_survive_the_cache_in_both_forms(start: Start) -> None:
    router = await start()
    tool = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}}},
    }
    _, _, raw = await router.ask(QUESTION, stream=True, tools=[tool])
    _, headers, whole = await router.ask(QUESTION, tools=[tool])
    assert headers["x-vsr-cache"] == "hit"
    call = whole["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "weather", "arguments": '{"city": "text"}'}
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    opening = next(c for chunk in events(raw) for c in chunk["choices"] if c["delta"].get("tool_calls"))
    assert opening["delta"]["tool_calls"][0]["id"] == call["id"]
    _, _, raw = await router.ask(QUESTION, stream=True, tools=[tool])
    deltas = [d for chunk in events(raw) for c in chunk["choices"] for d in c["delta"].get("tool_calls", [])]
    assert deltas == [{"index": 0, **call}]


async def test_several_choices_keep_their_indexes(start: Start) -> None:
    router = await start()
    await router.ask(QUESTION, stream=True, n=3)
    _, headers, whole = await router.ask(QUESTION, n=3)
    assert headers["x-vsr-cache"] == "hit"
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]


async def test_equal_requests_at_a_time_share_one_upstream_call(start: Start) -> None:
    router = await start(pace=Pace(0.2, 0))
    answers = await asyncio.gather(*(router.ask(QUESTION, stream=number % 2 == 0) for number in range(8)))
    assert {status for status, _, _ in answers} == {200}
    whole = answers[1][2]["choices"][0]["message"]["content"]
    for number, (_, _, answer) in enumerate(answers):
        assert (text_of(events(answer)) if number % 2 == 0 else answer["choices"][0]["message"]["content"]) == whole
    assert router.standin.record.requests == 1


async def test_a_leaving_leader_does_not_harm_followers(start: Start) -> None:
    router = await start(pace=Pace(0.5, 0))
    leader = asyncio.create_task(router.ask(QUESTION))
    await router.until(lambda: router.standin.record.running == 1)
    follower = asyncio.create_task(router.ask(QUESTION, stream=True))
    await router.until(lambda: router.gateway.observer.running._value.get() == 2)
    leader.cancel()
    status, _, raw = await follower
    assert status == 200
    assert text_of(events(raw))
    assert (router.standin.record.requests, router.standin.record.cancelled) == (1, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_lone_leaving_client_cancels_the_upstream(start: Start, stream: bool) -> None:
    router = await start(pace=Pace(0.01 if stream else 30.0, 2.0))
    client = asyncio.create_task(router.ask(QUESTION, stream=stream))
    await router.until(lambda: router.standin.record.running == 1)
    client.cancel()
    await router.until(lambda: router.standin.record.cancelled == 1 and router.standin.record.running == 0)
    await router.until(lambda: router.gateway.engine.providers["local"].running == 0)


@pytest.mark.parametrize("model", ["small-length", "small-status-500", "small-garbage", "small-cut"])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_not_a_complete_answer_is_not_kept(start: Start, model: str, stream: bool) -> None:
    if model == "small-cut" and not stream:
        model = "small-status-400"
    router = await start(models=[{"name": "small", "provider": "local", "upstream_name": model}])
    await router.ask(QUESTION, stream=stream)
    seen = router.standin.record.requests
    _, headers, _ = await router.ask(QUESTION, stream=stream)
    assert headers.get("x-vsr-cache") != "hit"
    assert router.standin.record.requests > seen


async def test_a_cut_stream_ends_with_an_error_event_and_without_done(start: Start) -> None:
    router = await start(models=[{"name": "small", "provider": "local", "upstream_name": "small-cut"}])
    status, _, raw = await router.ask(QUESTION, stream=True)
    assert status == 200
    last = [part for part in raw.split(b"\n\n") if part][-1]
    assert b'"error"' in last
    assert b"[DONE]" not in raw


async def test_an_upstreams_error_keeps_status_words_and_retry_after(start: Start) -> None:
    router = await start(models=[{"name": "small", "provider": "local", "upstream_name": "small-status-429"}])
    status, headers, body = await router.ask(QUESTION)
    assert (status, headers["retry-after"]) == (429, "7")
    assert body["error"]["type"] == "rate_limit_error"


async def test_a_dead_endpoint_fails_over_before_the_first_byte(start: Start, unused_tcp_port: int) -> None:
    dead = f"http://127.0.0.1:{unused_tcp_port}/v1"
    router = await start(
        providers=lambda live: [{"name": "local", "base_url": dead, "endpoints": [f"{live}/v1"], "breaker_failures": 1}]
    )
    for number in range(3):
        assert (await router.ask(f"{QUESTION} {number}"))[0] == 200
    assert router.gateway.engine.providers["local"].endpoints[0].breaker.state(0) == "open"


async def test_a_fallback_answers_for_a_dead_model_and_is_not_kept_as_its_answer(
    start: Start, unused_tcp_port: int
) -> None:
    router = await start(
        providers=lambda live: [
            {"name": "dead", "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1", "retries": 0},
            {"name": "live", "base_url": f"{live}/v1"},
        ],
        models=[{"name": "small", "provider": "dead", "fallbacks": ["large"]}, {"name": "large", "provider": "live"}],
    )
    for expected in (1, 2):
        status, headers, body = await router.ask(QUESTION)
        assert (status, headers["x-vsr-selected-model"], body["model"]) == (200, "large", "large")
        assert router.standin.record.requests == expected


async def test_everything_down_is_a_502_in_words(start: Start, unused_tcp_port: int) -> None:
    dead = [{"name": "local", "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1", "retries": 0}]
    router = await start(providers=dead)
    status, _, body = await router.ask(QUESTION)
    assert status == 502
    assert "provider local cannot be reached" in body["error"]["message"]


async def test_a_saturated_provider_is_a_429(start: Start) -> None:
    router = await start(
        pace=Pace(30, 0),
        providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", "max_concurrency": 1}],
    )
    first = asyncio.create_task(router.ask(QUESTION))
    await router.until(lambda: router.standin.record.running == 1)
    status, headers, _ = await router.ask("Another question about something else?")
    assert (status, headers["retry-after"]) == (429, "1")
    first.cancel()
    await router.until(lambda: router.standin.record.running == 0)
