"""Signals: one statement each about a request, true or not, with a confidence and the reason. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.config.routing import (
    CallerSignal,
    ComplexitySignal,
    ContentSignal,
    ContextSignal,
    DomainSignal,
    EmbeddingSignal,
    HeaderSignal,
    KeywordSignal,
)
from semantic_router_proxy.routing.facts import RequestFacts

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signal says about one request. `confidence` is between 0 and 1."""

    matched: bool
    confidence: float = 0.0
    why: str = ""


class Signal(Protocol):
    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading: ...


class DomainClassifier(Protocol):
    """Names the field of knowledge that a question belongs to."""

    def classify(self, embedding: Vector) -> tuple[str, float]:
        """Return the MMLU category and the confidence in it."""
        ...


class Keywords:
    """Words of the configuration, matched at word boundaries where the word begins and ends with a word character."""

    def __init__(self, config: KeywordSignal) -> None:
        flags = 0 if config.case_sensitive else re.IGNORECASE
        self._words = [(word, re.compile(_bounded(word), flags)) for word in config.keywords]
        self._operator = config.operator

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        found = [word for word, pattern in self._words if pattern.search(facts.text)]
        matched = {
            "OR": bool(found),
            "AND": len(found) == len(self._words),
            "NOR": not found,
        }[self._operator]
        why = f"found {', '.join(map(repr, found))}" if found else "none of the words found"
        return Reading(matched, 1.0 if matched else 0.0, why)


class Examples:
    """Similarity to example questions; rows of `vectors` are their unit vectors."""

    def __init__(self, config: EmbeddingSignal, vectors: NDArray[np.float32]) -> None:
        self._threshold = config.threshold
        self._candidates = config.candidates
        self._vectors = vectors

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        if embedding is None:
            return Reading(False, 0.0, "no embedding")
        similarities = self._vectors @ embedding
        best = int(np.argmax(similarities))
        similarity = float(similarities[best])
        why = f"{similarity:.3f} similar to {self._candidates[best]!r}, needs {self._threshold:.2f}"
        return Reading(similarity >= self._threshold, max(0.0, min(1.0, similarity)), why)


class Domain:
    """True where the classifier puts the question into one of the signal's categories."""

    def __init__(self, config: DomainSignal, classifier: DomainClassifier | None) -> None:
        self._categories = frozenset(config.mmlu_categories or (config.name,))
        self._classifier = classifier

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        if embedding is None or self._classifier is None:
            return Reading(False, 0.0, "no classifier" if self._classifier is None else "no embedding")
        category, confidence = self._classifier.classify(embedding)
        return Reading(category in self._categories, confidence, f"classified as {category!r} ({confidence:.2f})")


class Context:
    """The request's length."""

    def __init__(self, config: ContextSignal) -> None:
        self._least = config.min_tokens
        self._most = config.max_tokens

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        matched = facts.tokens >= self._least and (self._most is None or facts.tokens <= self._most)
        return Reading(matched, 1.0 if matched else 0.0, f"about {facts.tokens} tokens")


class Content:
    """Tools, images or code in the request."""

    def __init__(self, config: ContentSignal) -> None:
        self._wanted = frozenset(config.has)

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        found = sorted(self._wanted & facts.content)
        return Reading(bool(found), 1.0 if found else 0.0, f"has {', '.join(found)}" if found else "has none")


class Complexity:
    """How hard a question seems, by its wording: words that ask for reasoning, its length, its parts."""

    def __init__(self, config: ComplexitySignal) -> None:
        self._threshold = config.threshold

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        score = complexity(facts.text)
        return Reading(score >= self._threshold, score, f"seems {score:.2f} hard, needs {self._threshold:.2f}")


class Header:
    """A header of the request. Its value may be anything, so it is not quoted."""

    def __init__(self, config: HeaderSignal) -> None:
        self._name = config.header.lower()
        self._values = frozenset(config.values)

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        value = facts.headers.get(self._name)
        matched = value is not None and (not self._values or value in self._values)
        return Reading(matched, 1.0 if matched else 0.0, f"{self._name} {'matches' if matched else 'does not match'}")


class Caller:
    """Who asks."""

    def __init__(self, config: CallerSignal) -> None:
        self._callers = frozenset(config.callers)
        self._users = frozenset(config.users)

    def read(self, facts: RequestFacts, embedding: Vector | None) -> Reading:
        matched = (facts.caller in self._callers and bool(facts.caller)) or (
            facts.user in self._users and bool(facts.user)
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


def candidates_of(signals: Sequence[EmbeddingSignal]) -> list[str]:
    """Return all example questions in order; their vectors are split again by `Router`."""
    return [candidate for signal in signals for candidate in signal.candidates]


def _bounded(word: str) -> str:
    before = r"\b" if word[:1].isalnum() or word[:1] == "_" else ""
    after = r"\b" if word[-1:].isalnum() or word[-1:] == "_" else ""
    return before + re.escape(word) + after
