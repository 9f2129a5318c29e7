"""The official clients for Node.js, unmodified, against the router."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.npm import installed, node
from tests.system.gateway.conftest import Running, Start

from semantic_router_proxy.standin.app import Pace

FOLDER = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def modules() -> Path:
    return installed(FOLDER)


async def run(case: str, router: Running, modules: Path) -> Any:
    process = await asyncio.create_subprocess_exec(
        node(), str(FOLDER / "clients.mjs"), case, router.url, str(modules),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def test_chat_twice(start: Start, modules: Path) -> None:
    seen = await run("chat", await start(), modules)
    assert seen["cache"] == "hit"
    assert seen["second"] == seen["first"]
    assert seen["id"].startswith("req_")


async def test_a_stream_live_and_replayed(start: Start, modules: Path) -> None:
    router = await start()
    seen = await run("stream", router, modules)
    assert seen["live"]["said"].startswith("About")
    assert seen["replayed"] == seen["live"]
    assert seen["live"]["usage"]["total_tokens"] > 0
    assert router.standin.record.requests == 1


async def test_tools_live_and_replayed(start: Start, modules: Path) -> None:
    seen = await run("tools", await start(), modules)
    assert [(call["name"], call["arguments"]) for call in seen] == [("level", '{"city": "text"}')] * 2


async def test_parse(start: Start, modules: Path) -> None:
    assert await run("parse", await start(), modules) == {"name": "text", "length": 1}


async def test_responses(start: Start, modules: Path) -> None:
    seen = await run("responses", await start(), modules)
    assert seen["whole"].startswith("About")
    assert seen["streamed"] == seen["whole"]
    assert (seen["first"], seen["last"]) == ("response.created", "response.completed")


async def test_embeddings(start: Start, modules: Path) -> None:
    assert await run("embeddings", await start(), modules) == [256, 256]


async def test_errors_have_the_clients_types(start: Start, modules: Path) -> None:
    models = [
        {"name": name, "provider": "local", "upstream_name": upstream}
        for name, upstream in (("limited", "x-status-429"), ("bad", "x-status-400"), ("cut", "x-cut"))
    ]
    seen = await run("errors", await start(models=models, default_model="bad"), modules)
    kinds = {name: (each["kind"], each.get("status")) for name, each in seen.items()}
    assert kinds == {
        "limited": ("RateLimitError", 429),
        "bad": ("BadRequestError", 400),
        "unknown": ("NotFoundError", 404),
        "cut": ("APIError", None),
        "claude": ("RateLimitError", 429),
    }


async def test_leaving_cancels_the_upstream(start: Start, modules: Path) -> None:
    router = await start(pace=Pace(0.01, 2))
    seen = await run("leaving", router, modules)
    assert seen["timeout"]["kind"] == "APIConnectionTimeoutError"
    assert seen["aborted"]["kind"] == "APIUserAbortError"
    seen_there = router.standin.record
    # A call that was given up before it had gone out is none to cancel; the stream's had begun.
    await router.until(lambda: seen_there.cancelled == seen_there.requests >= 1 and seen_there.running == 0)


async def test_anthropics_client(start: Start, modules: Path) -> None:
    router = await start()
    seen = await run("claude", router, modules)
    assert seen["whole"]["content"][0]["text"].startswith("About")
    assert seen["streamed"]["content"] == seen["whole"]["content"]
    assert seen["streamed"]["id"] == seen["whole"]["id"]
    assert seen["live"]["stop_reason"] == "tool_use"
    assert seen["live"]["content"][0]["input"] == {"city": "text"}
    assert router.standin.record.requests == 2
    assert seen["counted"]["input_tokens"] > 0
    assert seen["models"] == ["auto", "small", "large"]
