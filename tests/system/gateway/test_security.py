"""No open proxy, no second way in: only configured hosts are reachable, whatever a request or a provider says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.system.gateway.conftest import Running, Start, listening

from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.admin import make_admin_app

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Which seas have no coast?"}]}


class Trap:
    """A server that nothing may reach; as a provider it answers as a test wants."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.answer: tuple[int, list[tuple[bytes, bytes]], bytes] = (200, [], b"{}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        status, headers, body = self.answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def trap() -> Trap:
    return Trap()


@pytest.fixture
async def trap_url(trap: Trap) -> AsyncIterator[str]:
    async with listening(trap) as url:
        yield url


async def raw(router: Running, head: str, body: bytes) -> tuple[int, bytes]:
    """Send a request as it is written here; return the status and all bytes of the answer."""
    host, port = router.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_providers_redirect_is_not_followed(start: Start, status: int) -> None:
    provider, elsewhere = Trap(), Trap()
    async with listening(elsewhere) as target, listening(provider) as url:
        provider.answer = (status, [(b"location", f"{target}/v1/chat/completions".encode())], b"")
        router = await start(providers=[{"name": "local", "base_url": f"{url}/v1"}])
        answered, headers, body = await router.post(CHAT, BODY)
        assert (answered, body["error"]["code"]) == (502, "bad_upstream")
        assert "location" not in headers
        embedded, _, _ = await router.post("/v1/embeddings", {"model": "small", "input": "x"})
        assert embedded == 502
        assert elsewhere.paths == []


@pytest.mark.parametrize(
    "head",
    [
        "POST {trap}/v1/chat/completions HTTP/1.1\nhost: {host}\n",
        "POST /v1/chat/completions HTTP/1.1\nhost: {host}\n",
        "POST /v1/chat/completions HTTP/1.1\nhost: x\nx-forwarded-host: {host}\nx-original-url: {trap}/\n",
        "POST /v1/chat/completions HTTP/1.1\nhost: x\nforwarded: host={host}\nx-host: {host}\n",
    ],
)
async def test_no_form_of_a_request_changes_the_host(start: Start, trap: Trap, trap_url: str, head: str) -> None:
    router = await start()
    sent = orjson.dumps(BODY)
    lines = head.format(trap=trap_url, host=trap_url.removeprefix("http://"))
    status, _ = await raw(router, f"{lines}content-length: {len(sent)}\nconnection: close\n", sent)
    assert status == 200
    assert trap.paths == []
    assert router.standin.record.paths == {CHAT: 1}
    assert trap_url.removeprefix("http://") not in router.standin.record.last_headers.values()


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT {host} HTTP/1.1",
        "GET {trap}/v1/anything HTTP/1.1",
        "GET /v1/models/..%2f..%2f{host} HTTP/1.1",
        "GET /v1/../{trap} HTTP/1.1",
        "GET //{host}/v1/models HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ],
)
async def test_other_targets_are_no_way_out(start: Start, trap: Trap, trap_url: str, line: str) -> None:
    router = await start()
    line = line.format(trap=trap_url, host=trap_url.removeprefix("http://"))
    status, _ = await raw(router, f"{line}\nhost: x\nconnection: close\n", b"")
    assert status in (400, 404, 405)
    assert trap.paths == []


async def test_addresses_in_a_body_are_not_asked_by_the_router(start: Start, trap: Trap, trap_url: str) -> None:
    router = await start()
    picture = {"type": "image_url", "image_url": {"url": f"{trap_url}/picture.png"}}
    fields = {"base_url": trap_url, "api_base": trap_url, "model_url": trap_url, "provider": trap_url}
    status, _, _ = await router.post(CHAT, {**BODY, **fields, "messages": [{"role": "user", "content": [picture]}]})
    assert status == 200
    status, _, _ = await router.post(CHAT, {**BODY, "model": f"{trap_url}/v1"})
    assert status == 200, "an unknown model is the default here"
    assert trap.paths == []


async def test_a_proxy_of_the_environment_is_not_used(
    start: Start, trap: Trap, trap_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, trap_url)
    router = await start()
    status, _, _ = await router.post(CHAT, BODY)
    assert (status, trap.paths) == (200, [])


async def test_a_providers_cookies_and_odd_headers_reach_nobody(start: Start) -> None:
    provider = Trap()
    async with listening(provider) as url:
        odd = [(b"set-cookie", b"a=1"), (b"x-internal", b"secret"), (b"x-ratelimit-limit-requests", b"5")]
        provider.answer = (429, odd, b'{"error": {"message": "later"}}')
        router = await start(providers=[{"name": "local", "base_url": f"{url}/v1", "retries": 0}])
        status, headers, _ = await router.post(CHAT, BODY)
        assert status == 429
        assert headers["x-ratelimit-limit-requests"] == "5"
        assert not {"set-cookie", "x-internal"} & headers.keys()


async def test_a_providers_error_that_quotes_the_routers_key_is_not_passed_on(start: Start, tmp_path: Path) -> None:
    (tmp_path / "provider.key").write_text("sk-canary-5531\n")
    provider = Trap()
    async with listening(provider) as url:
        provider.answer = (400, [], b'{"error": {"message": "bad key sk-canary-5531"}}')
        router = await start(
            providers=[{"name": "local", "base_url": f"{url}/v1", "api_key_file": "provider.key", "retries": 0}]
        )
        status, _, body = await router.post(CHAT, BODY)
    assert status == 400
    assert "sk-canary" not in str(body)


async def test_each_port_serves_its_own_side_only(start: Start, tmp_path: Path) -> None:
    router = await start()
    admin = make_admin_app(router.health, AdminConfig(), tmp_path)
    async with listening(admin) as url:
        for path in ("/", "/api/state", "/api/explain", "/api/cache/invalidate", "/metrics", "/dashboard.js"):
            async with router.session.get(router.url + path) as response:
                assert response.status == 404
        async with router.session.post(url + CHAT, json=BODY) as response:
            assert response.status == 404


@pytest.mark.parametrize(("host", "shown"), [("localhost:8080", True), ("attacker.example", False)])
async def test_a_name_that_was_made_to_lead_here_sees_no_questions(
    start: Start, tmp_path: Path, host: str, shown: bool
) -> None:
    router = await start()
    await router.post(CHAT, BODY)
    async with (
        listening(make_admin_app(router.health, AdminConfig(), tmp_path)) as url,
        router.session.get(f"{url}/api/state", headers={"host": host}) as response,
    ):
        state = await response.json()
    assert bool(state["recent"][0]["question"]) == shown
