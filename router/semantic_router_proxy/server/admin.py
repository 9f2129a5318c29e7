"""The admin side on port 8080: health, the dashboard and its API; and the metrics on their own port.

Reading needs the token where one is configured. Changing always does: without a token nothing can be changed. The
questions of recent requests are shown to holders of the token, and without one to callers on this machine.
"""

import hmac
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.explain import explain
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.identity import bearer_token
from semantic_router_proxy.server.json_response import json_response
from semantic_router_proxy.server.state import state

_HTML, _CSS, _SCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))
_PAGES = {
    "/": ("index.html", _HTML),
    "/dashboard.css": ("dashboard.css", _CSS),
    **{f"/{name}.js": (f"{name}.js", _SCRIPT) for name in ("dashboard", "page", "session", "try", "cache")},
}
_SAFETY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_NAMES = _LOOPBACK | {"localhost"}
_LONGEST_BODY = 256 * 1024


def make_admin_app(health: Health, config: AdminConfig, base: Path) -> Starlette:
    """Return the application of the admin port. `base` is the folder that a relative token_file starts at."""
    token = _Token(config, base)

    async def page(request: Request) -> Response:
        name, kind = _PAGES[request.url.path]
        content = files("semantic_router_proxy.server.dashboard").joinpath(name).read_bytes()
        return Response(content, headers={**_SAFETY, "content-type": kind})

    async def healthz(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_: Request) -> Response:
        status, body = health.ready()
        return json_response(body, status)

    async def read_state(request: Request) -> Response:
        token.check(request, write=False)
        return json_response(state(health, with_questions=token.may_see_questions(request)))

    async def explained(request: Request) -> Response:
        token.check(request, write=False)
        body = await _object(request)
        text = body.pop("text", None)
        if isinstance(text, str):
            # As clients send it: the cache tells requests apart by every field.
            body = {"model": "auto", **body, "messages": [{"role": "user", "content": text}]}
        if not isinstance(body.get("messages"), list):
            raise ApiError(400, 'Send {"text": "a question"} or a whole chat request.')
        told = await explain(_running(health), body)
        if not token.may_see_questions(request):
            for key in ("stored_question", "nearest_question"):
                told["cache"].pop(key, None)
        return json_response(told)

    async def invalidate(request: Request) -> Response:
        token.check(request, write=True)
        body = await _object(request)
        cache = _running(health).cache
        if cache is None:
            raise ApiError(409, "The cache is off.")
        count = await cache.backend.invalidate(scope=body.get("scope"), model=body.get("model"))
        return json_response({"invalidated": count})

    return Starlette(
        routes=[
            *(Route(path, page) for path in _PAGES),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/api/state", read_state),
            Route("/api/explain", explained, methods=["POST"]),
            Route("/api/cache/invalidate", invalidate, methods=["POST"]),
        ],
        exception_handlers={ApiError: _failed},
    )


def make_metrics_app(registry: CollectorRegistry) -> Starlette:
    """Return the application of the metrics port."""

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", metrics)])


class _Token:
    """The admin token, read at every use: its file may be rotated."""

    def __init__(self, config: AdminConfig, base: Path) -> None:
        self._variable = config.token_env
        self._file = base / config.token_file if config.token_file else None

    def _expected(self) -> str | None:
        """Return the token; None where none is configured. An unreadable one is empty and equals nothing."""
        if self._file is not None:
            try:
                return self._file.read_text(encoding="utf-8").strip()
            except OSError:
                return ""
        return os.environ.get(self._variable, "") if self._variable else None

    def _held(self, request: Request) -> bool:
        expected = self._expected()
        return bool(expected) and hmac.compare_digest(bearer_token(request.headers).encode(), str(expected).encode())

    def check(self, request: Request, *, write: bool) -> None:
        """Raise ApiError 401 or 403 where the caller may not do this."""
        if self._held(request):
            return
        if self._expected() is not None:
            raise ApiError(401, "Send the admin token as 'Authorization: Bearer TOKEN'.", code="admin_token")
        if write:
            raise ApiError(
                403, "Changes need an admin token: set admin.token_file or admin.token_env.", code="no_token"
            )

    def may_see_questions(self, request: Request) -> bool:
        local = request.client is not None and request.client.host in _LOOPBACK
        # A page of another site whose name was made to lead here (DNS rebinding) still sends that name.
        local = local and request.url.hostname in _LOOPBACK_NAMES
        return self._held(request) or (self._expected() is None and local)


def _running(health: Health) -> Gateway:
    if health.gateway is None:
        raise ApiError(503, "The router is starting.")
    return health.gateway


async def _object(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        # A browser sends this type to another origin only after asking, which is never answered here.
        raise ApiError(415, "Send JSON with content-type: application/json.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LONGEST_BODY:
            raise ApiError(413, f"The request body is larger than {_LONGEST_BODY} bytes.")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(400, "The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object.")
    return body


async def _failed(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return Response(error.body, error.status, {**error.headers, "content-type": "application/json"})
