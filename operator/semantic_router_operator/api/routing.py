"""`spec.routing`: signals, decisions and the default model."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, ShortName, SignalType, Text, filled, rules
from semantic_router_proxy.config.signals import MMLU_CATEGORIES


class KeywordSignal(ApiModel):
    """True where the question has any (OR), all (AND) or none (NOR) of the words and patterns."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (f"{filled('self.keywords')} || {filled('self.patterns')}", "a keyword signal needs keywords or patterns"),
        )
    )

    name: ShortName = Field(description="By which conditions of this type name it.")
    operator: Literal["OR", "AND", "NOR"] = Field("OR", description="Any, all or none of the words and patterns.")
    keywords: tuple[ShortName, ...] = Field((), max_length=256, description="Words or phrases; whole words only.")
    patterns: tuple[Text, ...] = Field(
        (), max_length=64, description="Regular expressions, as RE2's; they see the beginning of a question only."
    )
    case_sensitive: bool = Field(False, description="Whether capitals count.")


class EmbeddingSignal(ApiModel):
    """True where the question is like one of the examples."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    threshold: float = Field(0.6, ge=0, le=1, description="Least similarity to the most similar example.")
    candidates: tuple[Text, ...] = Field(min_length=1, max_length=256, description="Example questions.")


class DomainSignal(ApiModel):
    """A field of knowledge.

    With mmluCategories, or a name that is one of them, the domain classifier decides. Any other domain is described:
    true where the question is similar to its description or to one of its examples.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"!({filled('self.mmluCategories')} && {filled('self.examples')})",
                "examples belong to a domain without mmluCategories; the classifier has its own",
            ),
            (
                f"{filled('self.mmluCategories')} || {filled('self.examples')} || (has(self.description) && "
                "self.description != '') || self.name.lowerAscii().replace('_', ' ').trim() in "
                f"{list(MMLU_CATEGORIES)}",
                "a domain whose name is no MMLU category needs mmluCategories, a description, or examples",
            ),
        )
    )

    name: ShortName = Field(description="By which conditions of this type name it.")
    description: Annotated[str, Field(max_length=1024)] = Field("", description="What the field is about.")
    mmlu_categories: tuple[ShortName, ...] = Field(
        (), max_length=32, description="Categories of MMLU-Pro that belong to it."
    )
    examples: tuple[Text, ...] = Field(
        (), max_length=256, description="Example questions of a domain that is none of the categories."
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Least probability of the categories (none: whatever the classifier prefers), or least similarity "
        "to the description and the examples (none: 0.4).",
    )


class LanguageSignal(ApiModel):
    """True where the question is written in one of the languages. A question too short to tell is in none."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$", max_length=2)], ...] = Field(
        (), max_length=32, description="ISO 639-1 codes; none: the name is the code."
    )
    threshold: float = Field(0.3, ge=0, le=1, description="Least confidence.")


class ContextSignal(ApiModel):
    """True where the request's length, estimated in tokens, lies within the limits."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    min_tokens: int = Field(0, ge=0, le=10_000_000, description="Least length.")
    max_tokens: int | None = Field(None, ge=1, le=10_000_000, description="Greatest length; None: any.")


class ContentSignal(ApiModel):
    """True where the request carries any of these."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    has: tuple[Literal["tools", "images", "code", "structured_output"], ...] = Field(
        min_length=1, max_length=4, description="Any of them is enough."
    )


class ComplexitySignal(ApiModel):
    """True where the question seems as hard as this.

    By its wording, from 0 (a short fact) to 1 (reasoning in many steps); with examples by how much more it is like a
    hard one than like an easy one.
    """

    model_config = ConfigDict(
        json_schema_extra=rules((f"{filled('self.hard')} == {filled('self.easy')}", "hard and easy belong together"))
    )

    name: ShortName = Field(description="By which conditions of this type name it.")
    threshold: float = Field(
        0.5, ge=0, le=1, description="Least hardness; with examples the least lead in similarity, 0.1 or so."
    )
    below: float | None = Field(None, gt=0, le=1, description="The hardness must be less than this.")
    hard: tuple[Text, ...] = Field((), max_length=256, description="Example questions that are hard.")
    easy: tuple[Text, ...] = Field((), max_length=256, description="Example questions that are easy.")


class HeaderSignal(ApiModel):
    """True where the request's header has one of the values; without values, where it is there at all."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    header: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")] = Field(
        description="In any case."
    )
    values: tuple[Text, ...] = Field((), max_length=64, description="None: any value.")


