"""The API on port 8801: an ASGI application that knows its few paths by heart."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from semantic_router_proxy.server import feedback
from semantic_router_proxy.server.embeddings import answer_embeddings
from semantic_router_proxy.server.engine import AUTO_MODELS
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.gateway import Gateway, Request
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.http import (
    ASGIApp,
    ClientGoneError,
    Receive,
    Scope,
    Send,
    header_map,
    parse_object,
    read_body,
    request_id,
    send_bytes,
    send_error,
    send_json,
)
from semantic_router_proxy.server.identity import cache_scope, limited_as
from semantic_router_proxy.server.observe import RequestRecord
from semantic_router_proxy.server.protocols.base import WireProtocol
from semantic_router_proxy.server.protocols.chat import ChatCompletions, TextCompletions
from semantic_router_proxy.server.protocols.messages import Messages
from semantic_router_proxy.server.protocols.responses import Responses
from semantic_router_proxy.server.telling import identity_headers, send_hit, wait_for_answer, while_connected

_log = structlog.get_logger("semantic_router.server")

PROTOCOLS: dict[str, WireProtocol] = {
    "/v1/chat/completions": ChatCompletions(),
    "/v1/completions": TextCompletions(),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
}
_EMBEDDINGS = "/v1/embeddings"


def make_app(health: Health) -> ASGIApp:
    """Return the application. Until `health.gateway` is set it answers health checks and 503."""
    return _Api(health)


class _Api:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} is served here")
        path: str = scope["path"]
        protocol = PROTOCOLS.get(path)
        if protocol is None and path not in (_EMBEDDINGS, feedback.PATH):
            await self._other(path, scope, send)
            return
        record = RequestRecord("", path.removeprefix("/v1/"))
        gateway = self._health.gateway
        try:
            if scope["method"] != "POST":
                raise ApiError(405, f"{path} takes POST only.", headers={"allow": "POST"})
            if gateway is None:
                raise ApiError(503, "The router is starting.", headers={"retry-after": "2"})
            await self._admit(gateway, protocol, record, scope, receive, send)
        except ApiError as error:
            record.status = error.status
            words = None if protocol is None else protocol.error(error)
            await send_error(send, error, identity_headers(record), words)
        except ClientGoneError:
            record.status = 499
        except Exception:  # noqa: BLE001 - the last line: one request fails, the process goes on
            _log.exception("request_failed", request_id=record.request_id)
            record.status = 500
            await send_error(send, ApiError(500, "The router failed; its log has the reason."))
        finally:
            if gateway is not None:
                gateway.observer.finished(record)

    async def _admit(
        self,
        gateway: Gateway,
        protocol: WireProtocol | None,
        record: RequestRecord,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Let a request in whose caller may ask, and may ask now."""
        headers = header_map(scope)
        record.request_id = request_id(headers)
        record.span = gateway.observer.tracer.begin(headers, f"POST {scope['path']}")
        access = gateway.engine.access
        key = access.check(headers) if access is not None else None
        caller = key.name if key is not None else ""
        limits = key.limits if key is not None else gateway.engine.limits
        server = gateway.engine.config.server
        with gateway.callers.admitted(limited_as(headers, caller), limits):
            raw = await read_body(receive, headers, server.max_body_bytes, server.receive_timeout_seconds)
            body = parse_object(raw, server.max_body_depth)
            if scope["path"] == feedback.PATH:
                told = await feedback.take_feedback(gateway, body, headers, caller)
                record.status = 200
                await send_json(send, 200, told)
                return
            if protocol is None:
                await self._embeddings(gateway, body, headers, record, receive, send)
                return
            protocol.check(body)
            request = Request(protocol, body, headers, cache_scope(headers, body, caller), record, caller)
            record.stream = request.stream
            hit = await gateway.find_exact(request)
            if hit is not None:
                await send_hit(gateway, request, hit, send)
                return
            gateway.observer.running.inc()
            try:
                await wait_for_answer(gateway, request, server.request_timeout_seconds, receive, send)
            finally:
                gateway.observer.running.dec()

    async def _embeddings(
        self,
        gateway: Gateway,
        body: dict[str, Any],
        headers: Mapping[str, str],
        record: RequestRecord,
        receive: Receive,
        send: Send,
    ) -> None:
        seconds = gateway.engine.config.server.request_timeout_seconds
        try:
            async with while_connected(receive), asyncio.timeout(seconds):
                told, answer = await answer_embeddings(gateway, body, headers, record)
        except TimeoutError:
            raise ApiError(504, f"The answer took longer than {seconds:g} s.", code="request_timeout") from None
        record.status = 200
        await send_bytes(send, 200, (*told, *identity_headers(record)), answer)

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
