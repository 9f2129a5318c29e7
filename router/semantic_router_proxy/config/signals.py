"""Signals: statements about a request that decisions are made of, each true or not."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from semantic_router_proxy.config.patterns import compile_pattern
from semantic_router_proxy.config.section import Section

# The fields of knowledge of the MMLU-Pro benchmark (Wang et al. 2024).
MMLU_CATEGORIES = (
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
)
# ISO 639-1 codes of the languages that are told apart.
LANGUAGES = (
    *("ar", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl"),
    *("no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh"),
)


def mmlu_category(name: str) -> str | None:
    """Return the category that a name stands for, written in any case and with blanks or underscores."""
    plain = name.strip().lower().replace("_", " ")
    return plain if plain in MMLU_CATEGORIES else None


class KeywordSignal(Section):
    """True where the question has any (OR), all (AND) or none (NOR) of the words and patterns."""

    name: str = Field(min_length=1)
    operator: Literal["OR", "AND", "NOR"] = "OR"
    keywords: tuple[str, ...] = Field((), description="Matched as whole words.")
    patterns: tuple[str, ...] = Field(
        (), description="Regular expressions as RE2's; they see the first 10,000 characters of a question."
    )
    case_sensitive: bool = False

    @field_validator("patterns")
    @classmethod
    def _patterns_compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            compile_pattern(pattern)
        return patterns

    @model_validator(mode="after")
    def _there_is_something_to_find(self) -> "KeywordSignal":
        if not self.keywords and not self.patterns:
            raise ValueError("needs keywords or patterns")
        return self


class EmbeddingSignal(Section):
    """True where the question is at least `threshold` similar to one of the examples."""

    name: str = Field(min_length=1)
    threshold: float = Field(0.6, ge=0.0, le=1.0)
    candidates: tuple[str, ...] = Field(min_length=1, description="Example questions.")


class DomainSignal(Section):
    """A field of knowledge.

    With `mmlu_categories`, or a name that is one of them, the domain classifier decides: true where it puts the
    question into one of the categories. Any other domain is described: true where the question is similar to its
    description or to one of its examples.
    """

    name: str = Field(min_length=1)
    description: str = ""
    mmlu_categories: tuple[str, ...] = Field((), description=f"Of {', '.join(MMLU_CATEGORIES)}.")
    examples: tuple[str, ...] = Field((), description="Example questions of a domain that is none of the categories.")
    threshold: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Least probability of the categories (none: whatever the classifier prefers), or least similarity "
        "to the description and the examples (none: 0.4).",
    )

    @field_validator("mmlu_categories")
    @classmethod
    def _categories_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if mmlu_category(name) is None:
                raise ValueError(f"there is no category {name!r}; there are {', '.join(MMLU_CATEGORIES)}")
        return tuple(dict.fromkeys(mmlu_category(name) or name for name in names))

    @model_validator(mode="after")
    def _something_describes_it(self) -> "DomainSignal":
        if self.categories and self.examples:
            raise ValueError("examples belong to a domain without mmlu_categories; the classifier has its own")
        if not self.categories and not self.texts:
            raise ValueError(f"{self.name!r} is no MMLU category; it needs mmlu_categories, a description, or examples")
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that the classifier decides by; none for a domain that is described."""
        own = mmlu_category(self.name)
        return self.mmlu_categories or ((own,) if own is not None and not self.examples else ())

    @property
    def texts(self) -> tuple[str, ...]:
        """What a described domain is compared with."""
        return () if self.categories else (*((self.description,) if self.description else ()), *self.examples)


class LanguageSignal(Section):
    """True where the question is written in one of the languages. A question too short to tell is in none."""

    name: str = Field(min_length=1)
    languages: tuple[str, ...] = Field((), description="ISO 639-1 codes; none: the name is the code.")
    threshold: float = Field(0.3, ge=0.0, le=1.0, description="Least confidence.")

    @model_validator(mode="after")
    def _languages_exist(self) -> "LanguageSignal":
        for code in self.codes:
            if code not in LANGUAGES:
                raise ValueError(f"the language {code!r} is not told apart; {', '.join(LANGUAGES)} are")
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        return self.languages or (self.name,)


class ContextSignal(Section):
    """True where the request's length, estimated in tokens, lies within the limits."""

    name: str = Field(min_length=1)
    min_tokens: int = Field(0, ge=0)
    max_tokens: int | None = Field(None, ge=1)


class ContentSignal(Section):
    """True where the request carries any of these."""

    name: str = Field(min_length=1)
    has: tuple[Literal["tools", "images", "code", "structured_output"], ...] = Field(min_length=1)


class ComplexitySignal(Section):
    """True where the question seems as hard as this.

    By its wording, from 0 (a short fact) to 1 (reasoning in many steps); with examples by how much more it is like a
    hard one than like an easy one.
    """

    name: str = Field(min_length=1)
    threshold: float = Field(
        0.5, ge=0.0, le=1.0, description="Least hardness; with examples the least lead in similarity, 0.1 or so."
    )
    below: float | None = Field(None, gt=0.0, le=1.0, description="The hardness must be less than this.")
    hard: tuple[str, ...] = Field((), description="Example questions that are hard.")
    easy: tuple[str, ...] = Field((), description="Example questions that are easy.")

    @model_validator(mode="after")
    def _examples_of_both(self) -> "ComplexitySignal":
        if bool(self.hard) != bool(self.easy):
            raise ValueError("hard and easy belong together: a question is compared with both")
        return self


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
    language: tuple[LanguageSignal, ...] = ()
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
            "language": self.language,
            "context": self.context,
            "content": self.content,
            "complexity": self.complexity,
            "header": self.headers,
            "caller": self.callers,
        }
        return {kind: [signal.name for signal in signals] for kind, signals in kinds.items()}

    def texts(self) -> list[str]:
        """Return everything that questions are compared with, in the order in which `Router` takes the vectors."""
        described = [text for domain in self.domains for text in domain.texts]
        hardness = [text for signal in self.complexity for text in (*signal.hard, *signal.easy)]
        return [text for signal in self.embeddings for text in signal.candidates] + described + hardness

    @property
    def by_meaning(self) -> bool:
        """Whether any signal needs the question's vector."""
        return self.classified or bool(self.texts())

    @property
    def classified(self) -> bool:
        """Whether any domain is decided by the domain classifier."""
        return any(domain.categories for domain in self.domains)
