"""How right the cache is: the limits of a question, the verifier's call, and the worth of shadow hits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson
import structlog

from semantic_router_proxy.cache import shadow, verify
from semantic_router_proxy.cache.entry import CacheHit, Vector
from semantic_router_proxy.cache.limits import Limits, limits_for
from semantic_router_proxy.cache.service import Ask, Prepared
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.routing.decide import Route
from semantic_router_proxy.routing.facts import RequestFacts
from semantic_router_proxy.server.asking import Question
from semantic_router_proxy.server.engine import Engine
from semantic_router_proxy.server.passing import to_upstream
from semantic_router_proxy.server.protocols.chat import ChatCompletions
from semantic_router_proxy.upstream.errors import UpstreamError

if TYPE_CHECKING:
    from semantic_router_proxy.server.gateway import Gateway

_log = structlog.get_logger("semantic_router.cache")

# A verdict is one word; a model that reasons first is cut off, which is a miss.
_MOST_TOKENS = 16


def limits_of(engine: Engine, route: Route, facts: RequestFacts, embedding: Vector | None) -> Limits:
    """Return the cache's limits for a request that takes this route."""
    config = engine.config.semantic_cache
    categories = [each for each in config.categories if engine.router.holds(each.type, each.name, facts, embedding)]
    return limits_for(config, categories, route.cache)


def verifier(gateway: "Gateway", engine: Engine, headers: Mapping[str, str], request_id: str) -> Ask | None:
    """Return what puts messages to the configured verifier, on the caller's own credential where keys are passed on.

    None where no verifier is configured. What it returns raises ApiError or UpstreamError where the model cannot be
    asked, LookupError or ValueError where its answer is none.
    """
    config = engine.config.semantic_cache.verifier
    if config is None:
        return None
    model = config.model

    async def ask(messages: list[dict[str, str]]) -> str:
        body = {"messages": messages, "max_tokens": _MOST_TOKENS, "temperature": 0}
        asked = Question(ChatCompletions(), body, engine.router.explicit(model))
        passed = to_upstream(headers, request_id, credentials=engine.access is None)
        async with await gateway.client.open(engine.targets_of(model), asked.call_for, passed) as exchange:
            raw = await exchange.read()
        if not 200 <= exchange.status < 300:
            raise UpstreamError(f"the verifier's provider answered {exchange.status}")
        answer = orjson.loads(raw)
        translation = asked.translation(exchange.target)
        answer = answer if translation is None else translation.whole(answer)
        gateway.count_tokens(model, answer, saved=False)
        return verify.said(answer)

    return ask


async def compare(gateway: "Gateway", request_id: str, prepared: Prepared, hit: CacheHit, fresh: bytes) -> None:
    """Compare a shadow hit's answer with the fresh one, and note the result in metrics and log, without any text."""
    cache, embedder = gateway.cache, gateway.embedder
    if cache is None or embedder is None or not cache.compares(prepared):
        return
    try:
        texts = [shadow.answer_text(prepared.protocol, orjson.loads(answer)) for answer in (fresh, hit.response)]
        if not all(texts):
            raise ValueError("an answer without words")
        vectors = await embedder.embed(texts)
    except (EmbeddingError, ValueError):
        cache.quality.not_compared(hit.header.decision)
        return
    agreement = shadow.agreement(vectors[0], vectors[1])
    _log.info(
        "shadow_hit_compared",
        request_id=request_id,
        entry_id=hit.header.entry_id,
        decision=hit.header.decision,
        similarity=round(hit.similarity, 4),
        agreement=round(agreement, 4),
        same=cache.compared(hit, agreement),
    )
