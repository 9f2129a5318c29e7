"""Which of the found questions serves: similar enough, not expired, and accepted by the guard. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from semantic_router_proxy.cache.guard import check_readings
from semantic_router_proxy.cache.guard.words import read
from semantic_router_proxy.cache.store import Candidate

# float32 sums differ in their last digits from one index to another; a question at the threshold counts as reaching it.
SIMILARITY_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome of a lookup.

    `serving` is the candidate whose answer may serve, if any; `nearest` the most similar one whatever became of it;
    `rejections` are the guard's rules that objected, one for each candidate that was similar enough.
    """

    serving: Candidate | None
    nearest: Candidate | None
    rejections: tuple[str, ...]


def choose(
    question: str,
    candidates: Iterable[Candidate],
    threshold: float,
    now: float,
    *,
    guard: bool,
    rewordings: bool = True,
) -> Match:
    """Take the first candidate that serves. Candidates come in order of similarity, the best first.

    `rewordings`: whether similarity may speak for a question in other words (see `guard.rewording`).
    """
    nearest: Candidate | None = None
    rejections: list[str] = []
    reading = read(question) if guard else None
    for candidate in candidates:
        if candidate.header.expired(now):
            continue
        if nearest is None:
            nearest = candidate
        # So that a similarity that is no number does not serve either.
        if not candidate.similarity >= threshold - SIMILARITY_TOLERANCE:
            break
        if reading is None:
            return Match(candidate, nearest, tuple(rejections))
        verdict = check_readings(reading, read(candidate.header.query), candidate.similarity if rewordings else 0.0)
        if verdict.accepted:
            return Match(candidate, nearest, tuple(rejections))
        rejections.append(verdict.rule)
    return Match(None, nearest, tuple(rejections))
