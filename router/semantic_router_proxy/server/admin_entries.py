"""The cache's entries on the admin port: search by words, list, look at one, delete one, invalidate many."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semantic_router_proxy.cache.entry import EntryHeader
from semantic_router_proxy.server.admin_access import AdminToken, json_object
from semantic_router_proxy.server.admin_cache import running_cache, selection_of
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.health import Health
from semantic_router_proxy.server.json_response import json_response

_MOST = 200
# Pages that are read for one answer at most, where few entries match.
_PAGES = 20


def entry_routes(health: Health, token: AdminToken) -> list[Route]:
    """Return the routes of /api/cache that are about single entries."""

    def check_questions(request: Request) -> None:
        token.check(request, write=False)
        if not token.may_see_questions(request):
            raise ApiError(403, "Stored questions are shown to the holder of an admin token.", code="no_token")

    async def entries(request: Request) -> Response:
        """With `words` alone, those in memory whose question has them, the youngest first. With `cursor`, empty at the
        beginning, or without words: all that are kept, cold ones in the store as well, in a stable order, page by page;
        the answer's cursor leads to the next page, and may do so although no entry of this one matched."""
        check_questions(request)
        params = dict(request.query_params)
        limit = params.pop("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= _MOST:
            raise invalid(f"'limit' must be a number from 1 to {_MOST}.", param="limit")
        backend = running_cache(health).backend
        words = params.pop("words", None)
        if words is not None and "cursor" not in params:
            found = await backend.search_questions(words, int(limit))
            return json_response({"entries": [_shown(header) for header in found]})
        cursor: str | None = params.pop("cursor", "")
        if cursor and not cursor.isdecimal():
            raise invalid("'cursor' must be one that was given before.", param="cursor")
        selection, wanted = selection_of(params), (words or "").casefold().split()
        shown: list[dict[str, Any]] = []
        read = 0
        for _ in range(_PAGES):
            # Never more than there is room for: what was read is shown or does not match. Words match seldom, so a
            # search reads whole pages, and its last may show more than were asked for.
            page = await backend.read_entries(cursor or "", _MOST if wanted else int(limit) - len(shown))
            read += len(page.entries)
            headers = [entry.header for entry in page.entries if selection.matches(entry.header)]
            shown += [_shown(header) for header in headers if _has_words(header, wanted)]
            cursor = page.cursor
            if cursor is None or len(shown) >= int(limit):
                break
        return json_response({"entries": shown, "cursor": cursor, "read": read})

    async def one(request: Request) -> Response:
        check_questions(request)
        hit = await running_cache(health).backend.get(_entry_id(request))
        if hit is None:
            raise ApiError(404, "There is no such entry.", code="entry_not_found")
        return json_response({**_shown(hit.header), "response": hit.response.decode(errors="replace")})

    async def delete(request: Request) -> Response:
        token.check(request, write=True)
        entry_id = _entry_id(request)
        if not await running_cache(health).backend.delete(entry_id):
            raise ApiError(404, "There is no such entry.", code="entry_not_found")
        return json_response({"deleted": entry_id})

    async def invalidate(request: Request) -> Response:
        token.check(request, write=True)
        selection = selection_of(await json_object(request))
        return json_response({"invalidated": await running_cache(health).backend.invalidate(selection)})

    return [
        Route("/api/cache/entries", entries),
        Route("/api/cache/entries/{entry_id}", one),
        Route("/api/cache/entries/{entry_id}", delete, methods=["DELETE"]),
        Route("/api/cache/invalidate", invalidate, methods=["POST"]),
    ]


def _has_words(header: EntryHeader, wanted: list[str]) -> bool:
    question = header.query.casefold()
    return all(word in question for word in wanted)


def _entry_id(request: Request) -> str:
    entry_id = str(request.path_params["entry_id"])
    if not entry_id or len(entry_id) > 64 or not set(entry_id) <= set("0123456789abcdef"):
        raise ApiError(404, "There is no such entry.", code="entry_not_found")
    return entry_id


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
