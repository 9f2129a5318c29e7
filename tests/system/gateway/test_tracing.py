"""Spans as a collector gets them: one trace from the caller to the model server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.system.gateway.conftest import Running, Start, listening

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUESTION = "Which composers were deaf in their later years?"


class Collector:
    """Takes OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self.headers: dict[str, str] = {}
        self.status = 200

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"] == "/v1/traces"
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.documents.append(orjson.loads(body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def spans(self) -> dict[str, Any]:
        """Return the spans by name."""
        return {
            span["name"]: span
            for document in self.documents
            for resource in document["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        }


@pytest.fixture
async def collector() -> Collector:
    return Collector()


@pytest.fixture
async def router(start: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k1")
    async with listening(collector) as url:
        yield await start(tracing={"endpoint": url})


async def flush(router: Running) -> None:
    """Let the tracer send what has ended, as at the end of the process."""
    running = asyncio.create_task(router.gateway.observer.tracer.run())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def attributes(span: Any) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


async def test_one_trace_from_the_caller_to_the_model_server(router: Running, collector: Collector) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": QUESTION}]}
    await router.post("/v1/chat/completions", body, traceparent=f"00-{TRACE}-{PARENT}-01")
    await flush(router)
    spans = collector.spans()
    root, call = spans["POST /v1/chat/completions"], spans["chat small"]
    assert {span["traceId"] for span in spans.values()} == {TRACE}
    assert root["parentSpanId"] == PARENT
    assert {spans[name]["parentSpanId"] for name in ("embed", "cache.lookup", "chat small")} == {root["spanId"]}
    assert router.standin.record.last_headers["traceparent"] == f"00-{TRACE}-{call['spanId']}-01"
    told = attributes(root)
    assert (told["http.response.status_code"], told["semantic_router.cache"]) == ("200", "miss")
    assert int(attributes(call)["gen_ai.usage.output_tokens"]) > 0
    assert (told["gen_ai.request.model"], attributes(call)["semantic_router.provider"]) == ("small", "local")
    assert collector.headers["x-collector-key"] == "k1"
    assert QUESTION not in str(collector.documents), "texts are not for traces"


async def test_a_hit_is_a_trace_without_a_call(router: Running, collector: Collector) -> None:
    await router.ask(QUESTION)
    await flush(router)
    collector.documents.clear()
    await router.ask(QUESTION)
    await flush(router)
    assert list(collector.spans()) == ["POST /v1/chat/completions"]
    told = attributes(collector.spans()["POST /v1/chat/completions"])
    assert (told["semantic_router.cache"], told["semantic_router.cache.tier"]) == ("hit", "exact")


async def test_a_failing_call_is_marked(start: Start, collector: Collector) -> None:
    async with listening(collector) as url:
        router = await start(
            tracing={"endpoint": url},
            models=[{"name": "small", "provider": "local", "upstream_name": "x-status-500"}],
        )
        await router.ask(QUESTION)
        await flush(router)
    assert collector.spans()["chat small"]["status"] == {"code": 2}
    assert collector.spans()["POST /v1/chat/completions"]["status"] == {"code": 2}


async def test_a_collector_that_fails_harms_nothing(router: Running, collector: Collector) -> None:
    collector.status = 503
    assert (await router.ask(QUESTION))[0] == 200
    await flush(router)
    registry = router.gateway.observer.registry
    assert registry.get_sample_value("semantic_router_spans_total", {"outcome": "failed"}) == 4
    assert (await router.ask(QUESTION))[0] == 200
