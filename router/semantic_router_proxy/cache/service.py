"""The cache as the server uses it: rules before, backend behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from semantic_router_proxy.cache import keys
from semantic_router_proxy.cache.backend import CacheBackend
from semantic_router_proxy.cache.entry import CacheHit, CacheStats, Vector
from semantic_router_proxy.cache.lookup import Clock
from semantic_router_proxy.cache.policy import CallerHints, Eligibility, caller_hints, eligibility, has_tool_calls
from semantic_router_proxy.config.cache import SemanticCacheConfig


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as the cache sees it."""

    protocol: str
    body: dict[str, Any]
    scope: str
    exact_key: str
    question: str | None
    eligibility: Eligibility
    hints: CallerHints


class SemanticCache:
    """Keys, eligibility and admission around one backend."""

    def __init__(
        self, backend: CacheBackend, config: SemanticCacheConfig, embedder: str, policy_epoch: str, clock: Clock
    ) -> None:
        self._backend = backend
        self._config = config
        self._embedder = embedder
        self._policy_epoch = policy_epoch
        self._clock = clock

    def set_policy(self, config: SemanticCacheConfig, policy_epoch: str) -> None:
        """Take over a new configuration; entries of another policy epoch are not found any more."""
        self._config = config
        self._policy_epoch = policy_epoch
        self._backend.reconfigure(config)

    def prepare(
        self, protocol: str, body: dict[str, Any], scope: str, headers: Mapping[str, str], variant: str = ""
    ) -> Prepared:
        """Decide what the cache may do with a request. `headers` have lower-case names.

        `variant` stands for what routing sees of a request beside its body: another one is another exact request.
        """
        if self._config.scope == "global":
            scope = ""
        question = keys.query_text(protocol, body)
        hints = caller_hints(headers)
        allowed = eligibility(protocol, body, question, hints, self._config.guard.languages)
        key = keys.exact_key(scope, self._policy_epoch + variant, protocol, body)
        return Prepared(protocol, body, scope, key, question, allowed, hints)

    async def find_exact(self, prepared: Prepared) -> CacheHit | None:
        """Return the answer to this very request."""
        if not prepared.eligibility.exact:
            return None
        hit = self._fresh(prepared, await self._backend.find_exact(prepared.exact_key))
        if hit is None and not prepared.eligibility.semantic:
            self._backend.record_miss()
        return hit

    async def find_similar(
        self, prepared: Prepared, model: str, embedding: Vector, *, threshold: float | None = None
    ) -> CacheHit | None:
        """Return the answer to a like question, asked of the same model under otherwise equal circumstances."""
        partition = self._partition(prepared, model)
        if not prepared.eligibility.semantic or prepared.question is None or partition is None:
            return None
        limits = [limit for limit in (threshold, prepared.hints.threshold) if limit is not None]
        hit = await self._backend.find_similar(
            model,
            prepared.question,
            partition=partition,
            embedding=embedding,
            threshold=max(limits) if limits else None,
        )
        return self._fresh(prepared, hit)

    async def store(
        self,
        prepared: Prepared,
        model: str,
        embedding: Vector | None,
        response: bytes,
        *,
        decision: str = "",
        ttl_seconds: int | None = None,
    ) -> str | None:
        """Keep an answer that passed `policy.refusal`; return its entry id, or None where it was not kept: the request
        forbids it, or has no JSON form (see `keys`)."""
        if not prepared.eligibility.store:
            return None
        try:
            request = orjson.dumps(prepared.body)
        except orjson.JSONEncodeError:
            return None
        partition = self._partition(prepared, model)
        semantic = (
            embedding is not None
            and partition is not None
            and not prepared.eligibility.reason
            and not has_tool_calls(response)
        )
        lives = [life for life in (ttl_seconds, prepared.hints.ttl_seconds) if life is not None]
        return await self._backend.add_entry(
            "",
            model,
            prepared.question or "",
            request,
            response,
            partition=partition or prepared.exact_key,
            exact_key=prepared.exact_key,
            scope=prepared.scope,
            embedding=embedding if semantic else None,
            semantic=semantic,
            ttl_seconds=min(lives) if lives else None,
            decision=decision,
        )

    def get_stats(self) -> CacheStats:
        return self._backend.get_stats()

    @property
    def backend(self) -> CacheBackend:
        return self._backend

    async def close(self) -> None:
        await self._backend.close()

    def _partition(self, prepared: Prepared, model: str) -> str | None:
        return keys.partition(
            prepared.scope, self._embedder, self._policy_epoch, prepared.protocol, model, prepared.body
        )

    def _fresh(self, prepared: Prepared, hit: CacheHit | None) -> CacheHit | None:
        """Drop a hit that is older than the caller accepts."""
        limit = prepared.hints.max_age
        if hit is None or limit is None:
            return hit
        return hit if self._clock() - hit.header.created_at <= limit else None