class CallerSignal(ApiModel):
    """True for these callers: names of API keys, or the body's `user`."""

    name: ShortName = Field(description="By which conditions of this type name it.")
    callers: tuple[ShortName, ...] = Field((), max_length=256, description="Names of API keys.")
    users: tuple[ShortName, ...] = Field((), max_length=256, description="Values of the body's `user`.")


class Signals(ApiModel):
    """What can be said of a request; decisions name them by type and name."""

    keywords: tuple[KeywordSignal, ...] = Field(
        (), max_length=64, json_schema_extra={"x-map-key": "name"}, description="By words."
    )
    embeddings: tuple[EmbeddingSignal, ...] = Field(
        (), max_length=64, json_schema_extra={"x-map-key": "name"}, description="By similarity to examples."
    )
    domains: tuple[DomainSignal, ...] = Field(
        (), max_length=64, json_schema_extra={"x-map-key": "name"}, description="By field of knowledge."
    )
    language: tuple[LanguageSignal, ...] = Field(
        (), max_length=32, json_schema_extra={"x-map-key": "name"}, description="By the language of the question."
    )
    context: tuple[ContextSignal, ...] = Field(
        (), max_length=16, json_schema_extra={"x-map-key": "name"}, description="By length."
    )
    content: tuple[ContentSignal, ...] = Field(
        (), max_length=16, json_schema_extra={"x-map-key": "name"}, description="By what is carried along."
    )
    complexity: tuple[ComplexitySignal, ...] = Field(
        (), max_length=16, json_schema_extra={"x-map-key": "name"}, description="By hardness."
    )
    headers: tuple[HeaderSignal, ...] = Field(
        (), max_length=32, json_schema_extra={"x-map-key": "name"}, description="By the request's headers."
    )
    callers: tuple[CallerSignal, ...] = Field(
        (), max_length=32, json_schema_extra={"x-map-key": "name"}, description="By who asks."
    )


# The `type` by which a condition names a signal, and the field of `signals` where that signal stands.
SIGNAL_FIELDS = {
    "keyword": "keywords",
    "embedding": "embeddings",
    "domain": "domains",
    "language": "language",
    "context": "context",
    "content": "content",
    "complexity": "complexity",
    "header": "headers",
    "caller": "callers",
}


class Condition(ApiModel):
    """True where the signal is."""

    type: SignalType = Field(description="The signal's type.")
    name: ShortName = Field(description="The signal's name.")


class RuleGroup(ApiModel):
    """All (AND), any (OR) or none (NOT) of its conditions; it counts as one condition itself."""

    operator: Literal["AND", "OR", "NOT"] = Field("AND", description="All, any or none of the conditions.")
    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=8, description="Signals that are looked at.")


