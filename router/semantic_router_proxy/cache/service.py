"""The cache as the server uses it: rules before, backend behind."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import structlog
from prometheus_client import CollectorRegistry

from semantic_router_proxy.cache import keys, shadow, verify
from semantic_router_proxy.cache.backend import CacheBackend, Seen
from semantic_router_proxy.cache.entry import CacheHit, CacheStats, Vector
from semantic_router_proxy.cache.limits import Limits, limits_for
from semantic_router_proxy.cache.lookup import Clock
from semantic_router_proxy.cache.match import SIMILARITY_TOLERANCE
from semantic_router_proxy.cache.policy import CallerHints, Eligibility, caller_hints, eligibility, has_tool_calls
from semantic_router_proxy.cache.quality_metrics import QualityMetrics
from semantic_router_proxy.cache.store import StoreUnavailable
from semantic_router_proxy.config.cache import SemanticCacheConfig

Result = TypeVar("Result")

Ask = Callable[[list[dict[str, str]]], Awaitable[str]]
"""Puts chat messages to the verifier's model and returns what it says; may raise whatever it likes."""

# Entries that callers reported and that a store which was down may still hold.
_MOST_REPORTED = 10_000

_log = structlog.get_logger(__name__)


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
    variant: str = ""
    """What the route does to the request beside choosing a model, as a digest: part of the partition."""


class SemanticCache:
    """Keys, eligibility and admission around one backend. Looking up and storing never raise: whatever goes wrong is a
    miss, or an answer that is not kept, and is counted and logged."""

    def __init__(
        self,
        backend: CacheBackend,
        config: SemanticCacheConfig,
        embedder: str,
        policy_epoch: str,
        clock: Clock,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._backend = backend
        self._config = config
        self._embedder = embedder
        self._policy_epoch = policy_epoch
        self._clock = clock
        self._reported: OrderedDict[str, None] = OrderedDict()
        self._failed: set[tuple[str, type[Exception]]] = set()
        self.quality = QualityMetrics(registry if registry is not None else CollectorRegistry())

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
        hit = await self._safely("find_exact", self._backend.find_exact(prepared.exact_key))
        if hit is not None and not self._may_serve(prepared, hit):
            hit = None
        if hit is None and not prepared.eligibility.semantic:
            self._backend.record_miss()
        return hit

    async def find_similar(
        self,
        prepared: Prepared,
        model: str,
        embedding: Vector,
        *,
        limits: Limits | None = None,
        ask: Ask | None = None,
        seen: Seen | None = None,
    ) -> CacheHit | None:
        """Return the answer to a like question, asked of the same model under otherwise equal circumstances.

        `limits` are those of the question's category and decision; without `ask` nothing is put to the verifier;
        `seen` is told what the lookup met.
        """
        partition = self._partition(prepared, model)
        question = prepared.question
        if not prepared.eligibility.semantic or question is None or partition is None:
            return None
        in_force = (limits or limits_for(self._config)).stricter(prepared.hints.threshold)

        async def accept(hit: CacheHit) -> bool:
            if not self._may_serve(prepared, hit):
                return False
            if hit.similarity >= in_force.threshold - SIMILARITY_TOLERANCE:
                return True
            return ask is not None and await self._verify(hit.header.query, question, ask)

        looking = self._backend.find_similar(
            model,
            question,
            partition=partition,
            embedding=embedding,
            threshold=in_force.threshold if ask is None else in_force.verify_threshold,
            accept=accept,
            seen=seen,
        )
        return await self._safely("find_similar", looking)

    async def _verify(self, stored: str, asked: str, ask: Ask) -> bool:
        """Ask the verifier. Whatever goes wrong is a miss, and counted."""
        messages = verify.messages(stored, asked)
        if messages is None or self._config.verifier is None:
            return False
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(self._config.verifier.timeout_seconds):
                outcome = verify.outcome(await ask(messages))
        except TimeoutError:
            outcome = verify.Outcome.TIMEOUT
        except Exception:  # noqa: BLE001 - a verifier that fails must not fail a request
            outcome = verify.Outcome.ERROR
        self.quality.verified(outcome, time.perf_counter() - begin)
        return outcome is verify.Outcome.ACCEPTED

    def in_shadow(self, prepared: Prepared, hit: CacheHit) -> bool:
        """Whether a semantic hit is one of those that are not served, but measured; counts it."""
        if hit.tier != "semantic" or not shadow.drawn(self._config.shadow.share, prepared.exact_key, "serve"):
            return False
        self.quality.shadow_hit(hit.header.decision)
        return True

    def compares(self, prepared: Prepared) -> bool:
        """Whether the fresh answer to a shadow hit's question is compared with the cached one."""
        return shadow.drawn(self._config.shadow.compare, prepared.exact_key, "compare")

    def compared(self, hit: CacheHit, agreement: float) -> bool:
        """Take note of how alike (cosine) a shadow hit's answer and the fresh one are; return whether the same."""
        same = agreement >= self._config.shadow.agreement
        self.quality.compared(hit.header.decision, agreement, same=same)
        return same

    async def report_wrong(self, entry_id: str, scope: str) -> bool:
        """Delete an entry whose answer was wrong; return whether there was one that this scope may use.

        This process never serves it again. Others stop as soon as they see the deletion (see `HybridBackend`).
        Raises StoreUnavailable where the store could not delete it.
        """
        if self._config.scope == "global":
            scope = ""
        found = await self._backend.get(entry_id)
        if found is None or found.header.scope != scope:
            self.quality.feedback("unknown")
            return False
        self._reported[entry_id] = None
        if len(self._reported) > _MOST_REPORTED:
            self._reported.popitem(last=False)
        try:
            await self._backend.delete(entry_id)
        except StoreUnavailable:
            self.quality.feedback("unavailable")
            raise
        self.quality.feedback("deleted")
        return True

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
        storing = self._backend.add_entry(
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
        return await self._safely("store", storing)

    def get_stats(self) -> CacheStats:
        return self._backend.get_stats()

    @property
    def backend(self) -> CacheBackend:
        return self._backend

    async def close(self) -> None:
        await self._backend.close()

    async def _safely(self, operation: str, work: Awaitable[Result | None]) -> Result | None:
        """Return what the backend returns, None where it raises: no request fails because of the cache."""
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - what the backend promises not to do must not reach a client either
            self.quality.failed(operation)
            if (kind := (operation, type(error))) not in self._failed:
                self._failed.add(kind)
                _log.exception("cache_failed", operation=operation, consequence="a miss; logged once, counted always")
            return None

    def _partition(self, prepared: Prepared, model: str) -> str | None:
        return keys.partition(
            prepared.scope,
            self._embedder,
            self._policy_epoch + prepared.variant,
            prepared.protocol,
            model,
            prepared.body,
        )

    def _may_serve(self, prepared: Prepared, hit: CacheHit) -> bool:
        """Whether a hit is young enough for the caller, and nobody has said that it is wrong."""
        oldest = prepared.hints.max_age
        young = oldest is None or self._clock() - hit.header.created_at <= oldest
        return young and hit.header.entry_id not in self._reported
