"""What is too large, too deep, too slow or too much is refused in words, and the router goes on."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from tests.system.gateway.conftest import Running, Start

from semantic_router_proxy.standin.app import Pace

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Which lakes are the deepest?"}]}


class Wire:
    """A connection without a client library: what a hostile or broken client may send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, router: Running) -> "Wire":
        host, port = router.url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Return the status and everything until the router closes the connection."""
        async with asyncio.timeout(10):
            raw = await self._reader.read()
        self._writer.close()
        return int(raw.split(b" ", 2)[1]) if raw else 0, raw


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize("ended", [True, False])
async def test_large_headers_are_a_431(start: Start, ended: bool) -> None:
    router = await start(server={"max_header_bytes": 4096})
    wire = await Wire.to(router)
    await wire.send(HEAD)
    await wire.send(b"x-large: " + b"a" * 5000 + (b"\r\n\r\n" if ended else b""))
    status, raw = await wire.answer()
    assert status == 431
    error = orjson.loads(raw.split(b"\r\n\r\n", 1)[1])["error"]
    assert "4096" in error["message"]
    assert (await router.post(CHAT, BODY))[0] == 200


async def test_many_small_headers_count_together_and_anew_for_each_request(start: Start) -> None:
    router = await start(server={"max_header_bytes": 4096})
    headers = {f"x-{number}": "a" * 100 for number in range(20)}
    for _ in range(4):
        assert (await router.post(CHAT, BODY, **headers))[0] == 200
    status, _, _ = await router.post(CHAT, BODY, **{f"x-{number}": "a" * 100 for number in range(50)})
    assert status == 431


@pytest.mark.parametrize("sent", [HEAD, HEAD + b"content-length: 10\r\n\r\n12345"])
async def test_a_slow_request_is_a_408(start: Start, sent: bytes) -> None:
    router = await start(server={"receive_timeout_seconds": 0.2})
    wire = await Wire.to(router)
    await wire.send(sent)
    status, raw = await wire.answer()
    assert status == 408
    assert b"did not arrive within 0.2 s" in raw
    assert b"connection: close" in raw


async def test_a_silent_connection_is_closed(start: Start) -> None:
    router = await start(server={"receive_timeout_seconds": 0.2})
    wire = await Wire.to(router)
    assert await wire.answer() == (0, b"")


async def test_what_is_not_http_is_a_400_in_json(start: Start) -> None:
    router = await start()
    wire = await Wire.to(router)
    await wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    status, raw = await wire.answer()
    assert status == 400
    assert b'"error"' in raw


@pytest.mark.parametrize(("depth", "status"), [(20, 200), (21, 400)])
async def test_a_body_as_deep_as_allowed_is_taken_and_a_deeper_one_refused(
    start: Start, depth: int, status: int
) -> None:
    router = await start(server={"max_body_depth": 20})
    nested: Any = "end"
    for _ in range(depth - 1):
        nested = [nested]
    answered, _, body = await router.post(CHAT, {**BODY, "metadata_of_mine": nested})
    assert answered == status
    assert status == 200 or body["error"]["code"] == "too_deep"


async def test_an_answer_that_takes_too_long_is_a_504_and_cancels_the_upstream(start: Start) -> None:
    router = await start(pace=Pace(30, 0), server={"request_timeout_seconds": 0.2})
    status, _, body = await router.post(CHAT, BODY)
    assert (status, body["error"]["code"]) == (504, "request_timeout")
    await router.until(lambda: router.standin.record.cancelled == 1)


async def test_requests_a_minute_are_counted_for_each_caller(start: Start) -> None:
    router = await start(access={"requests_per_minute": 2})
    statuses = [(await router.post(CHAT, BODY, authorization="Bearer one"))[0] for _ in range(2)]
    assert statuses == [200, 200]
    status, headers, body = await router.post(CHAT, BODY, authorization="Bearer one")
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(headers["retry-after"]) <= 30
    assert (await router.post(CHAT, BODY, authorization="Bearer two"))[0] == 200
    status, _, _ = await router.post("/v1/embeddings", {"input": "x"}, authorization="Bearer one")
    assert status == 429, "all endpoints count together"


async def test_a_key_may_have_limits_of_its_own(start: Start, tmp_path: Path) -> None:
    def entry(name: str, **limits: int) -> dict[str, Any]:
        return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), **limits}

    keys = [entry("small"), entry("large", requests_per_minute=1000)]
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump({"keys": keys}))
    router = await start(access={"keys_file": "keys.yaml", "requests_per_minute": 1})
    small = [(await router.post(CHAT, BODY, authorization="Bearer small"))[0] for _ in range(2)]
    large = [(await router.post(CHAT, BODY, authorization="Bearer large"))[0] for _ in range(3)]
    assert (small, large) == ([200, 429], [200, 200, 200])


async def test_requests_at_a_time_are_limited_until_one_ends(start: Start) -> None:
    router = await start(pace=Pace(30, 0), access={"max_concurrency": 1})
    first = asyncio.create_task(router.post(CHAT, BODY, authorization="Bearer one"))
    await router.until(lambda: router.standin.record.running == 1)
    status, headers, body = await router.post(CHAT, {**BODY, "n": 2}, authorization="Bearer one")
    assert (status, headers["retry-after"], body["error"]["code"]) == (429, "1", "concurrency_limit")
    first.cancel()
    await router.until(lambda: router.standin.record.running == 0)
    router.standin.pace = Pace()
    assert (await router.post(CHAT, {**BODY, "n": 2}, authorization="Bearer one"))[0] == 200
