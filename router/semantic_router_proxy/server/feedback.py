"""POST /v1/cache/feedback: a caller says that an answer out of the cache was wrong."""

import re
from collections.abc import Mapping
from typing import Any

from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.server.errors import ApiError, invalid
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.identity import cache_scope

PATH = "/v1/cache/feedback"
_ENTRY_ID = re.compile(r"[0-9a-f]{32}")


async def take_feedback(
    gateway: Gateway, body: dict[str, Any], headers: Mapping[str, str], caller: str
) -> dict[str, Any]:
    """Delete the entry that is named, where the caller could be served it. Returns the answer's body.

    Raises ApiError: 400 for another body, 404 for an entry that the caller has no part in, 503 while the store that
    must forget it does not answer.
    """
    entry_id, verdict = body.get("entry_id"), body.get("verdict", "wrong")
    if not isinstance(entry_id, str) or not _ENTRY_ID.fullmatch(entry_id):
        raise invalid("'entry_id' must be the x-vsr-cache-entry header of an answer.", param="entry_id")
    if verdict != "wrong":
        raise invalid("'verdict' must be \"wrong\"; that is the only one there is.", param="verdict")
    unknown = sorted(set(body) - {"entry_id", "verdict", "user"})
    if unknown:
        raise invalid(f"There is no field {unknown[0]!r} here: entry_id, verdict and user are.", param=unknown[0])
    if gateway.cache is None:
        raise ApiError(409, "The cache is off.", code="cache_disabled")
    try:
        deleted = await gateway.cache.report_wrong(entry_id, cache_scope(headers, body, caller))
    except StoreUnavailable:
        raise ApiError(
            503,
            "This router does not serve the entry any more, but the store does not answer, so that others may. "
            "Send the report again.",
            code="store_unavailable",
            headers={"retry-after": "5"},
        ) from None
    if not deleted:
        raise ApiError(404, "There is no such entry among the answers of this caller.", code="entry_not_found")
    return {"object": "cache.feedback", "entry_id": entry_id, "deleted": True}
