"""What the router would do with a request, without asking a model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semantic_router_proxy.cache.match import Match
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.routing.facts import facts_of, last_user_text
from semantic_router_proxy.server.engine import AUTO_MODELS
from semantic_router_proxy.server.gateway import Gateway
from semantic_router_proxy.server.judging import limits_of

_PROTOCOL = "chat"


async def explain(
    gateway: Gateway,
    body: dict[str, Any],
    scope: str = "anonymous",
    *,
    headers: Mapping[str, str] | None = None,
    caller: str = "",
) -> dict[str, Any]:
    """Return the decision with every signal that was read, and what the cache would say, as if a caller with these
    headers (lower-case names) and the API key of this name had asked; `scope` says whose answers would be shared.

    The lookups are real ones and count in the cache's statistics.
    """
    engine, seen = gateway.engine, headers or {}
    question = last_user_text(_PROTOCOL, body)
    vector = None
    if gateway.embedder is not None and question:
        try:
            vector = (await gateway.embedder.embed([question]))[0]
        except EmbeddingError:
            vector = None
    asked = body.get("model")
    facts = facts_of(_PROTOCOL, body, seen, scope, caller)
    if asked is None or asked in AUTO_MODELS:
        route = engine.router.decide(facts, vector)
    else:
        route = engine.router.explicit(asked if engine.known(asked) else engine.default_model)
    told: dict[str, Any] = {
        "model": route.model,
        "decision": route.decision,
        "reason": route.reason,
        "use_reasoning": route.use_reasoning,
        "reasoning_effort": route.reasoning_effort,
        "system_prompt": route.system_prompt.mode if route.system_prompt is not None else None,
        "escalated": route.escalated,
        "signals": [
            {
                "signal": reached.signal,
                "matched": reached.reading.matched,
                "confidence": round(reached.reading.confidence, 4),
                "sure": reached.reading.sure,
                "why": reached.reading.why,
            }
            for reached in route.trace
        ],
    }
    if gateway.cache is None:
        return {**told, "cache": {"verdict": "disabled"}}
    prepared = replace(
        gateway.cache.prepare(_PROTOCOL, body, scope, seen, engine.router.variant(seen, caller)), variant=route.variant
    )
    allowed = prepared.eligibility
    limits = limits_of(engine, route, facts, vector)
    cache: dict[str, Any] = {
        "exact": allowed.exact,
        "semantic": allowed.semantic and limits.enabled,
        "store": allowed.store,
        "reason": allowed.reason,
        "threshold": limits.threshold,
        "verdict": "miss" if allowed.exact else "bypass",
        "scope": scope,
    }
    hit = await gateway.cache.find_exact(prepared) if allowed.exact else None
    if hit is None and cache["semantic"] and vector is not None:
        met: list[Match] = []
        hit = await gateway.cache.find_similar(prepared, route.model, vector, limits=limits, seen=met.append)
        for match in met:
            cache["objections"] = match.rejections
            if match.nearest is not None:
                cache["nearest"] = round(match.nearest.similarity, 4)
                cache["nearest_question"] = match.nearest.header.query
    if hit is not None:
        cache |= {
            "verdict": "hit",
            "tier": hit.tier,
            "similarity": round(hit.similarity, 4),
            "stored_question": hit.header.query,
        }
    return {**told, "cache": cache}
