"""Signals (what a question is about), decisions (what follows from them), and the default model."""

from typing import Any, Literal

from pydantic import Field, model_validator

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


class SignalsConfig(Section):
    keywords: tuple[KeywordSignal, ...] = ()
    embeddings: tuple[EmbeddingSignal, ...] = ()
    domains: tuple[DomainSignal, ...] = ()


class Condition(Section):
    type: Literal["keyword", "embedding", "domain"]
    name: str = Field(min_length=1)


class Rules(Section):
    operator: Literal["AND", "OR", "NOT"] = "AND"
    conditions: tuple[Condition, ...] = Field(min_length=1)


class ModelRef(Section):
    model: str = Field(min_length=1)
    use_reasoning: bool = False
    weight: float = Field(1.0, gt=0)


class Plugin(Section):
    """`semantic-cache` changes the cache for one decision: `enabled`, `similarity_threshold`, `ttl_seconds`."""

    type: Literal["semantic-cache"]
    configuration: dict[str, Any] = Field(default_factory=dict)


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
        known = {
            "keyword": {signal.name for signal in self.signals.keywords},
            "embedding": {signal.name for signal in self.signals.embeddings},
            "domain": {signal.name for signal in self.signals.domains},
        }
        for decision in self.decisions:
            for condition in decision.rules.conditions:
                if condition.name not in known[condition.type]:
                    raise ValueError(
                        f"decision {decision.name}: there is no {condition.type} signal named {condition.name!r}"
                    )
        return self