class Rules(ApiModel):
    """All (AND), any (OR) or none (NOT) of the conditions and groups."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (f"{filled('self.conditions')} || {filled('self.groups')}", "rules need conditions or groups")
        )
    )

    operator: Literal["AND", "OR", "NOT"] = Field("AND", description="All, any or none of conditions and groups.")
    conditions: tuple[Condition, ...] = Field((), max_length=16, description="Signals that are looked at.")
    groups: tuple[RuleGroup, ...] = Field((), max_length=4, description="Conditions that belong together.")


class ModelRef(ApiModel):
    model: ShortName = Field(description="One of spec.models.")
    use_reasoning: bool = Field(False, description="Whether the model is told to reason.")
    reasoning_effort: Literal["low", "medium", "high"] | None = Field(None, description="None: the model's own.")
    weight: int = Field(1, ge=1, le=1000, description="Share of the requests among several models.")


class DecisionCache(ApiModel):
    """The semantic cache for one decision; it can only be stricter than spec.cache."""

    enabled: bool = Field(True, description="false: nothing is read or kept.")
    similarity_threshold: float | None = Field(
        None, ge=0, le=1, description="In place of spec.cache.similarityThreshold."
    )
    verify_threshold: float | None = Field(None, ge=0, le=1, description="In place of spec.cache.verifyThreshold.")
    ttl_seconds: int | None = Field(
        None, ge=0, description="Never longer than spec.cache.ttlSeconds; 0: nothing is kept."
    )


class SystemPrompt(ApiModel):
    """Gives the model a system prompt of the decision's."""

    text: Annotated[str, Field(min_length=1, max_length=32_768)] = Field(description="The prompt.")
    mode: Literal["replace", "insert"] = Field(
        "replace", description="Whether it takes the place of the caller's system prompt, or stands before it."
    )


class Escalation(ApiModel):
    """The larger model for questions that the signals do not place with certainty."""

    model: ShortName = Field(description="One of spec.models.")
    use_reasoning: bool = Field(False, description="Whether it is told to reason.")
    min_confidence: float = Field(0.5, ge=0, le=1, description="Least probability of a domain to be sure.")
    min_margin: float = Field(0.15, ge=0, le=1, description="Least lead of a domain over the next one.")
    similarity_margin: float = Field(0, ge=0, le=1, description="Least distance of a similarity from its threshold.")


class Decision(ApiModel):
    """What follows where the rules hold; among several the highest priority wins."""

    name: ShortName = Field(description="As told in the header x-vsr-selected-decision.")
    description: Annotated[str, Field(max_length=1024)] = Field("", description="For people.")
    priority: int = Field(0, description="Larger numbers first.")
    rules: Rules = Field(description="When it holds.")
    model_refs: tuple[ModelRef, ...] = Field(min_length=1, max_length=16, description="Who answers then.")
    choose_by: Literal["weight", "cost", "latency"] = Field(
        "weight",
        description="How one of several models is chosen: by weights, by the expected cost of an answer, or by the "
        "latency of the last five minutes.",
    )
    system_prompt: SystemPrompt | None = Field(None, description="None: the caller's own.")
    cache: DecisionCache | None = Field(None, description="None: as spec.cache says.")


# Every signal as TYPE/NAME, in a list of one list: that is how CEL gives a value a name, so that it is computed once.
_SIGNALS = " + ".join(
    f"(has(self.signals.{field}) ? self.signals.{field}.map(s, '{kind}/' + s.name) : [])"
    for kind, field in SIGNAL_FIELDS.items()
)
_EXISTS = "all(c, c.type + '/' + c.name in known)"


class Routing(ApiModel):
    """How `model: auto` is decided."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"!has(self.decisions) || (has(self.signals) && [{_SIGNALS}].all(known, self.decisions.all(d, "
                f"(!has(d.rules.conditions) || d.rules.conditions.{_EXISTS}) && "
                f"(!has(d.rules.groups) || d.rules.groups.all(g, g.conditions.{_EXISTS})))))",
                "every condition of a decision must name a signal of its type under routing.signals",
            )
        )
    )

    default_model: ShortName | None = Field(None, description="None: the first of spec.models.")
    signals: Signals = Signals()
    decisions: tuple[Decision, ...] = Field(
        (),
        max_length=64,
        json_schema_extra={"x-map-key": "name"},
        description="Where none holds, the default model answers.",
    )
    escalation: Escalation | None = Field(None, description="None: uncertain questions go where they seem to.")
