"""The lexical guard: two like questions share an answer only if they also ask for the same thing.

Embeddings place "turn on" beside "turn off" and 2023 beside 2024. Each rule here compares what must be equal in two
questions; `check` runs them all and says which one objected. The rules know English; other languages are matched
exactly only (see `language`).
"""

from dataclasses import dataclass

from semantic_router_proxy.cache.guard.rewording import is_rewording
from semantic_router_proxy.cache.guard.rules import RULES
from semantic_router_proxy.cache.guard.spelling import corrected, corrections
from semantic_router_proxy.cache.guard.words import Reading, read


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer may serve. `rule` and `detail` name the first objection, both empty where there is none."""

    accepted: bool
    rule: str = ""
    detail: str = ""


_ACCEPTED = Verdict(accepted=True)


def check(question: str, candidate: str, similarity: float = 0.0) -> Verdict:
    """Compare a question with one that was answered before. `similarity` is their cosine, 0 where it is not known:
    then every difference in content objects."""
    return check_readings(read(question), read(candidate), similarity)


def check_readings(question: Reading, candidate: Reading, similarity: float = 0.0) -> Verdict:
    """Do the same with texts that are read already."""
    if question.unknown or candidate.unknown:
        question, candidate = _without_slips(question, candidate), _without_slips(candidate, question)
    for name, rule in RULES:
        detail = rule(question, candidate)
        if detail and not (name == "content" and is_rewording(question, candidate, similarity)):
            return Verdict(accepted=False, rule=name, detail=detail)
    return _ACCEPTED


def _without_slips(one: Reading, other: Reading) -> Reading:
    """Read a text again with the words put right that the other spells right."""
    replaced = corrections(one.unknown - set(other.tokens), other.tokens)
    return read(corrected(one.text, replaced)) if replaced else one
