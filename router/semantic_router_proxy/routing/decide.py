"""From facts to a model: signals are read, the first decision whose rules hold decides, one of its models is chosen.

Pure but for the models' latest measurements, which the choice may go by.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.config.cache import CacheLimits
from semantic_router_proxy.config.routing import (
    Condition,
    Decision,
    ModelRef,
    ReasoningEffort,
    RoutingFields,
    Rules,
    SystemPrompt,
)
from semantic_router_proxy.config.upstreams import ModelConfig
from semantic_router_proxy.routing.choice import Chooser
from semantic_router_proxy.routing.facts import RequestFacts
from semantic_router_proxy.routing.performance import Performance
from semantic_router_proxy.routing.signals import (
    Caller,
    Complexity,
    Content,
    Context,
    Domain,
    DomainClassifier,
    Examples,
    Hardness,
    Header,
    Keywords,
    Language,
    Question,
    Reading,
    Signal,
    described_domain,
    examples,
)

Vector = NDArray[np.float32]
_Key = tuple[str, str]
_EMBEDDED = (Examples, Domain, Hardness)


@dataclass(frozen=True, slots=True)
class Reached:
    """One signal's reading in the trace."""

    signal: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Route:
    """The model that answers, and why. `decision` is empty where the default model was taken; `cache` is what the
    decision's `semantic-cache` plugin says. `reasoning_effort` None: the model's own."""

    model: str
    decision: str
    use_reasoning: bool
    reason: str
    cache: CacheLimits
    trace: tuple[Reached, ...]
    reasoning_effort: ReasoningEffort | None = None
    system_prompt: SystemPrompt | None = None
    escalated: bool = False

    @property
    def variant(self) -> str:
        """What the route does to a request beside choosing the model, as a digest: answers to one variant are no
        answers to another. Empty where it does nothing."""
        if not (self.use_reasoning or self.system_prompt):
            return ""
        prompt = (self.system_prompt.mode, self.system_prompt.system_prompt) if self.system_prompt else None
        said = repr((self.use_reasoning, self.reasoning_effort, prompt))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Truth:
    """A rule's value, and whether it stays the same however the unsure signals turn out (Kleene's logic)."""

    holds: bool
    sure: bool


class Router:
    """The routing part of a configuration, compiled.

    `vectors` are the unit vectors of `config.signals.texts()` in their order, float32 of shape (texts, dimension);
    None where there are none. `models` are the configured ones, for their limits, capabilities and prices.
    """

    def __init__(
        self,
        config: RoutingFields,
        vectors: NDArray[np.float32] | None,
        classifier: DomainClassifier | None = None,
        models: Sequence[ModelConfig] = (),
        performance: Performance | None = None,
    ) -> None:
        self.performance = performance if performance is not None else Performance()
        self._chooser = Chooser(models, self.performance)
        self._default = config.default_model
        self._escalation = config.escalation
        self._classifier = classifier
        self._signals = _compile(config, vectors)
        self._callers = bool(config.signals.callers)
        self._headers = tuple(sorted({each.header.lower() for each in config.signals.headers}))
        # Highest priority first; among equals the order of the file.
        self._decisions = sorted(config.decisions, key=lambda decision: -decision.priority)
        self.needs_embedding = any(
            isinstance(self._signals[leaf.type, leaf.name], _EMBEDDED)
            for decision in self._decisions
            for leaf in decision.rules.leaves()
        )

    def decide(self, facts: RequestFacts, embedding: Vector | None) -> Route:
        """Choose a model. The same facts and embedding give the same route, unless a model fails or a decision
        chooses by measurements."""
        question = Question(facts, embedding, self._classifier)
        readings: dict[_Key, Reading] = {}

        def read(condition: Condition) -> Reading:
            key = (condition.type, condition.name)
            if key not in readings:
                readings[key] = self._signals[key].read(question)
            return readings[key]

        sure = True
        for decision in self._decisions:
            truth = _evaluate(decision.rules, read)
            sure = sure and truth.sure
            if truth.holds:
                return self._route(decision, facts, readings, sure=sure)
        return self._route(None, facts, readings, sure=sure)

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
        return self._signals[kind, name].read(Question(facts, embedding, self._classifier)).matched

    def explicit(self, model: str) -> Route:
        """Return the route of a request that names its model."""
        return Route(model, "", False, "the request names the model", CacheLimits(), ())

    def _route(
        self, decision: Decision | None, facts: RequestFacts, readings: Mapping[_Key, Reading], *, sure: bool
    ) -> Route:
        trace = tuple(Reached(f"{kind}:{name}", reading) for (kind, name), reading in readings.items())
        reason = "no decision matched" if decision is None else _told(decision.rules, readings)
        if decision is None and not self._default:
            return Route("", "", False, reason, CacheLimits(), trace)
        refs = (ModelRef(model=self._default),) if decision is None else decision.model_refs
        choice = self._chooser.choose(refs, "weight" if decision is None else decision.choose_by, facts)
        ref, said, escalated = choice.ref, [reason, *([choice.why] if choice.why else [])], False
        if not sure and self._escalation is not None:
            obstacle = self._chooser.obstacle(self._escalation.model, facts)
            if obstacle:
                said.append(f"uncertain, but {self._escalation.model} {obstacle}")
            else:
                escalated = True
                said.append(f"uncertain, so the larger model {self._escalation.model}")
                thinks = ref.use_reasoning or self._escalation.use_reasoning
                ref = ref.model_copy(update={"model": self._escalation.model, "use_reasoning": thinks})
        return Route(
            ref.model,
            "" if decision is None else decision.name,
            ref.use_reasoning,
            "; ".join(said),
            CacheLimits() if decision is None else decision.cache,
            trace,
            ref.reasoning_effort,
            None if decision is None else decision.system_prompt,
            escalated,
        )


