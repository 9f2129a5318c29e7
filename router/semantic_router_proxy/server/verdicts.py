"""What is said of an answer: where it came from, and what routing chose."""

from semantic_router_proxy.cache.entry import CacheHit
from semantic_router_proxy.routing.decide import Route
from semantic_router_proxy.server.flight import Verdict
from semantic_router_proxy.server.passing import as_headers, to_client
from semantic_router_proxy.upstream.client import Exchange


def answered_verdict(exchange: Exchange, route: Route, *, read: bool) -> Verdict:
    """Return the verdict on a provider's answer. `read`: the cache was asked for it first."""
    return Verdict(
        cache="miss" if read else "bypass",
        model=exchange.target.model.name,
        decision=route.decision,
        reason=route.reason,
        use_reasoning=route.use_reasoning,
        escalated=route.escalated,
        upstream_headers=as_headers(to_client(exchange.headers)),
    )


def exact_verdict(hit: CacheHit) -> Verdict:
    """Return the verdict on the answer to this very request, which nothing had to be decided for."""
    header = hit.header
    return Verdict(
        "hit", hit.tier, hit.similarity, header.created_at, header.model, header.decision, entry_id=header.entry_id
    )


def hit_verdict(hit: CacheHit, route: Route) -> Verdict:
    """Return the verdict on the answer to a like question."""
    return Verdict(
        "hit",
        hit.tier,
        hit.similarity,
        hit.header.created_at,
        route.model,
        route.decision,
        route.reason,
        route.use_reasoning,
        entry_id=hit.header.entry_id,
        escalated=route.escalated,
    )
