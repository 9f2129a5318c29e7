"""Signals: one statement each about a request, true or not, with a confidence and the reason. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.config.patterns import compile_pattern
from semantic_router_proxy.config.routing import EscalationConfig
from semantic_router_proxy.config.signals import (
    CallerSignal,
    ComplexitySignal,
    ContentSignal,
    ContextSignal,
    DomainSignal,
    EmbeddingSignal,
    HeaderSignal,
    KeywordSignal,
    LanguageSignal,
)
from semantic_router_proxy.routing.facts import RequestFacts
from semantic_router_proxy.routing.language import language_of

Vector = NDArray[np.float32]

_SIMILAR_TO_DESCRIPTION = 0.4
# The time of a pattern's search grows with the text, which is anybody's.
_SEEN_BY_PATTERNS = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signal says about one request. `confidence` is between 0 and 1; `sure` is false where the escalation's
    limits say that it might as well be the other way."""

    matched: bool
    confidence: float = 0.0
    why: str = ""
    sure: bool = True


class DomainClassifier(Protocol):
    """Names the field of knowledge that a question belongs to."""

    def classify(self, embedding: Vector) -> dict[str, float]:
        """Return the probability of each MMLU category."""
        ...


class Question:
    """One request while it is decided; what several signals look at is found out once."""

    def __init__(self, facts: RequestFacts, embedding: Vector | None, classifier: DomainClassifier | None) -> None:
        self.facts = facts
        self.embedding = embedding
        self._classifier = classifier

    @cached_property
    def categories(self) -> dict[str, float]:
        """The probability of each MMLU category; empty without an embedding or a classifier."""
        if self.embedding is None or self._classifier is None:
            return {}
        return self._classifier.classify(self.embedding)

    @cached_property
    def language(self) -> tuple[str, float]:
        return language_of(self.facts.text)


class Signal(Protocol):
    def read(self, question: Question) -> Reading: ...


class Keywords:
    """Words of the configuration, matched at word boundaries where the word begins and ends with a word character, and
    regular expressions."""

    def __init__(self, config: KeywordSignal) -> None:
        flags = 0 if config.case_sensitive else re.IGNORECASE
        self._words = [(word, re.compile(_bounded(word), flags)) for word in config.keywords]
        self._patterns = [
            (pattern, compile_pattern(pattern, case_sensitive=config.case_sensitive)) for pattern in config.patterns
        ]
        self._operator = config.operator

    def read(self, question: Question) -> Reading:
        found = [word for word, pattern in self._words if pattern.search(question.facts.text)]
        begin = question.facts.text[:_SEEN_BY_PATTERNS]
        found += [source for source, pattern in self._patterns if pattern.search(begin)]
        matched = {
            "OR": bool(found),
            "AND": len(found) == len(self._words) + len(self._patterns),
            "NOR": not found,
        }[self._operator]
        why = f"found {', '.join(map(repr, found))}" if found else "none of the words found"
        return Reading(matched, 1.0 if matched else 0.0, why)


class Examples:
    """Similarity to texts; rows of `vectors` are their unit vectors."""

    def __init__(
        self, texts: Sequence[str], threshold: float, vectors: NDArray[np.float32], doubt: EscalationConfig | None
    ) -> None:
        self._threshold = threshold
        self._texts = texts
        self._vectors = vectors
        self._margin = doubt.similarity_margin if doubt is not None else 0.0

    def read(self, question: Question) -> Reading:
        if question.embedding is None:
            return Reading(False, 0.0, "no embedding")
        similarities = self._vectors @ question.embedding
        best = int(np.argmax(similarities))
        similarity = float(similarities[best])
        sure = abs(similarity - self._threshold) >= self._margin
        why = f"{similarity:.3f} similar to {self._texts[best]!r}, needs {self._threshold:.2f}{_unsure(sure)}"
        return Reading(similarity >= self._threshold, max(0.0, min(1.0, similarity)), why, sure)


class Domain:
    """True where the classifier puts the question into one of the signal's categories."""

    def __init__(self, config: DomainSignal, doubt: EscalationConfig | None) -> None:
        self._categories = frozenset(config.categories)
        self._least = config.threshold or 0.0
        self._doubt = doubt

    def read(self, question: Question) -> Reading:
        probabilities = question.categories
        if not probabilities:
            return Reading(False, 0.0, "no embedding")
        own = sum(value for name, value in probabilities.items() if name in self._categories)
        best = max(probabilities, key=probabilities.__getitem__)
        rival = max((value for name, value in probabilities.items() if name not in self._categories), default=0.0)
        matched = best in self._categories and own >= self._least
        sure = self._doubt is None or (
            abs(own - rival) >= self._doubt.min_margin and (not matched or own >= self._doubt.min_confidence)
        )
        second = max((name for name in probabilities if name != best), key=probabilities.__getitem__)
        why = f"classified as {best!r} ({probabilities[best]:.2f}, then {second!r} {probabilities[second]:.2f})"
        return Reading(matched, min(1.0, own), why + _unsure(sure), sure)


def described_domain(config: DomainSignal, vectors: NDArray[np.float32], doubt: EscalationConfig | None) -> Examples:
    """Return the signal of a domain that is none of the classifier's: similarity to its description and examples."""
    threshold = _SIMILAR_TO_DESCRIPTION if config.threshold is None else config.threshold
    return Examples(config.texts, threshold, vectors, doubt)


