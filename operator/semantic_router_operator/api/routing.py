"""`spec.routing`: signals, decisions and the default model."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, ShortName, Text, rules


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


class Signals(ApiModel):
    keywords: tuple[KeywordSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
    embeddings: tuple[EmbeddingSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
    domains: tuple[DomainSignal, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})


class Condition(ApiModel):
    type: Literal["keyword", "embedding", "domain"]
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
    ttl_seconds: int | None = Field(None, ge=0)


class Decision(ApiModel):
    """What follows where the rules hold; among several the highest priority wins."""

    name: ShortName
    description: Annotated[str, Field(max_length=1024)] = ""
    priority: int = 0
    rules: Rules
    model_refs: tuple[ModelRef, ...] = Field(min_length=1, max_length=16)
    cache: DecisionCache | None = None


class Routing(ApiModel):
    """How `model: auto` is decided."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.decisions) || (has(self.signals) && self.decisions.all(d, d.rules.conditions.all(c, "
                "c.type == 'keyword' ? has(self.signals.keywords) && self.signals.keywords.exists(s, s.name == c.name) "
                ": c.type == 'embedding' ? has(self.signals.embeddings) && self.signals.embeddings.exists(s, s.name == "
                "c.name) : has(self.signals.domains) && self.signals.domains.exists(s, s.name == c.name))))",
                "every condition of a decision must name a signal of its type under routing.signals",
            )
        )
    )

    default_model: ShortName | None = Field(None, description="None: the first of spec.models.")
    signals: Signals = Signals()
    decisions: tuple[Decision, ...] = Field((), max_length=64, json_schema_extra={"x-map-key": "name"})
