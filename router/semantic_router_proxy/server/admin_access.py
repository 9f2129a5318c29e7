"""Who may do what on the admin port, and what a request there may carry."""

import hmac
import os
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request

from semantic_router_proxy.config.server import AdminConfig
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.identity import bearer_token

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_NAMES = _LOOPBACK | {"localhost"}
_LONGEST_BODY = 256 * 1024


class AdminToken:
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


def running_gateway(health: Health) -> Gateway:
    """Return the gateway. Raises ApiError 503 while the router starts."""
    if health.gateway is None:
        raise ApiError(503, "The router is starting.")
    return health.gateway


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request carries. Raises ApiError 415, 413 or 400."""
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
