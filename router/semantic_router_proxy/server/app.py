"""The API on port 8801: an ASGI application that knows its few paths by heart."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
import structlog

from semantic_router_proxy.cache.entry import CacheHit
from semantic_router_proxy.server.embeddings import embed
from semantic_router_proxy.server.engine import AUTO_MODELS
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.flight import Flight, Verdict
from semantic_router_proxy.server.gateway import Gateway, Request, exact_verdict, usage_of
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.http import (
    EVENT_STREAM,
    JSON,
    ClientGoneError,
    Header,
    Receive,
    Scope,
    Send,
    header_map,
    header_text,
    parse_object,
    read_body,
    request_id,
    send_bytes,
    send_error,
    send_json,
)
from semantic_router_proxy.server.identity import cache_scope
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.server.protocols.base import WireProtocol
from semantic_router_proxy.server.protocols.chat import ChatCompletions, TextCompletions
from semantic_router_proxy.server.protocols.responses import Responses

_log = structlog.get_logger("semantic_router.server")

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PROTOCOLS: dict[str, WireProtocol] = {
    "/v1/chat/completions": ChatCompletions(),
    "/v1/completions": TextCompletions(),
    "/v1/responses": Responses(),
}


def make_app(health: Health) -> ASGIApp:
    """Return the application. Until `health.gateway` is set it answers health checks and 503."""
    return _Api(health)


_EMBEDDINGS = "/v1/embeddings"


class _Api:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} is served here")
        path: str = scope["path"]
        protocol = PROTOCOLS.get(path)
        if protocol is None and path != _EMBEDDINGS:
            await self._other(path, scope, send)
            return
        record = RequestRecord("", path.removeprefix("/v1/"))
        gateway = self._health.gateway
        try:
            if scope["method"] != "POST":
                raise ApiError(405, f"{path} takes POST only.", headers={"allow": "POST"})
            if gateway is None:
                raise ApiError(503, "The router is starting.", headers={"retry-after": "2"})
            if protocol is None:
                await self._embeddings(gateway, record, scope, receive, send)
            else:
                await self._serve(gateway, protocol, record, scope, receive, send)
        except ApiError as error:
            record.status = error.status
            await send_error(send, error, _identity_headers(record))
        except ClientGoneError:
            record.status = 499
        except Exception:  # noqa: BLE001 - the last line: one request fails, the process goes on
            _log.exception("request_failed", request_id=record.request_id)
            record.status = 500
            await send_error(send, ApiError(500, "The router failed; its log has the reason."))
        finally:
            if gateway is not None:
                gateway.observer.finished(record)

    async def _serve(
        self,
        gateway: Gateway,
        protocol: WireProtocol,
        record: RequestRecord,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        headers = header_map(scope)
        record.request_id = request_id(headers)
        access = gateway.engine.access
        caller = access.check(headers) if access is not None else ""
        limits = gateway.engine.config.server
        body = parse_object(await read_body(receive, headers, limits.max_body_bytes))
        protocol.check(body)
        request = Request(protocol, body, headers, cache_scope(headers, body, caller), record, caller)
        record.stream = request.stream
        hit = await gateway.find_exact(request)
        if hit is not None:
            await _send_hit(gateway, request, hit, send)
            return
        gateway.observer.running.inc()
        try:
            await _wait_for_answer(gateway, request, limits.request_timeout_seconds, receive, send)
        finally:
            gateway.observer.running.dec()

    async def _embeddings(
        self, gateway: Gateway, record: RequestRecord, scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers = header_map(scope)
        record.request_id = request_id(headers)
        if gateway.engine.access is not None:
            gateway.engine.access.check(headers)
        body = parse_object(await read_body(receive, headers, gateway.engine.config.server.max_body_bytes))
        answer = await embed(gateway.embedder, body)
        record.status = 200
        await send_json(send, 200, answer, _identity_headers(record))

    async def _other(self, path: str, scope: Scope, send: Send) -> None:
        if path == "/healthz":
            await send_json(send, 200, {"status": "ok"})
        elif path == "/readyz":
            await send_json(send, *self._health.ready())
        elif path == "/v1/models" or path.startswith("/v1/models/"):
            await self._models(path, send)
        else:
            await send_error(send, ApiError(404, f"There is no {scope['method']} {path} here.", code="unknown_url"))

    async def _models(self, path: str, send: Send) -> None:
        gateway = self._health.gateway
        if gateway is None:
            await send_error(send, ApiError(503, "The router is starting.", headers={"retry-after": "2"}))
            return
        names = ["auto", *(name for name in gateway.engine.targets if name not in AUTO_MODELS)]
        asked = path.removeprefix("/v1/models").strip("/")
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "semantic-router"} for name in names]
        if not asked:
            await send_json(send, 200, {"object": "list", "data": listed})
            return
        for model in listed:
            if model["id"] == asked:
                await send_json(send, 200, model)
                return
        await send_error(
            send, ApiError(404, f"The model '{asked}' does not exist here.", param="model", code="model_not_found")
        )


async def _send_hit(gateway: Gateway, request: Request, hit: CacheHit, send: Send) -> None:
    verdict = exact_verdict(hit)
    request.record.status = 200
    _note(request.record, verdict)
    headers = _headers(request.record, verdict)
    if request.stream:
        answer = orjson.loads(hit.response)
        events = request.protocol.replay(answer, include_usage=request.include_usage)
        await send_bytes(send, 200, (*EVENT_STREAM, *headers), b"".join(events))
    else:
        await send_bytes(send, 200, (JSON, *headers), hit.response)
    _saved(gateway, verdict, hit.response)


async def _wait_for_answer(gateway: Gateway, request: Request, seconds: float, receive: Receive, send: Send) -> None:
    """Join the flight that makes the answer and tell it to the client, until one of the two is gone."""
    flight, coalesced = gateway.fly(request)
    landed = flight.finished
    request.record.coalesced = coalesced
    flight.join()
    me = asyncio.current_task()
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        if me is not None:
            me.cancel()

    watcher = asyncio.create_task(watch())
    sender = _Sender(send, request)
    try:
        async with asyncio.timeout(seconds):
            await _tell(gateway, flight, request, sender, landed=landed)
    except TimeoutError:
        await sender.fail(ApiError(504, f"The answer took longer than {seconds:g} s.", code="request_timeout"))
    except asyncio.CancelledError:
        if not gone:
            raise
        if me is not None:
            me.uncancel()
        request.record.status = 499
    finally:
        watcher.cancel()
        gateway.leave(flight, request)


async def _tell(gateway: Gateway, flight: Flight, request: Request, sender: "_Sender", *, landed: bool) -> None:
    await flight.until_begun()
    verdict = flight.verdict
    if verdict is None:
        await sender.fail(flight.failure or ApiError(500, "No answer was made."))
        return
    if landed and verdict.cache == "miss":
        # The answer was complete before this request came; it is only not in the cache's index yet.
        verdict = Verdict("hit", "exact", 1.0, time.time(), verdict.model, verdict.decision, verdict.reason)
    _note(request.record, verdict)
    protocol = request.protocol
    if request.stream and flight.streamed:
        await sender.begin_stream(verdict)
        async for event in flight.each_event():
            if request.include_usage or not protocol.usage_only(event):
                await sender.event(event)
        if flight.failure is not None:
            await sender.event(protocol.broken(flight.failure.message))
        await sender.end_stream()
    else:
        await flight.until_finished()
        if flight.body is None:
            await sender.fail(flight.failure or ApiError(502, "The answer is not complete."))
            return
        if request.stream:
            answer = orjson.loads(flight.body)
            await sender.begin_stream(verdict)
            for event in protocol.replay(answer, include_usage=request.include_usage):
                await sender.event(event)
            await sender.end_stream()
        else:
            await sender.whole(verdict, flight.body)
    if verdict.cache == "hit" and flight.body is not None:
        _saved(gateway, verdict, flight.body)


class _Sender:
    """Tells one answer to one client, and knows how much of it is out already."""

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._request = request
        self._streaming = False

    async def whole(self, verdict: Verdict, body: bytes) -> None:
        self._request.record.status = 200
        await send_bytes(self._send, 200, (JSON, *_headers(self._request.record, verdict)), body)

    async def begin_stream(self, verdict: Verdict) -> None:
        self._request.record.status = 200
        self._streaming = True
        headers = [*EVENT_STREAM, *_headers(self._request.record, verdict)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def event(self, event: bytes) -> None:
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def end_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: ApiError) -> None:
        if self._streaming:
            await self.event(self._request.protocol.broken(error.message))
            await self.end_stream()
            return
        self._request.record.status = error.status
        await send_error(self._send, error, _identity_headers(self._request.record))


def _note(record: RequestRecord, verdict: Verdict) -> None:
    record.cache = verdict.cache
    record.tier = verdict.tier
    record.similarity = verdict.similarity
    record.model = verdict.model
    record.decision = verdict.decision
    record.reason = verdict.reason


def _saved(gateway: Gateway, verdict: Verdict, body: bytes) -> None:
    usage = body.rfind(b'"usage"')
    if usage >= 0:
        prompt, completion = usage_of(orjson.loads(body))
        gateway.observer.tokens(verdict.model, "saved", prompt + completion)


def _identity_headers(record: RequestRecord) -> list[Header]:
    return [(b"x-request-id", record.request_id.encode("ascii"))] if record.request_id else []


def _headers(record: RequestRecord, verdict: Verdict) -> list[Header]:
    headers = _identity_headers(record)
    headers.append((b"x-vsr-cache", verdict.cache.encode()))
    if verdict.cache == "hit":
        headers += [
            (b"x-vsr-cache-tier", verdict.tier.encode()),
            (b"x-vsr-cache-similarity", f"{min(verdict.similarity, 1.0):.4f}".encode()),
            (b"x-vsr-cache-hit", b"true"),
            (b"age", str(max(0, int(time.time() - verdict.created_at))).encode()),
        ]
    elif record.cache_reason:
        headers.append((b"x-vsr-cache-reason", record.cache_reason.encode()))
    if verdict.model:
        headers.append((b"x-vsr-selected-model", header_text(verdict.model)))
    if verdict.decision:
        headers.append((b"x-vsr-selected-decision", header_text(verdict.decision)))
    if verdict.reason:
        headers.append((b"x-vsr-selected-reason", header_text(verdict.reason)))
    if verdict.cache != "hit" or verdict.tier == "semantic":
        headers.append((b"x-vsr-selected-reasoning", b"on" if verdict.use_reasoning else b"off"))
    headers += verdict.upstream_headers
    return headers
