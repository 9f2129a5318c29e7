"""Which of a decision's models answers: those that can take the request and do not fail, then weight, cost or latency.

Pure but for the measurements, which are read from `Performance`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from semantic_router_proxy.config.routing import ChooseBy, ModelRef
from semantic_router_proxy.config.upstreams import ModelConfig
from semantic_router_proxy.routing.facts import RequestFacts
from semantic_router_proxy.routing.performance import Performance

_CAPABILITIES = ("tools", "images", "structured_output")


@dataclass(frozen=True, slots=True)
class Choice:
    """The model, and why it was taken; `why` is empty where there was nothing to choose."""

    ref: ModelRef
    why: str = ""


class Chooser:
    """Chooses among models. `models` are the configured ones in their order."""

    def __init__(self, models: Sequence[ModelConfig], performance: Performance) -> None:
        self._models: Mapping[str, ModelConfig] = {model.name: model for model in models}
        self._performance = performance

    def choose(self, refs: Sequence[ModelRef], by: ChooseBy, facts: RequestFacts) -> Choice:
        """Choose for a request. By weight the same request always gets the same model, as long as none fails."""
        able, unfit = self._able(refs, facts)
        said = [f"{name} {why}" for name, why in unfit.items()]
        if not able:
            return self._another(refs, facts, by, said)
        good = [ref for ref in able if not self._performance.failing(ref.model)]
        said += [f"{ref.model} fails" for ref in able if ref not in good and good]
        ref, why = self._best(good or able, by, facts)
        return Choice(ref, "; ".join([*([why] if why else []), *said]))

    def obstacle(self, model: str, facts: RequestFacts) -> str:
        """Say why a model cannot take a request; empty where it can, or where nothing is known against it."""
        config = self._models.get(model)
        if config is None:
            return ""
        needed = facts.tokens + facts.answer_tokens
        if config.context_window is not None and needed > config.context_window:
            return f"has a context of {config.context_window} tokens, about {needed} are needed"
        if config.capabilities is not None:
            lacking = [each for each in _CAPABILITIES if each in facts.content and each not in config.capabilities]
            if lacking:
                return f"cannot do {', '.join(lacking)}"
        return ""

    def _able(self, refs: Sequence[ModelRef], facts: RequestFacts) -> tuple[list[ModelRef], dict[str, str]]:
        unfit = {ref.model: why for ref in refs if (why := self.obstacle(ref.model, facts))}
        return [ref for ref in refs if ref.model not in unfit], unfit

    def _another(self, refs: Sequence[ModelRef], facts: RequestFacts, by: ChooseBy, said: list[str]) -> Choice:
        """None of the models can: take the first configured one that can, else let the provider say so."""
        for name in self._models:
            if not self.obstacle(name, facts):
                first = refs[0]
                ref = ModelRef(model=name, use_reasoning=first.use_reasoning, reasoning_effort=first.reasoning_effort)
                return Choice(ref, "; ".join([f"{name} can take the request", *said]))
        ref, _ = self._best(refs, by, facts)
        return Choice(ref, "; ".join(["no model can take the request", *said]))

    def _best(self, refs: Sequence[ModelRef], by: ChooseBy, facts: RequestFacts) -> tuple[ModelRef, str]:
        if len(refs) == 1:
            return refs[0], ""
        if by == "cost":
            costs = {ref.model: self._cost(ref.model, facts) for ref in refs}
            ref = min(refs, key=lambda each: costs[each.model])
            return ref, f"cheapest, about {costs[ref.model]:.6f} an answer"
        if by == "latency":
            times = {ref.model: self._performance.latency(ref.model) for ref in refs}
            known = {model: seconds for model, seconds in times.items() if seconds is not None}
            if len(known) < len(times):
                unknown = ", ".join(model for model in times if model not in known)
                return by_weight(refs, facts), f"by weight, the latency of {unknown} is not known yet"
            ref = min(refs, key=lambda each: known[each.model] * self._attempts_needed(each.model))
            return ref, f"fastest, {known[ref.model] * 1000:.0f} ms to the first byte"
        return by_weight(refs, facts), "by weight"

    def _cost(self, model: str, facts: RequestFacts) -> float:
        """Return what a good answer will probably cost; failed attempts cost nothing, so errors do not count."""
        config = self._models.get(model)
        if config is None or config.pricing is None:
            return 0.0
        tokens = self._performance.answer_tokens(model)
        if facts.answer_tokens:
            tokens = min(tokens, facts.answer_tokens)
        return config.pricing.cost(facts.tokens, round(tokens))

    def _attempts_needed(self, model: str) -> float:
        """Return the attempts until one succeeds: the mean of a geometric distribution."""
        return 1.0 / max(1.0 - self._performance.error_share(model), 0.01)


def by_weight(refs: Sequence[ModelRef], facts: RequestFacts) -> ModelRef:
    """Draw by weight, with the text in place of chance: routing must give the same model for the same request."""
    text = f"{facts.identity}\n{facts.text}"
    drawn = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
    point = drawn * sum(ref.weight for ref in refs)
    for ref in refs:
        point -= ref.weight
        if point < 0:
            return ref
    return refs[-1]
