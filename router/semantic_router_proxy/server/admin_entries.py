"""The cache's entries on the admin port: search by words, delete one, invalidate many."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semantic_router_proxy.cache.backend import CacheBackend
from semantic_router_proxy.cache.entry import EntryHeader
from semantic_router_proxy.server.admin_access import AdminToken, json_object, running_gateway
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.json_response import json_response

_MOST = 200
_SELECTORS = ("scope", "model")


def entry_routes(health: Health, token: AdminToken) -> list[Route]:
    """Return the routes below /api/cache."""

    def backend() -> CacheBackend:
        cache = running_gateway(health).cache
        if cache is None:
            raise ApiError(409, "The cache is off.", code="cache_disabled")
        return cache.backend

    async def search(request: Request) -> Response:
        token.check(request, write=False)
        if not token.may_see_questions(request):
            raise ApiError(403, "Stored questions are shown to the holder of an admin token.", code="no_token")
        words = request.query_params.get("words", "")
        limit = request.query_params.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= _MOST:
            raise invalid(f"'limit' must be a number from 1 to {_MOST}.", param="limit")
        found = await backend().search_questions(words, int(limit))
        return json_response({"entries": [_shown(header) for header in found]})

    async def delete(request: Request) -> Response:
        token.check(request, write=True)
        entry_id = request.path_params["entry_id"]
        if not await backend().delete(entry_id):
            raise ApiError(404, "There is no such entry.", code="entry_not_found")
        return json_response({"deleted": entry_id})

    async def invalidate(request: Request) -> Response:
        token.check(request, write=True)
        body = await json_object(request)
        for key, value in body.items():
            if key not in _SELECTORS or not isinstance(value, str):
                # A selector that is not understood must not become "everything".
                raise invalid(f"'{key}' is not understood; scope and model are, as texts.", param=key)
        return json_response({"invalidated": await backend().invalidate(**body)})

    return [
        Route("/api/cache/entries", search),
        Route("/api/cache/entries/{entry_id}", delete, methods=["DELETE"]),
        Route("/api/cache/invalidate", invalidate, methods=["POST"]),
    ]


def _shown(header: EntryHeader) -> dict[str, Any]:
    return {
        "entry_id": header.entry_id,
        "question": header.query,
        "model": header.model,
        "decision": header.decision,
        "scope": header.scope,
        "semantic": header.semantic,
        "created_at": header.created_at,
        "expires_at": header.expires_at,
    }
