"""From facts to a model: signals are read, the first decision whose rules hold decides, weights choose. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.config.cache import CacheLimits
from semantic_router_proxy.config.routing import Condition, Decision, ModelRef, RoutingFields, Rules
from semantic_router_proxy.routing.facts import RequestFacts
from semantic_router_proxy.routing.signals import (
    Caller,
    Complexity,
    Content,
    Context,
    Domain,
    DomainClassifier,
    Examples,
    Header,
    Keywords,
    Reading,
    Signal,
)

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reached:
    """One signal's reading in the trace."""

    signal: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Route:
    """The model that answers, and why. `decision` is empty where the default model was taken; `cache` is what the
    decision's `semantic-cache` plugin says."""

    model: str
    decision: str
    use_reasoning: bool
    reason: str
    cache: CacheLimits
    trace: tuple[Reached, ...]


class Router:
    """The routing part of a configuration, compiled.

    `vectors` are the unit vectors of all embedding signals' candidates in their order, float32 of shape
    (candidates, dimension); None where no embedding signal is configured.
    """

    def __init__(
        self, config: RoutingFields, vectors: NDArray[np.float32] | None, domains: DomainClassifier | None = None
    ) -> None:
        self._default = config.default_model
        self._signals: dict[tuple[str, str], Signal] = {}
        for keyword in config.signals.keywords:
            self._signals["keyword", keyword.name] = Keywords(keyword)
        start = 0
        for example in config.signals.embeddings:
            if vectors is None:
                raise ValueError("embedding signals need the vectors of their candidates")
            end = start + len(example.candidates)
            self._signals["embedding", example.name] = Examples(example, vectors[start:end])
            start = end
        for domain in config.signals.domains:
            self._signals["domain", domain.name] = Domain(domain, domains)
        # Highest priority first; among equals the order of the file.
        signals = config.signals
        self._signals |= {("context", each.name): Context(each) for each in signals.context}
        self._signals |= {("content", each.name): Content(each) for each in signals.content}
        self._signals |= {("complexity", each.name): Complexity(each) for each in signals.complexity}
        self._signals |= {("header", each.name): Header(each) for each in signals.headers}
        self._signals |= {("caller", each.name): Caller(each) for each in signals.callers}
        self._callers = bool(signals.callers)
        self._headers = tuple(sorted({each.header.lower() for each in signals.headers}))
        self._decisions = sorted(config.decisions, key=lambda decision: -decision.priority)
        self._rules = {decision.name: _cache_rule(decision) for decision in self._decisions}
        self.needs_embedding = any(
            kind in ("embedding", "domain") for decision in self._decisions for kind, _ in _conditions(decision.rules)
        )

    def decide(self, facts: RequestFacts, embedding: Vector | None) -> Route:
        """Choose a model. The same facts and embedding always give the same route."""
        readings: dict[tuple[str, str], Reading] = {}
        for decision in self._decisions:
            if self._holds(decision.rules, facts, embedding, readings):
                chosen = _by_weight(decision.model_refs, f"{facts.identity}\n{facts.text}")
                reason = _reason(decision.rules, readings)
                rule = self._rules[decision.name]
                return Route(chosen.model, decision.name, chosen.use_reasoning, reason, rule, _trace(readings))
        return Route(self._default, "", False, "no decision matched", CacheLimits(), _trace(readings))

    def variant(self, headers: Mapping[str, str], caller: str) -> str:
        """Return what the signals see of a request beside its body; two requests that differ there are not the same.
        Empty where no such signal is configured."""
        if not self._headers and not self._callers:
            return ""
        seen = "\n".join(f"{name}={headers.get(name)}" for name in self._headers)
        seen += f"\n{caller if self._callers else ''}"
        return hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def holds(self, kind: str, name: str, facts: RequestFacts, embedding: Vector | None) -> bool:
        """Whether a signal is true for a request."""
        return self._signals[kind, name].read(facts, embedding).matched

    def explicit(self, model: str) -> Route:
        """Return the route of a request that names its model."""
        return Route(model, "", False, "the request names the model", CacheLimits(), ())

    def _holds(
        self, rules: Rules, facts: RequestFacts, embedding: Vector | None, readings: dict[tuple[str, str], Reading]
    ) -> bool:
        def met(condition: Condition) -> bool:
            key = (condition.type, condition.name)
            if key not in readings:
                readings[key] = self._signals[key].read(facts, embedding)
            return readings[key].matched

        if rules.operator == "AND":
            return all(met(condition) for condition in rules.conditions)
        if rules.operator == "OR":
            return any(met(condition) for condition in rules.conditions)
        return not any(met(condition) for condition in rules.conditions)


def _conditions(rules: Rules) -> list[tuple[str, str]]:
    return [(condition.type, condition.name) for condition in rules.conditions]


def _trace(readings: dict[tuple[str, str], Reading]) -> tuple[Reached, ...]:
    return tuple(Reached(f"{kind}:{name}", reading) for (kind, name), reading in readings.items())


def _reason(rules: Rules, readings: dict[tuple[str, str], Reading]) -> str:
    said = [
        f"{kind}:{name} {readings[kind, name].why}" for kind, name in _conditions(rules) if (kind, name) in readings
    ]
    return f"{rules.operator}({'; '.join(said)})"


def _by_weight(refs: Sequence[ModelRef], text: str) -> ModelRef:
    """Draw by weight, with the text in place of chance: routing must give the same model for the same request."""
    if len(refs) == 1:
        return refs[0]
    drawn = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
    point = drawn * sum(ref.weight for ref in refs)
    for ref in refs:
        point -= ref.weight
        if point < 0:
            return ref
    return refs[-1]


def _cache_rule(decision: Decision) -> CacheLimits:
    for plugin in decision.plugins:
        if plugin.type == "semantic-cache":
            return plugin.configuration
    return CacheLimits()
