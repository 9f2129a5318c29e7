"""Signals (what a question is about), decisions (what follows from them), and the default model."""

from typing import Any, Literal

from pydantic import Field, model_validator

from semantic_router_proxy.config.cache import CacheLimits, SignalType
from semantic_router_proxy.config.section import Section


class KeywordSignal(Section):
    """True where the question has any (OR), all (AND) or none (NOR) of the words."""

    name: str = Field(min_length=1)
    operator: Literal["OR", "AND", "NOR"] = "OR"
    keywords: tuple[str, ...] = Field(min_length=1)
    case_sensitive: bool = False


class EmbeddingSignal(Section):
    """True where the question is at least `threshold` similar to one of the examples."""

    name: str = Field(min_length=1)
    threshold: float = Field(0.6, ge=0.0, le=1.0)
    candidates: tuple[str, ...] = Field(min_length=1, description="Example questions.")


class DomainSignal(Section):
    """A field of knowledge; true where the domain classifier chooses it."""

    name: str = Field(min_length=1)
    description: str = ""
    mmlu_categories: tuple[str, ...] = ()


class ContextSignal(Section):
    """True where the request's length, estimated in tokens, lies within the limits."""

    name: str = Field(min_length=1)
    min_tokens: int = Field(0, ge=0)
    max_tokens: int | None = Field(None, ge=1)


class ContentSignal(Section):
    """True where the request carries any of these."""

    name: str = Field(min_length=1)
    has: tuple[Literal["tools", "images", "code"], ...] = Field(min_length=1)


class ComplexitySignal(Section):
    """True where the question seems at least this hard, from 0 (a short fact) to 1 (reasoning in many steps)."""

    name: str = Field(min_length=1)
    threshold: float = Field(0.5, ge=0.0, le=1.0)


class HeaderSignal(Section):
    """True where the request's header has one of the values; without values, where it is there at all."""

    name: str = Field(min_length=1)
    header: str = Field(pattern="^[A-Za-z0-9-]+$")
    values: tuple[str, ...] = ()


class CallerSignal(Section):
    """True for these callers: names of API keys, or the body's `user`."""

    name: str = Field(min_length=1)
    callers: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


class SignalsConfig(Section):
    keywords: tuple[KeywordSignal, ...] = ()
    embeddings: tuple[EmbeddingSignal, ...] = ()
    domains: tuple[DomainSignal, ...] = ()
    context: tuple[ContextSignal, ...] = ()
    content: tuple[ContentSignal, ...] = ()
    complexity: tuple[ComplexitySignal, ...] = ()
    headers: tuple[HeaderSignal, ...] = ()
    callers: tuple[CallerSignal, ...] = ()

    def names(self) -> dict[str, list[str]]:
        """Return the names of all signals by the `type` that a condition calls them by."""
        kinds: dict[str, tuple[Any, ...]] = {
            "keyword": self.keywords,
            "embedding": self.embeddings,
            "domain": self.domains,
            "context": self.context,
            "content": self.content,
            "complexity": self.complexity,
            "header": self.headers,
            "caller": self.callers,
        }
        return {kind: [signal.name for signal in signals] for kind, signals in kinds.items()}


class Condition(Section):
    type: SignalType
    name: str = Field(min_length=1)


class Rules(Section):
    operator: Literal["AND", "OR", "NOT"] = "AND"
    conditions: tuple[Condition, ...] = Field(min_length=1)


class ModelRef(Section):
    model: str = Field(min_length=1)
    use_reasoning: bool = False
    weight: float = Field(1.0, gt=0)


class Plugin(Section):
    """`semantic-cache` changes the cache for one decision."""

    type: Literal["semantic-cache"]
    configuration: CacheLimits = CacheLimits()


class Decision(Section):
    name: str = Field(min_length=1)
    description: str = ""
    priority: int = 0
    rules: Rules
    model_refs: tuple[ModelRef, ...] = Field(alias="modelRefs", min_length=1)
    plugins: tuple[Plugin, ...] = ()


class RoutingFields(Section):
    """The top-level keys that routing owns; RouterConfig inherits them."""

    signals: SignalsConfig = SignalsConfig()
    decisions: tuple[Decision, ...] = ()
    default_model: str = ""

    @model_validator(mode="after")
    def _conditions_name_signals(self) -> "RoutingFields":
        known = self.signals.names()
        for decision in self.decisions:
            for condition in decision.rules.conditions:
                if condition.name not in known[condition.type]:
                    raise ValueError(
                        f"decision {decision.name}: there is no {condition.type} signal named {condition.name!r}"
                    )
        return self
