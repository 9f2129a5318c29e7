"""The lexical guard: two like questions share an answer only if they also ask for the same thing.

Embeddings place "turn on" beside "turn off" and 2023 beside 2024. Each rule here compares what must be equal in two
questions; `check` runs them all and says which one objected. The rules know English; other languages are matched
exactly only (see `language`).
"""

from dataclasses import dataclass

from semantic_router_proxy.cache.guard.rules import RULES
from semantic_router_proxy.cache.guard.words import Reading, read


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer may serve. `rule` and `detail` name the first objection, both empty where there is none."""

    accepted: bool
    rule: str = ""
    detail: str = ""


_ACCEPTED = Verdict(accepted=True)


def check(question: str, candidate: str) -> Verdict:
    """Compare a question with one that was answered before."""
    return check_readings(read(question), read(candidate))


def check_readings(question: Reading, candidate: Reading) -> Verdict:
    """Do the same with texts that are read already."""
    for name, rule in RULES:
        detail = rule(question, candidate)
        if detail:
            return Verdict(accepted=False, rule=name, detail=detail)
    return _ACCEPTED
