"""Putting answers into the cache that were given elsewhere."""

from dataclasses import replace
from typing import Any

import orjson

from semantic_router_proxy.cache import policy
from semantic_router_proxy.routing.facts import facts_of, last_user_text
from semantic_router_proxy.server.engine import AUTO_MODELS
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.judging import limits_of

_PROTOCOL = "chat"


async def warm(gateway: Gateway, body: dict[str, Any], answer: bytes, scope: str) -> tuple[str | None, str]:
    """Store the answer to a chat request as if a model had just given it; return the entry's id, or why there is none.

    The request is routed as it would be, and the answer kept for that route and for callers of the scope. Raises
    EmbeddingError.
    """
    cache, engine = gateway.cache, gateway.engine
    if cache is None:
        return None, "disabled"
    question = last_user_text(_PROTOCOL, body)
    vector = None
    if gateway.embedder is not None and question:
        vector = (await gateway.embedder.embed([question]))[0]
    facts = facts_of(_PROTOCOL, body, {}, scope, "")
    asked = body.get("model")
    if asked is None or asked in AUTO_MODELS:
        route = engine.router.decide(facts, vector)
    else:
        route = engine.router.explicit(asked if engine.known(asked) else engine.default_model)
    prepared = cache.prepare(_PROTOCOL, body, scope, {}, engine.router.variant({}, ""))
    if route.variant:
        prepared = replace(prepared, variant=route.variant)
    limits = limits_of(engine, route, facts, vector)
    if not limits.enabled:
        return None, "the cache is off for this decision"
    if not prepared.eligibility.store:
        return None, prepared.eligibility.reason or "not stored"
    if refusal := policy.refusal(_PROTOCOL, 200, orjson.loads(answer), body.get("n")):
        return None, refusal
    entry_id = await cache.store(
        prepared, route.model, vector, answer, decision=route.decision, ttl_seconds=limits.ttl_seconds
    )
    return entry_id, "" if entry_id else "not stored"
