"""The admin side on port 8080: health, the dashboard and its API; and the metrics on their own port.

Reading needs the token where one is configured. Changing always does: without a token nothing can be changed. The
questions of recent requests are shown to holders of the token, and without one to callers on this machine.
"""

from importlib.resources import files
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.admin_access import AdminToken, json_object, running_gateway
from semantic_router_proxy.server.admin_cache import cache_routes
from semantic_router_proxy.server.admin_entries import entry_routes
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.explain import explain
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.identity import ANONYMOUS, cache_scope
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


def make_admin_app(health: Health, config: AdminConfig, base: Path) -> Starlette:
    """Return the application of the admin port. `base` is the folder that a relative token_file starts at."""
    token = AdminToken(config, base)

    async def page(request: Request) -> Response:
        name, kind = _PAGES[request.url.path]
        content = files("semantic_router_proxy.server.dashboard").joinpath(name).read_bytes()
        return Response(content, headers={**_SAFETY, "content-type": kind})

    async def healthz(_: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_: Request) -> Response:
        status, body = health.ready(detailed=True)
        return json_response(body, status)

    async def read_state(request: Request) -> Response:
        token.check(request, write=False)
        return json_response(state(health, with_questions=token.may_see_questions(request)))

    async def explained(request: Request) -> Response:
        token.check(request, write=False)
        body = await json_object(request)
        text = body.pop("text", None)
        if isinstance(text, str):
            # As clients send it: the cache tells requests apart by every field.
            body = {"model": "auto", **body, "messages": [{"role": "user", "content": text}]}
        if not isinstance(body.get("messages"), list):
            raise ApiError(400, 'Send {"text": "a question"} or a whole chat request.')
        headers = body.pop("headers", None) or {}
        caller, scope = (body.pop(name, None) or "" for name in ("caller", "scope"))
        if not isinstance(headers, dict) or not isinstance(caller, str) or not isinstance(scope, str):
            raise ApiError(400, "'headers' must be an object, 'caller' the name of an API key, 'scope' text.")
        seen = {str(name).lower(): str(value) for name, value in headers.items()}
        scope = scope or cache_scope(seen, body, caller)
        if scope != ANONYMOUS and not token.may_see_questions(request):
            # Whether somebody has asked a question is as much theirs as the question.
            raise ApiError(403, "What others have asked is told to the holder of an admin token.", code="no_token")
        told = await explain(running_gateway(health), body, scope, headers=seen, caller=caller)
        if not token.may_see_questions(request):
            for key in ("stored_question", "nearest_question"):
                told["cache"].pop(key, None)
        return json_response(told)

    return Starlette(
        routes=[
            *(Route(path, page) for path in _PAGES),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/api/state", read_state),
            Route("/api/explain", explained, methods=["POST"]),
            *cache_routes(health, token),
            *entry_routes(health, token),
        ],
        exception_handlers={ApiError: _failed, StoreUnavailable: _store_failed},
    )


def make_metrics_app(registry: CollectorRegistry) -> Starlette:
    """Return the application of the metrics port."""

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", metrics)])


async def _failed(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return Response(error.body, error.status, {**error.headers, "content-type": "application/json"})


async def _store_failed(_: Request, error: Exception) -> Response:
    failure = ApiError(503, f"The store does not answer: {error}.", code="store_unavailable")
    return Response(failure.body, failure.status, {"content-type": "application/json"})
