"""How often the cache answers a question that it should, and how often one that it should not.

On fow-cache (CC BY 4.0): 600 pairs of single questions and 240 of conversations, half of them traps. The guard's word
lists were tuned on the development half of the pairs alone; the halves are told apart by SHA-256 of a pair's id.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from benchmarks.cache.report import Report, table
from fow_cache.data import load_conversations, load_questions

from semantic_router_proxy.cache import keys
from semantic_router_proxy.cache.entry import EntryHeader
from semantic_router_proxy.cache.match import choose
from semantic_router_proxy.cache.policy import CallerHints, eligibility
from semantic_router_proxy.cache.store import Candidate
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.onnx import OnnxEmbedder

THRESHOLDS = (0.80, 0.85, 0.90, 0.95)
DEFAULT = SemanticCacheConfig().similarity_threshold
LANGUAGES = SemanticCacheConfig().guard.languages
PROTOCOL = "chat.completions"
_STORED = EntryHeader("entry", "partition", "", "", "model", "", semantic=True, created_at=0, expires_at=0)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions: `stored` was answered before, `asked` is new. `same` says whether one answer is right for both."""

    category: str
    stored: str
    asked: str
    same: bool
    development: bool
    similarity: float


def measure() -> Report:
    embed = _embedder()
    pairs = _pairs(embed)
    figures: dict[str, float] = {}
    rates = table("fow-cache: served % of what should be / of the traps", "threshold", "guard", *_HALVES)
    for threshold in THRESHOLDS:
        for guard in (False, True):
            cells = []
            for half, belongs in _HALVES.items():
                served, traps = _rates([pair for pair in pairs if belongs(pair)], threshold, guard=guard)
                cells.append(f"{served:.1f} / {traps:.1f}")
                if guard and threshold == DEFAULT:
                    figures |= {f"fow_served{_SUFFIX[half]}": served, f"fow_traps{_SUFFIX[half]}": traps}
            rates.add_row(f"{threshold:.2f}", "on" if guard else "off", *cells)
    categories = table(f"served % by category at {DEFAULT}", "category", "pairs", "guard off", "guard on")
    for category in dict.fromkeys(pair.category for pair in pairs):
        chosen = [pair for pair in pairs if pair.category == category]
        off, on = (_share(_serves(pair, DEFAULT, guard=guard) for pair in chosen) for guard in (False, True))
        figures[f"fow_{category}_served"] = on
        categories.add_row(category, str(len(chosen)), f"{off:.1f}", f"{on:.1f}")
    for name, same in (("fow_policy_served", True), ("fow_policy_traps", False)):
        figures[name] = _share(
            _allowed(pair.asked) and _allowed(pair.stored) and _serves(pair, DEFAULT, guard=True)
            for pair in pairs
            if pair.same is same
        )
    conversations, talked = _conversations(embed)
    figures |= conversations
    return Report(figures, (rates, categories, talked))


_HALVES: dict[str, Callable[[Pair], bool]] = {
    "all": lambda pair: True,
    "development": lambda pair: pair.development,
    "held out": lambda pair: not pair.development,
}
_SUFFIX = {"all": "", "development": "_development", "held out": "_held_out"}


def _embedder() -> Callable[[Sequence[str]], Any]:
    return OnnxEmbedder(EmbeddingConfig()).embed_now


def _pairs(embed: Callable[[Sequence[str]], Any]) -> list[Pair]:
    rows = load_questions()
    stored, asked = (embed([row[side] for row in rows]) for side in ("a", "b"))
    return [
        Pair(
            row["category"],
            row["a"],
            row["b"],
            row["same_answer"],
            int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2 == 0,
            float(similarity),
        )
        for row, similarity in zip(rows, np.sum(stored * asked, axis=1), strict=True)
    ]


def _serves(pair: Pair, threshold: float, *, guard: bool) -> bool:
    candidate = Candidate(replace(_STORED, query=pair.stored), pair.similarity)
    return choose(pair.asked, [candidate], threshold, 0.0, guard=guard).serving is not None


def _rates(pairs: Sequence[Pair], threshold: float, *, guard: bool) -> tuple[float, float]:
    """Return the percentages served of the pairs that should be, and of those that should not."""
    served = [(pair.same, _serves(pair, threshold, guard=guard)) for pair in pairs]
    return _share(hit for same, hit in served if same), _share(hit for same, hit in served if not same)


def _share(outcomes: Iterable[bool]) -> float:
    values = list(outcomes)
    return round(100 * sum(values) / len(values), 2)


def _allowed(question: str) -> bool:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
    return eligibility(PROTOCOL, body, question, CallerHints(), LANGUAGES).semantic


def _conversations(embed: Callable[[Sequence[str]], Any]) -> tuple[dict[str, float], Any]:
    """Put each pair through policy, keys and guard, and beside it through the last messages' similarity alone."""
    rows = load_conversations()
    stored, asked = (embed([row[side][-1]["content"] for row in rows]) for side in ("a", "b"))
    similarities = np.sum(stored * asked, axis=1)
    shown = table(f"fow-cache conversations at {DEFAULT}: hits", "subtype", "pairs", "last message alone", "ours")
    counts: dict[str, list[int]] = {}
    false_hits = served = 0
    for row, similarity in zip(rows, similarities, strict=True):
        hit = _conversation_hit(row["a"], row["b"], float(similarity))
        false_hits += hit and not row["same_answer"]
        served += hit and row["same_answer"]
        name = f"{row['subtype']} ({'should hit' if row['same_answer'] else 'trap'})"
        count = counts.setdefault(name, [0, 0, 0])
        count[0] += 1
        count[1] += bool(similarity >= DEFAULT)
        count[2] += hit
    for name, count in counts.items():
        shown.add_row(name, *map(str, count))
    return {"fow_conversation_false_hits": false_hits, "fow_conversation_hits": served}, shown


def _conversation_hit(stored: list[Any], asked: list[Any], similarity: float) -> bool:
    """Whether a conversation that was answered serves another: as the very same request, or as a like one."""
    bodies = [{"model": "auto", "messages": messages} for messages in (stored, asked)]
    questions = [keys.query_text(PROTOCOL, body) for body in bodies]
    allowed = [
        eligibility(PROTOCOL, body, question, CallerHints(), LANGUAGES)
        for body, question in zip(bodies, questions, strict=True)
    ]
    if all(one.exact and one.store for one in allowed):
        exact = [keys.exact_key("", "", PROTOCOL, body) for body in bodies]
        if exact[0] == exact[1]:
            return True
    if not all(one.semantic for one in allowed) or None in questions:
        return False
    partitions = [keys.partition("", "", "", PROTOCOL, "model", body) for body in bodies]
    candidate = Candidate(replace(_STORED, query=questions[0] or ""), similarity)
    chosen = choose(questions[1] or "", [candidate], DEFAULT, 0.0, guard=True)
    return partitions[0] == partitions[1] and chosen.serving is not None
