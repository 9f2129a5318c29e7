"""Decisions (what follows from the signals), escalation, and the default model."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from semantic_router_proxy.config.cache import CacheLimits, SignalType
from semantic_router_proxy.config.section import Section
from semantic_router_proxy.config.signals import SignalsConfig

ReasoningEffort = Literal["low", "medium", "high"]
ChooseBy = Literal["weight", "cost", "latency"]


class Condition(Section):
    """True where the signal is."""

    type: SignalType
    name: str = Field(min_length=1)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "rules" if "operator" in value or "conditions" in value else "condition"
    return "rules" if isinstance(value, Rules) else "condition"


class Rules(Section):
    """All (AND), any (OR) or none (NOT) of the conditions; a condition may be a group of rules itself."""

    operator: Literal["AND", "OR", "NOT"] = "AND"
    conditions: tuple[
        Annotated[Annotated[Condition, Tag("condition")] | Annotated["Rules", Tag("rules")], Discriminator(_kind)],
        ...,
    ] = Field(min_length=1)

    def leaves(self) -> list[Condition]:
        """Return the conditions of this group and of the groups in it."""
        return [leaf for each in self.conditions for leaf in (each.leaves() if isinstance(each, Rules) else (each,))]


class ModelRef(Section):
    """One of the models that a decision chooses from."""

    model: str = Field(min_length=1)
    use_reasoning: bool = Field(False, description="Whether it thinks first, as its reasoning_family understands it.")
    reasoning_effort: ReasoningEffort | None = Field(None, description="None: the model's own.")
    weight: float = Field(1.0, gt=0, description="Share of the questions, where weight chooses.")


class CachePlugin(Section):
    """Changes the cache for one decision."""

    type: Literal["semantic-cache"]
    configuration: CacheLimits = CacheLimits()


class SystemPrompt(Section):
    enabled: bool = True
    system_prompt: str = Field("", description="The text; empty: nothing happens.")
    mode: Literal["replace", "insert"] = Field(
        "replace", description="Whether it takes the place of the caller's system prompt, or stands before it."
    )


class SystemPromptPlugin(Section):
    """Gives the model a system prompt of the decision's."""

    type: Literal["system_prompt"]
    configuration: SystemPrompt


Plugin = Annotated[CachePlugin | SystemPromptPlugin, Field(discriminator="type")]


class Decision(Section):
    """What follows where the rules hold; among several the highest priority decides, then the file's order."""

    name: str = Field(min_length=1)
    description: str = ""
    priority: int = 0
    rules: Rules
    model_refs: tuple[ModelRef, ...] = Field(alias="modelRefs", min_length=1)
    choose_by: ChooseBy = Field(
        "weight",
        description="How one of several models is chosen among those that can take the request: by their weights, by "
        "the expected cost of an answer, or by the latency of the last five minutes.",
    )
    plugins: tuple[Plugin, ...] = ()

    @model_validator(mode="after")
    def _plugins_are_of_different_types(self) -> "Decision":
        types = [plugin.type for plugin in self.plugins]
        for kind in types:
            if types.count(kind) > 1:
                raise ValueError(f"decision {self.name}: two plugins of the type {kind!r}")
        return self

    @property
    def cache(self) -> CacheLimits:
        """What the decision changes about the cache."""
        found = [each.configuration for each in self.plugins if isinstance(each, CachePlugin)]
        return found[0] if found else CacheLimits()

    @property
    def system_prompt(self) -> SystemPrompt | None:
        """The system prompt that the decision gives, if any."""
        found = [each.configuration for each in self.plugins if isinstance(each, SystemPromptPlugin)]
        return found[0] if found and found[0].enabled and found[0].system_prompt else None


class EscalationConfig(Section):
    """The larger model for questions that the signals do not place with certainty.

    The decision stays, with its plugins; only the model is another one. A question counts as uncertain where the
    outcome of the rules hangs on a signal that is not sure of itself.
    """

    model: str = Field(min_length=1, description="The larger model.")
    use_reasoning: bool = Field(False, description="Whether it thinks first; a decision that wants that gets it, too.")
    min_confidence: float = Field(
        0.5, ge=0.0, le=1.0, description="Least probability of a domain for the classifier to be sure."
    )
    min_margin: float = Field(
        0.15, ge=0.0, le=1.0, description="Least lead of a domain's probability over the best other category's."
    )
    similarity_margin: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Least distance of a similarity (embedding signals, described domains) from its threshold.",
    )


class RoutingFields(Section):
    """The top-level keys that routing owns; RouterConfig inherits them."""

    signals: SignalsConfig = SignalsConfig()
    decisions: tuple[Decision, ...] = ()
    default_model: str = ""
    escalation: EscalationConfig | None = Field(None, description="None: uncertain questions go where they seem to.")

    @model_validator(mode="after")
    def _conditions_name_signals(self) -> "RoutingFields":
        known = self.signals.names()
        for decision in self.decisions:
            for condition in decision.rules.leaves():
                if condition.name not in known[condition.type]:
                    raise ValueError(
                        f"decision {decision.name}: there is no {condition.type} signal named {condition.name!r}"
                    )
        return self
