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
