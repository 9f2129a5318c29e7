"""What goes to providers beside chat: embeddings, trace context; and endpoints that are checked."""

import asyncio
from typing import Any

import openai
import pytest
from tests.system.gateway.conftest import Start, listening

from semantic_router_proxy.standin.app import Pace, StandIn
from semantic_router_proxy.upstream.checks import HealthChecks

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_configured_model_embeds_at_its_provider(start: Start) -> None:
    router = await start()
    async with openai.AsyncOpenAI(api_key="test", base_url=f"{router.url}/v1", max_retries=0) as client:
        answer = await client.embeddings.create(model="small", input=["one text", "another text"])
    assert [len(item.embedding) for item in answer.data] == [384, 384]
    assert router.standin.record.paths == {"/v1/embeddings": 1}
    assert router.standin.record.last_body["input"] == ["one text", "another text"]


async def test_a_failing_embedding_provider_is_told_in_words(start: Start, unused_tcp_port: int) -> None:
    dead = f"http://127.0.0.1:{unused_tcp_port}/v1"
    router = await start(providers=[{"name": "local", "base_url": dead, "retries": 0}])
    status, _, body = await router.post("/v1/embeddings", {"model": "small", "input": "x"})
    assert (status, body["error"]["code"]) == (502, "upstream_unavailable")


async def test_trace_context_goes_on_and_nothing_else_of_the_caller(start: Start) -> None:
    router = await start()
    body = {"model": "auto", "messages": [{"role": "user", "content": "Which seas are inland?"}]}
    await router.post(
        "/v1/chat/completions",
        body,
        traceparent=TRACE,
        tracestate="a=1",
        cookie="session=1",
        x_forwarded_for="10.0.0.1",
    )
    seen = router.standin.record.last_headers
    assert (seen["traceparent"], seen["tracestate"]) == (TRACE, "a=1")
    assert not {"cookie", "x-forwarded-for"} & seen.keys()


async def test_a_dead_endpoint_gets_no_calls_and_comes_back_by_itself(start: Start) -> None:
    class Switch:
        """A model server that can be broken: its checks and calls are answered with 503."""

        def __init__(self) -> None:
            self.standin = StandIn(Pace(), ("small",))
            self.app = self.standin.app()
            self.broken = True

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if self.broken:
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            await self.app(scope, receive, send)

    switch = Switch()
    check = {"interval_seconds": 0.1, "failures": 2}
    async with listening(switch) as other:
        router = await start(
            providers=lambda live: [
                {"name": "local", "base_url": f"{other}/v1", "endpoints": [f"{live}/v1"], "health_check": check}
            ]
        )
        provider = router.gateway.engine.providers["local"]
        first, second = provider.endpoints
        checks = HealthChecks(router.gateway.client, lambda: router.gateway.engine.providers.values())
        running = asyncio.create_task(checks.run())
        await router.until(lambda: not provider.healthy(first))
        assert provider.healthy(second)
        assert first.breaker.state(0) == "closed", "no request had to find out"
        for number in range(3):
            assert (await router.ask(f"Which rivers are longer than {number} km?"))[0] == 200
        assert router.standin.record.paths["/v1/chat/completions"] == 3
        switch.broken = False
        await router.until(lambda: provider.healthy(first))
        switch.broken = True
        await router.until(lambda: not provider.healthy(first))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_where_all_checks_fail_calls_go_out_all_the_same(start: Start) -> None:
    router = await start(
        providers=lambda live: [
            {"name": "local", "base_url": f"{live}/v1", "health_check": {"path": "/hang", "failures": 1}}
        ]
    )
    provider = router.gateway.engine.providers["local"]
    provider.endpoints[0].failed_checks = 5
    assert not provider.healthy(provider.endpoints[0])
    assert (await router.ask("Which deserts are cold?"))[0] == 200


