"""The cache as a whole on the admin port: statistics, archives out and in, warming up."""

import io
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from semantic_router_proxy.cache.archive import ArchiveError, ArchiveHeader
from semantic_router_proxy.cache.entry import Selection
from semantic_router_proxy.cache.service import SemanticCache
from semantic_router_proxy.cache.transfer import export_entries, import_entries
from semantic_router_proxy.server.admin_access import AdminToken, json_object, running_gateway
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.json_response import json_response
from semantic_router_proxy.server.warming import warm

# An archive comes in parts of this size at most (compressed); `semantic-router cache import` cuts larger ones.
LARGEST_PART = 16 * 1024 * 1024
_ARCHIVE = "application/gzip"


def cache_routes(health: Health, token: AdminToken) -> list[Route]:
    """Return the routes of /api/cache that are about all entries."""

    async def stats(request: Request) -> Response:
        token.check(request, write=False)
        gateway = running_gateway(health)
        header = _header(gateway)
        told = asdict(running_cache(health).get_stats())
        return json_response(told | {"embedder": header.embedder, "policy_epoch": header.policy})

    async def export(request: Request) -> Response:
        # Whoever may change nothing shall not carry everything away either.
        token.check(request, write=True)
        selection = selection_of(dict(request.query_params))
        pieces = export_entries(running_cache(health).backend, _header(running_gateway(health)), selection)
        # A store that is down is told by a status, not by an archive that ends too early.
        first = await anext(pieces)
        return StreamingResponse(_with(first, pieces), media_type=_ARCHIVE)

    async def import_(request: Request) -> Response:
        token.check(request, write=True)
        if request.headers.get("content-type", "").partition(";")[0] != _ARCHIVE:
            raise ApiError(415, f"Send an archive of `semantic-router cache export` with content-type: {_ARCHIVE}.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_PART:
                raise ApiError(
                    413,
                    f"A part of an archive has at most {LARGEST_PART} bytes. `semantic-router cache import FILE --url "
                    "…` sends an archive of any size in parts.",
                )
        backend, header = running_cache(health).backend, _header(running_gateway(health))
        try:
            imported = await import_entries(backend, header, io.BytesIO(bytes(body)))
        except ArchiveError as error:
            raise invalid(f"The archive was refused: {error}.", code="bad_archive") from None
        return json_response(asdict(imported))

    async def warm_up(request: Request) -> Response:
        token.check(request, write=True)
        body = await json_object(request)
        asked, answer, scope = body.get("request"), body.get("response"), body.get("scope", "anonymous")
        if not isinstance(asked, dict) or not isinstance(answer, dict) or not isinstance(scope, str):
            raise invalid('Send {"request": a chat request, "response": its answer, "scope": whose it is}.')
        running_cache(health)
        entry_id, reason = await warm(running_gateway(health), asked, orjson.dumps(answer), scope)
        return json_response({"entry_id": entry_id, "reason": reason})

    return [
        Route("/api/cache/stats", stats),
        Route("/api/cache/export", export),
        Route("/api/cache/import", import_, methods=["POST"]),
        Route("/api/cache/warm", warm_up, methods=["POST"]),
    ]


def running_cache(health: Health) -> SemanticCache:
    """Return the cache. Raises ApiError 503 while the router starts, 409 where the cache is off."""
    cache = running_gateway(health).cache
    if cache is None:
        raise ApiError(409, "The cache is off.", code="cache_disabled")
    return cache


def selection_of(given: dict[str, Any]) -> Selection:
    """Return which entries are meant. Raises ApiError: what is not understood must not become "everything"."""
    texts: dict[str, str] = {}
    before: float | None = None
    for key, value in given.items():
        if key in ("scope", "model", "decision") and isinstance(value, str):
            texts[key] = value
        elif key == "created_before" and (before := _seconds(value)) is not None:
            continue
        else:
            raise invalid(
                f"'{key}' is not understood; scope, model and decision are, as texts, and created_before in Unix "
                "seconds.",
                param=key,
            )
    return Selection(**texts, created_before=before)


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _header(gateway: Gateway) -> ArchiveHeader:
    if gateway.embedder is None:
        raise ApiError(409, "The cache is off.", code="cache_disabled")
    identity = gateway.embedder.identity
    return ArchiveHeader(str(identity), identity.dimension, gateway.engine.policy_epoch)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
