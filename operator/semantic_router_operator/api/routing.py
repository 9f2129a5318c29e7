"""`spec.routing`: signals, decisions and the default model."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, ShortName, SignalType, Text, rules


class KeywordSignal(ApiModel):
    """True where the question has any (OR), all (AND) or none (NOR) of the words."""

    name: ShortName
    operator: Literal["OR", "AND", "NOR"] = "OR"
    keywords: tuple[ShortName, ...] = Field(min_length=1, max_length=256)
    case_sensitive: bool = False


class EmbeddingSignal(ApiModel):
    """True where the question is like one of the examples."""

    name: ShortName
    threshold: float = Field(0.6, ge=0, le=1)
    candidates: tuple[Text, ...] = Field(min_length=1, max_length=256)


class DomainSignal(ApiModel):
    """A field of knowledge; true where the domain classifier chooses it."""

    name: ShortName
    description: Annotated[str, Field(max_length=1024)] = ""
    mmlu_categories: tuple[ShortName, ...] = Field((), max_length=32)


class ContextSignal(ApiModel):
    """True where the request's length, estimated in tokens, lies within the limits."""

    name: ShortName
    min_tokens: int = Field(0, ge=0, le=10_000_000)
    max_tokens: int | None = Field(None, ge=1, le=10_000_000)


class ContentSignal(ApiModel):
    """True where the request carries any of these."""

    name: ShortName
    has: tuple[Literal["tools", "images", "code"], ...] = Field(min_length=1, max_length=3)


class ComplexitySignal(ApiModel):
    """True where the question seems at least this hard, from 0 (a short fact) to 1 (reasoning in many steps)."""

    name: ShortName
    threshold: float = Field(0.5, ge=0, le=1)


class HeaderSignal(ApiModel):
    """True where the request's header has one of the values; without values, where it is there at all."""

    name: ShortName
    header: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")]
    values: tuple[Text, ...] = Field((), max_length=64)


class CallerSignal(ApiModel):
    """True for these callers: names of API keys, or the body's `user`."""

    name: ShortName
    callers: tuple[ShortName, ...] = Field((), max_length=256)
    users: tuple[ShortName, ...] = Field((), max_length=256)


class Signals(ApiModel):
    """What can be said of a request; decisions name them by type and name."""

    keywords: tuple[KeywordSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
    embeddings: tuple[EmbeddingSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
    domains: tuple[DomainSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
    context: tuple[ContextSignal, ...] = Field((), max_length=16, json_schema_extra={"x-map-key": "name"})
    content: tuple[ContentSignal, ...] = Field((), max_length=16, json_schema_extra={"x-map-key": "name"})
    complexity: tuple[ComplexitySignal, ...] = Field((), max_length=16, json_schema_extra={"x-map-key": "name"})
    headers: tuple[HeaderSignal, ...] = Field((), max_length=32, json_schema_extra={"x-map-key": "name"})
    callers: tuple[CallerSignal, ...] = Field((), max_length=32, json_schema_extra={"x-map-key": "name"})


# The `type` by which a condition names a signal, and the field of `signals` where that signal stands.
SIGNAL_FIELDS = {
    "keyword": "keywords",
    "embedding": "embeddings",
    "domain": "domains",
    "context": "context",
    "content": "content",
    "complexity": "complexity",
    "header": "headers",
    "caller": "callers",
}


class Condition(ApiModel):
    type: SignalType
    name: ShortName


class Rules(ApiModel):
    operator: Literal["AND", "OR", "NOT"] = "AND"
    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=16)


class ModelRef(ApiModel):
    model: ShortName
    use_reasoning: bool = False
    weight: int = Field(1, ge=1, le=1000)


class DecisionCache(ApiModel):
    """The semantic cache for one decision; it can only be stricter than spec.cache."""

    enabled: bool = True
    similarity_threshold: float | None = Field(None, ge=0, le=1)
    verify_threshold: float | None = Field(None, ge=0, le=1)
    ttl_seconds: int | None = Field(None, ge=0)


class Decision(ApiModel):
    """What follows where the rules hold; among several the highest priority wins."""

    name: ShortName
    description: Annotated[str, Field(max_length=1024)] = ""
    priority: int = 0
    rules: Rules
    model_refs: tuple[ModelRef, ...] = Field(min_length=1, max_length=16)
    cache: DecisionCache | None = None


_SIGNAL_EXISTS = " || ".join(
    f"(c.type == '{kind}' && has(self.signals.{field}) && c.name in self.signals.{field}.map(s, s.name))"
    for kind, field in SIGNAL_FIELDS.items()
)


class Routing(ApiModel):
    """How `model: auto` is decided."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.decisions) || (has(self.signals) && self.decisions.all(d, d.rules.conditions.all(c, "
                f"{_SIGNAL_EXISTS})))",
                "every condition of a decision must name a signal of its type under routing.signals",
            )
        )
    )

    default_model: ShortName | None = Field(None, description="None: the first of spec.models.")
    signals: Signals = Signals()
    decisions: tuple[Decision, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