class Flaky:
    """A model server that answers some calls with a status of its own before it works."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls = 0
        self._app = StandIn(Pace(), ("small",)).app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        if not self.statuses:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.statuses.pop(0), "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@pytest.mark.parametrize(
    ("statuses", "retries", "status", "calls"),
    [
        ((503,), 2, 200, 2),
        ((500, 502), 2, 200, 3),
        ((503, 503, 503), 2, 503, 3),
        ((503,), 0, 503, 1),
        ((400,), 2, 400, 1),
        ((501,), 2, 501, 1),
    ],
)
async def test_failures_before_the_first_byte_are_tried_again(
    start: Start, statuses: tuple[int, ...], retries: int, status: int, calls: int
) -> None:
    flaky = Flaky(*statuses)
    async with listening(flaky) as url:
        router = await start(providers=[{"name": "local", "base_url": f"{url}/v1", "retries": retries}])
        assert (await router.ask("Which moons have an atmosphere?"))[0] == status
    assert flaky.calls == calls


async def test_a_provider_that_is_left_alone_is_a_503_that_says_for_how_long(start: Start) -> None:
    router = await start(
        providers=lambda live: [
            {
                "name": "local",
                "base_url": f"{live}/v1",
                "retries": 0,
                "breaker_failures": 1,
                "breaker_pause_seconds": 60,
            }
        ],
        models=[{"name": "m", "provider": "local", "upstream_name": "x-status-500"}],
        default_model="m",
    )
    status, _, _ = await router.ask("Which moons have rings?")
    assert status == 500
    status, headers, body = await router.ask("Which moons have seas?")
    assert (status, body["error"]["code"]) == (503, "upstream_left_alone")
    assert 1 <= int(headers["retry-after"]) <= 60
    assert router.standin.record.requests == 1


async def test_retries_end_with_their_budget(start: Start) -> None:
    flaky = Flaky(*[503] * 500)
    async with listening(flaky) as url:
        twice = {"base_url": f"{url}/v1", "endpoints": [f"{url}/v1"]}
        router = await start(providers=[{"name": "local", **twice, "retries": 1, "breaker_failures": 10_000}])
        for number in range(60):
            await router.ask(f"Which moons are larger than {number} km?")
    assert 60 + 20 <= flaky.calls <= 60 + 20 + 60 / 5, "twenty saved retries, and a fifth of the calls"


@pytest.mark.parametrize(
    ("pace", "limits"),
    [
        (Pace(30, 0), {"read_timeout_seconds": 0.2}),
        (Pace(30, 0), {"total_timeout_seconds": 0.2}),
    ],
)
async def test_a_silent_provider_is_a_504_after_one_attempt(start: Start, pace: Pace, limits: dict[str, float]) -> None:
    router = await start(
        pace=pace, providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", "retries": 3, **limits}]
    )
    status, _, body = await router.ask("Which moons have oceans?")
    assert (status, body["error"]["code"]) == (504, "upstream_timeout")
    await router.until(lambda: router.standin.record.cancelled == 1)
    assert router.standin.record.requests == 1


async def test_a_stream_above_the_total_time_ends_with_an_error(start: Start) -> None:
    router = await start(
        pace=Pace(0, 10),
        providers=lambda live: [{"name": "local", "base_url": f"{live}/v1", "total_timeout_seconds": 0.5}],
    )
    status, _, raw = await router.ask("Which moons have volcanoes?", stream=True)
    assert status == 200
    assert b'"error"' in raw
    assert b"[DONE]" not in raw


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Why?"}]}, {"reasoning_effort": "high"}),
        ("/v1/responses", {"input": "Why?"}, {"reasoning": {"effort": "high"}}),
        ("/v1/completions", {"prompt": "Why?"}, {}),
        ("/v1/responses", {"input": "Why?", "reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
    ],
)
async def test_reasoning_is_asked_for_in_the_protocols_own_words(
    start: Start, path: str, body: dict[str, Any], fields: dict[str, Any]
) -> None:
    router = await start(
        models=[{"name": "m", "provider": "local", "reasoning_family": "openai", "reasoning_effort": "high"}],
        default_model="m",
        signals={"keywords": [{"name": "why", "keywords": ["why"]}]},
        decisions=[
            {
                "name": "deep",
                "rules": {"conditions": [{"type": "keyword", "name": "why"}]},
                "modelRefs": [{"model": "m", "use_reasoning": True}],
            }
        ],
    )
    status, _, _ = await router.post(path, {"model": "auto", **body})
    assert status == 200
    sent = router.standin.record.last_body
    assert {key: value for key, value in sent.items() if key.startswith("reasoning")} == fields
