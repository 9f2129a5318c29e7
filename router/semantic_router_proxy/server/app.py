"""The API on port 8801: an ASGI application that knows its few paths by heart."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from semantic_router_proxy.config.server import ServerConfig
from semantic_router_proxy.server import counting, feedback, models
from semantic_router_proxy.server.embeddings import answer_embeddings
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.gateway import Gateway, Request
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.http import (
    ASGIApp,
    ClientGoneError,
    Header,
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
_POSTED = frozenset({*PROTOCOLS, _EMBEDDINGS, counting.PATH, feedback.PATH})
# Clients of other gateways leave the version out.
_WITHOUT_VERSION = {path.removeprefix("/v1"): path for path in (*PROTOCOLS, _EMBEDDINGS, models.PATH)}


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
        path = _WITHOUT_VERSION.get(path, path)
        protocol = PROTOCOLS.get("/v1/messages" if path == counting.PATH else path)
        if path not in _POSTED:
            await self._other(path, scope, send)
            return
        record = RequestRecord("", path.removeprefix("/v1/"))
        gateway = self._health.gateway
        try:
            if scope["method"] != "POST":
                raise ApiError(405, f"{path} takes POST only.", headers={"allow": "POST"})
            if gateway is None:
                raise ApiError(503, "The router is starting.", headers={"retry-after": "2"})
            await self._admit(gateway, path, record, scope, receive, send)
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
        path: str,
        record: RequestRecord,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Let a request in whose caller may ask, and may ask now."""
        headers = header_map(scope)
        record.request_id = request_id(headers)
        record.span = gateway.observer.tracer.begin(headers, f"POST {path}")
        access = gateway.engine.access
        key = access.check(headers) if access is not None else None
        caller = key.name if key is not None else ""
        limits = key.limits if key is not None else gateway.engine.limits
        server = gateway.engine.config.server
        with gateway.callers.admitted(limited_as(headers, caller), limits):
            raw = await read_body(receive, headers, server.max_body_bytes, server.receive_timeout_seconds)
            body = parse_object(raw, server.max_body_depth)
            if path == feedback.PATH:
                told = await feedback.take_feedback(gateway, body, headers, caller)
                record.status = 200
                await send_json(send, 200, told)
                return
            protocol = PROTOCOLS.get(path)
            if protocol is None:
                answer = counting.count_message_tokens if path == counting.PATH else answer_embeddings
                await self._tell_at_once(answer(gateway, body, headers, record), server, record, receive, send)
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

    async def _tell_at_once(
        self,
        answering: Coroutine[Any, Any, tuple[tuple[Header, ...], bytes]],
        server: ServerConfig,
        record: RequestRecord,
        receive: Receive,
        send: Send,
    ) -> None:
        """Tell an answer that is neither streamed nor shared."""
        seconds = server.request_timeout_seconds
        try:
            async with while_connected(receive), asyncio.timeout(seconds):
                told, answer = await answering
        except TimeoutError:
            raise ApiError(504, f"The answer took longer than {seconds:g} s.", code="request_timeout") from None
        record.status = 200
        await send_bytes(send, 200, (*told, *identity_headers(record)), answer)

    async def _other(self, path: str, scope: Scope, send: Send) -> None:
        gateway = self._health.gateway
        if path in ("/healthz", "/health"):
            await send_json(send, 200, {"status": "ok"})
        elif path == "/readyz":
            await send_json(send, *self._health.ready())
        elif path != models.PATH and not path.startswith(f"{models.PATH}/"):
            await send_error(send, _unknown(path, scope["method"]))
        elif gateway is None:
            await send_error(send, ApiError(503, "The router is starting.", headers={"retry-after": "2"}))
        else:
            try:
                await send_json(send, 200, models.told_models(gateway.engine, path, header_map(scope)))
            except ApiError as error:
                await send_error(send, error)


def _unknown(path: str, method: str) -> ApiError:
    if path.startswith("/v1/responses/"):
        message = (
            "This router keeps no responses: send the whole conversation as 'input' instead of an earlier one's id."
        )
        return ApiError(404, message, code="responses_not_kept")
    where = " The API begins at /v1; the dashboard is on the admin port." if path == "/" else ""
    return ApiError(404, f"There is no {method} {path} here.{where}", code="unknown_url")
