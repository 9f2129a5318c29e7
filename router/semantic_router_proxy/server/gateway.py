"""The pipeline of one request: exact lookup, embedding, routing, semantic lookup, upstream, admission."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog

from semantic_router_proxy.cache import policy
from semantic_router_proxy.cache.entry import CacheHit, Vector
from semantic_router_proxy.cache.service import Prepared, SemanticCache
from semantic_router_proxy.embedding.base import Embedder, EmbeddingError
from semantic_router_proxy.routing.decide import Route
from semantic_router_proxy.routing.facts import RequestFacts, facts_of, last_user_text
from semantic_router_proxy.server import judging
from semantic_router_proxy.server.asking import Question
from semantic_router_proxy.server.engine import AUTO_MODELS, Engine
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.failures import as_api_error
from semantic_router_proxy.server.flight import Flight
from semantic_router_proxy.server.limits import CallerLimits
from semantic_router_proxy.server.lookups import Lookups
from semantic_router_proxy.server.observe import Observer, RequestRecord
from semantic_router_proxy.server.passing import to_upstream
from semantic_router_proxy.server.protocols.base import WireProtocol
from semantic_router_proxy.server.receiving import receive
from semantic_router_proxy.server.tracing import CLIENT, Span, child
from semantic_router_proxy.server.verdicts import answered_verdict, hit_verdict
from semantic_router_proxy.upstream.client import Exchange, UpstreamClient
from semantic_router_proxy.upstream.errors import UpstreamError
from semantic_router_proxy.upstream.provider import Target

_log = structlog.get_logger("semantic_router.gateway")


@dataclass(slots=True)
class Request:
    """One parsed request. `scope` says whose answers it may share."""

    protocol: WireProtocol
    body: dict[str, Any]
    headers: Mapping[str, str]
    scope: str
    record: RequestRecord
    caller: str = ""
    prepared: Prepared | None = None

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def include_usage(self) -> bool:
        options = self.body.get("stream_options")
        return isinstance(options, dict) and bool(options.get("include_usage"))


class Gateway:
    """Everything that lives as long as the process; `engine` is replaced by a reload."""

    def __init__(
        self,
        engine: Engine,
        client: UpstreamClient,
        observer: Observer,
        cache: SemanticCache | None,
        embedder: Embedder | None,
    ) -> None:
        self.engine = engine
        self.client = client
        self.observer = observer
        self.cache = cache
        self.embedder = embedder
        self.callers = CallerLimits()
        self.lookups = Lookups(lambda: self.cache.get_stats() if self.cache is not None else None, time.time)
        self.lookups.begin(engine.config_epoch, engine.policy_epoch[:12])
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        client.on_attempt = self._attempted

    def _attempted(self, model: str, outcome: str) -> None:
        self.observer.attempted(model, outcome)
        self.engine.router.performance.attempted(model, outcome)

    async def find_exact(self, request: Request) -> CacheHit | None:
        """Prepare the request for the cache and look for its very answer."""
        if self.cache is None:
            request.record.cache_reason = "disabled"
            return None
        variant = self.engine.router.variant(request.headers, request.caller)
        prepared = self.cache.prepare(request.protocol.name, request.body, request.scope, request.headers, variant)
        request.prepared = prepared
        request.record.cache_reason = prepared.eligibility.reason
        return await self.cache.find_exact(prepared) if prepared.eligibility.exact else None

    def fly(self, request: Request) -> tuple[Flight, bool]:
        """Return the flight that answers the request, and whether another request had begun it."""
        prepared = request.prepared
        shared = prepared is not None and prepared.eligibility.exact and prepared.eligibility.store
        key = prepared.exact_key if prepared is not None and shared else ""
        if key and (flight := self._flights.get(key)) is not None:
            return flight, True
        flight = Flight()
        task = asyncio.create_task(self._answer(flight, request, self.engine))
        flight.task = task
        self._tasks.add(task)
        if key:
            self._flights[key] = flight

        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._forget(key, flight)

        task.add_done_callback(ended)
        return flight, False

    def leave(self, flight: Flight, request: Request) -> None:
        """A client does not wait any more."""
        if flight.leave() and request.prepared is not None:
            self._forget(request.prepared.exact_key, flight)

    def _forget(self, key: str, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def close(self) -> None:
        """Wait for answers that are being stored, then release everything."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5)
        for task in set(self._tasks):
            task.cancel()
        await self.client.close()
        if self.cache is not None:
            await self.cache.close()
        if self.embedder is not None:
            await self.embedder.close()

    async def _answer(self, flight: Flight, request: Request, engine: Engine) -> None:
        try:
            await self._work(flight, request, engine)
        except ApiError as error:
            flight.fail(error)
        except UpstreamError as error:
            flight.fail(as_api_error(error))
        except asyncio.CancelledError:
            flight.fail(ApiError(503, "The router is stopping."))
            raise
        except Exception:  # noqa: BLE001 - the last line: one request fails, the process goes on
            _log.exception("request_failed", request_id=request.record.request_id)
            flight.fail(ApiError(500, "The router failed to handle this request; its log has the reason."))

    async def _work(self, flight: Flight, request: Request, engine: Engine) -> None:
        question = last_user_text(request.protocol.name, request.body)
        request.record.question = question
        prepared = request.prepared
        wants_cache = prepared is not None and prepared.question is not None and not prepared.eligibility.reason
        asked = request.body.get("model")
        routed = asked is None or asked in AUTO_MODELS
        wants_routing = routed and engine.router.needs_embedding and bool(question)
        embedding = await self._embed(question, request.record.span) if wants_cache or wants_routing else None
        facts = facts_of(request.protocol.name, request.body, request.headers, request.scope, request.caller)
        route = self._route(facts, engine, embedding, None if routed else str(asked))
        limits = judging.limits_of(engine, route, facts, embedding)
        if prepared is not None and route.variant:
            prepared = request.prepared = replace(prepared, variant=route.variant)
        targets = engine.targets_of(route.model)
        self.observer.decided(route.decision, route.model)
        shadowed: CacheHit | None = None
        if self.cache is not None and prepared is not None and embedding is not None and limits.enabled:
            ask = judging.verifier(self, engine, request.headers, request.record.request_id)
            with child(request.record.span, "cache.lookup"):
                hit = await self.cache.find_similar(
                    prepared, route.model, embedding, limits=limits, ask=ask, seen=request.record.saw
                )
            if hit is not None and self.cache.in_shadow(prepared, hit):
                request.record.cache_reason = "shadow"
                shadowed, hit = hit, None
            if hit is not None:
                flight.begin(hit_verdict(hit, route), streamed=False)
                flight.finish(hit.response)
                return
        target = await self._ask(flight, request, engine, targets, route)
        if flight.body is not None and target is targets[0] and limits.enabled:
            await self._admit(request, route, embedding, flight.body, limits.ttl_seconds)
            if shadowed is not None and prepared is not None:
                await judging.compare(self, request.record.request_id, prepared, shadowed, flight.body)

    async def _embed(self, question: str, span: Span | None) -> Vector | None:
        """Return the question's vector; None, and a count, where the model fails: the request goes on without."""
        if self.embedder is None:
            return None
        begin = time.perf_counter()
        try:
            with child(span, "embed"):
                vector: Vector = (await self.embedder.embed([question]))[0]
        except EmbeddingError as error:
            self.observer.stage_failed("embedding")
            _log.warning("embedding_failed", reason=str(error))
            return None
        self.observer.embedded(time.perf_counter() - begin)
        return vector

    def _route(self, facts: RequestFacts, engine: Engine, embedding: Vector | None, asked: str | None) -> Route:
        if asked is None:
            return engine.router.decide(facts, embedding)
        if engine.known(asked) or not engine.providers:
            return engine.router.explicit(asked)
        if len(engine.providers) == 1 and engine.access is None:
            return engine.router.explicit(engine.default_model)
        raise ApiError(
            404,
            f"The model '{asked}' does not exist here. GET /v1/models lists those that do; "
            "'auto' lets the router choose.",
            param="model",
            code="model_not_found",
        )

    async def _ask(
        self, flight: Flight, request: Request, engine: Engine, targets: tuple[Target, ...], route: Route
    ) -> Target:
        """Take the answer of the first target that gives one into the flight; return that target."""
        asked = Question(request.protocol, request.body, route)
        # A key that this router accepts is no business of a provider's.
        passed = to_upstream(request.headers, request.record.request_id, credentials=engine.access is None)
        with child(request.record.span, f"{request.protocol.name} {route.model}", CLIENT) as span:
            if span is not None:
                passed["traceparent"] = span.traceparent
            try:
                opened = await self.client.open(targets, asked.call_for, passed)
            except UpstreamError:
                if asked.refusal is not None:
                    raise asked.refusal from None
                raise
            async with opened as exchange:
                target = exchange.target
                model = target.model.name
                self.observer.first_byte(model, exchange.first_byte_seconds)
                if exchange.status < 400:
                    engine.router.performance.first_byte(model, exchange.first_byte_seconds)
                _describe(span, exchange)

                def counted(answer: object) -> None:
                    self.count_tokens(model, answer, saved=False)
                    if span is not None:
                        prompt, completion = usage_of(answer)
                        span.attributes |= {
                            "gen_ai.usage.input_tokens": prompt,
                            "gen_ai.usage.output_tokens": completion,
                        }

                read = request.prepared is not None and request.prepared.eligibility.exact
                verdict = answered_verdict(exchange, route, read=read)
                await receive(flight, request.protocol, exchange, asked.translation(target), verdict, counted)
                return target

    async def _admit(
        self, request: Request, route: Route, embedding: Vector | None, body: bytes, ttl_seconds: int | None
    ) -> None:
        """Keep a complete answer. Nothing that goes wrong here reaches a client."""
        prepared = request.prepared
        if self.cache is None or prepared is None or not prepared.eligibility.store:
            return
        with contextlib.suppress(orjson.JSONDecodeError):
            if not policy.refusal(prepared.protocol, 200, orjson.loads(body), request.body.get("n")):
                await self.cache.store(
                    prepared, route.model, embedding, body, decision=route.decision, ttl_seconds=ttl_seconds
                )

    def count_tokens(self, model: str, answer: object, *, saved: bool) -> None:
        """Count an answer's tokens, and what they cost, as spent or as saved."""
        prompt, completion = usage_of(answer)
        if saved:
            self.observer.tokens(model, "saved", prompt + completion)
        else:
            self.observer.tokens(model, "prompt", prompt)
            self.observer.tokens(model, "completion", completion)
            self.engine.router.performance.answered(model, completion)
        targets = self.engine.targets.get(model)
        pricing = targets[0].model.pricing if targets else None
        if pricing is not None:
            amount = pricing.cost(prompt, completion)
            self.observer.money(model, "saved" if saved else "spent", amount, pricing.currency)


def _describe(span: Span | None, exchange: Exchange) -> None:
    if span is not None:
        span.attributes |= {
            "gen_ai.request.model": exchange.target.upstream_name,
            "semantic_router.provider": exchange.target.provider.name,
            "http.response.status_code": exchange.status,
            "semantic_router.first_byte_seconds": exchange.first_byte_seconds,
        }


def usage_of(answer: object) -> tuple[int, int]:
    """Return the prompt's and the completion's tokens as an answer of any protocol tells them; 0 where it does not."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(usage, dict):
        return 0, 0
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens"))
    return (prompt if isinstance(prompt, int) else 0, completion if isinstance(completion, int) else 0)