def _compile(config: RoutingFields, vectors: NDArray[np.float32] | None) -> dict[_Key, Signal]:
    signals, doubt = config.signals, config.escalation
    compiled: dict[_Key, Signal] = {("keyword", each.name): Keywords(each) for each in signals.keywords}
    start = 0

    def rows(count: int) -> NDArray[np.float32]:
        nonlocal start
        if vectors is None:
            raise ValueError("signals that compare with texts need the vectors of these texts")
        start += count
        return vectors[start - count : start]

    for example in signals.embeddings:
        compiled["embedding", example.name] = examples(example, rows(len(example.candidates)), doubt)
    for domain in signals.domains:
        key = ("domain", domain.name)
        described = domain.texts
        compiled[key] = described_domain(domain, rows(len(described)), doubt) if described else Domain(domain, doubt)
    compiled |= {("language", each.name): Language(each) for each in signals.language}
    compiled |= {("context", each.name): Context(each) for each in signals.context}
    compiled |= {("content", each.name): Content(each) for each in signals.content}
    for level in signals.complexity:
        compiled["complexity", level.name] = (
            Hardness(level, rows(len(level.hard)), rows(len(level.easy))) if level.hard else Complexity(level)
        )
    compiled |= {("header", each.name): Header(each) for each in signals.headers}
    compiled |= {("caller", each.name): Caller(each) for each in signals.callers}
    return compiled


def _evaluate(rules: Rules, read: Callable[[Condition], Reading]) -> _Truth:
    """Return a group's value, reading no further than its sure conditions decide it."""
    decisive = rules.operator != "AND"  # One false condition decides AND; one true one decides OR and NOT.
    holds, sure = not decisive, True
    for each in rules.conditions:
        if isinstance(each, Rules):
            truth = _evaluate(each, read)
        else:
            reading = read(each)
            truth = _Truth(reading.matched, reading.sure)
        if truth.holds is decisive:
            holds = decisive
            if truth.sure:
                sure = True
                break
        sure = sure and truth.sure
    return _Truth(not holds if rules.operator == "NOT" else holds, sure)


def _told(rules: Rules, readings: Mapping[_Key, Reading]) -> str:
    said = []
    for each in rules.conditions:
        if isinstance(each, Rules):
            said.append(_told(each, readings))
        elif (each.type, each.name) in readings:
            said.append(f"{each.type}:{each.name} {readings[each.type, each.name].why}")
    return f"{rules.operator}({'; '.join(part for part in said if part)})"