def examples(config: EmbeddingSignal, vectors: NDArray[np.float32], doubt: EscalationConfig | None) -> Examples:
    return Examples(config.candidates, config.threshold, vectors, doubt)


class Language:
    """The language of the question."""

    def __init__(self, config: LanguageSignal) -> None:
        self._codes = frozenset(config.codes)
        self._least = config.threshold

    def read(self, question: Question) -> Reading:
        code, confidence = question.language
        if not code:
            return Reading(False, 0.0, "the language cannot be told")
        matched = code in self._codes and confidence >= self._least
        return Reading(matched, confidence, f"written in {code!r} ({confidence:.2f}), needs {self._least:.2f}")


class Context:
    """The request's length."""

    def __init__(self, config: ContextSignal) -> None:
        self._least = config.min_tokens
        self._most = config.max_tokens

    def read(self, question: Question) -> Reading:
        matched = question.facts.tokens >= self._least and (self._most is None or question.facts.tokens <= self._most)
        return Reading(matched, 1.0 if matched else 0.0, f"about {question.facts.tokens} tokens")


class Content:
    """Tools, images or code in the request."""

    def __init__(self, config: ContentSignal) -> None:
        self._wanted = frozenset(config.has)

    def read(self, question: Question) -> Reading:
        found = sorted(self._wanted & question.facts.content)
        return Reading(bool(found), 1.0 if found else 0.0, f"has {', '.join(found)}" if found else "has none")


class Complexity:
    """How hard a question seems, by its wording: words that ask for reasoning, its length, its parts."""

    def __init__(self, config: ComplexitySignal) -> None:
        self._least = config.threshold
        self._below = config.below

    def read(self, question: Question) -> Reading:
        score = complexity(question.facts.text)
        wanted = f"needs {self._least:.2f}" + (f" to {self._below:.2f}" if self._below is not None else "")
        matched = score >= self._least and (self._below is None or score < self._below)
        return Reading(matched, score, f"seems {score:.2f} hard, {wanted}")


class Hardness:
    """Whether the question is more like the hard examples than like the easy ones; rows are unit vectors."""

    def __init__(self, config: ComplexitySignal, hard: NDArray[np.float32], easy: NDArray[np.float32]) -> None:
        self._least = config.threshold
        self._below = config.below
        self._hard = hard
        self._easy = easy

    def read(self, question: Question) -> Reading:
        if question.embedding is None:
            return Reading(False, 0.0, "no embedding")
        hard = float((self._hard @ question.embedding).max())
        easy = float((self._easy @ question.embedding).max())
        lead = hard - easy
        matched = lead >= self._least and (self._below is None or lead < self._below)
        why = f"{hard:.3f} similar to a hard question, {easy:.3f} to an easy one, needs {self._least:.2f} more"
        return Reading(matched, max(0.0, min(1.0, lead)), why)


class Header:
    """A header of the request. Its value may be anything, so it is not quoted."""

    def __init__(self, config: HeaderSignal) -> None:
        self._name = config.header.lower()
        self._values = frozenset(config.values)

    def read(self, question: Question) -> Reading:
        value = question.facts.headers.get(self._name)
        matched = value is not None and (not self._values or value in self._values)
        return Reading(matched, 1.0 if matched else 0.0, f"{self._name} {'matches' if matched else 'does not match'}")


class Caller:
    """Who asks."""

    def __init__(self, config: CallerSignal) -> None:
        self._callers = frozenset(config.callers)
        self._users = frozenset(config.users)

    def read(self, question: Question) -> Reading:
        matched = (question.facts.caller in self._callers and bool(question.facts.caller)) or (
            question.facts.user in self._users and bool(question.facts.user)
        )
        return Reading(matched, 1.0 if matched else 0.0, "named here" if matched else "not named here")


_REASONING = re.compile(
    r"\b(?:prove|proof|derive|compare|contrast|analy[sz]e|evaluate|design|optimi[sz]e|refactor|debug|architect\w*|"
    r"trade-?offs?|step by step|explain why|why (?:does|is|are|do)|pros and cons|implications?|strategy|algorithm)\b",
    re.IGNORECASE,
)
_PART = re.compile(
    r"[?;]|\b(?:and then|while|unless|given that|assuming|such that|if|because)\b|^\s*(?:\d+[.)]|[-*])\s", re.I | re.M
)


def complexity(text: str) -> float:
    """Return how hard a question seems, between 0 and 1: half by words that ask for reasoning, the rest by its
    length (full at 150 words) and its number of parts (full at five)."""
    words = len(text.split())
    asks = len({found.lower() for found in _REASONING.findall(text)})
    parts = len(_PART.findall(text))
    return min(1.0, 0.5 * min(asks, 2) / 2 + 0.3 * min(words / 150, 1.0) + 0.2 * min(parts / 5, 1.0))


def _unsure(sure: bool) -> str:
    return "" if sure else ", unsure"


def _bounded(word: str) -> str:
    before = r"\b" if word[:1].isalnum() or word[:1] == "_" else ""
    after = r"\b" if word[-1:].isalnum() or word[-1:] == "_" else ""
    return before + re.escape(word) + after
