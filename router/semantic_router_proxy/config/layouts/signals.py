"""Signals of vLLM Semantic Router as ours. Pure."""

from collections.abc import Mapping
from typing import Any

from semantic_router_proxy.config.layouts.foreign import Foreign
from semantic_router_proxy.config.signals import LANGUAGES, mmlu_category

_UNKNOWN_KINDS = ("fact_check", "user_feedbacks", "reasks", "preferences", "structure", "modality", "kb", "projections")
_PROTECTING = ("jailbreak", "pii", "safety", "role_bindings")
# Conditions of these types guard something; without them a rule must not be taken for something else.
PROTECTING_TYPES = frozenset({"jailbreak", "pii", "safety", "authz"})


def read_signals(
    signals: Foreign, domain_threshold: float | None, more: Mapping[str, list[Foreign]] | None = None
) -> dict[str, Any]:
    """Take a `signals` section, and `more` that stand elsewhere. Signals that do not exist here are named in a
    warning."""

    def entries(kind: str) -> list[Foreign]:
        return [*(more or {}).get(kind, ()), *signals.entries(kind)]

    native: dict[str, Any] = {
        "keywords": [_keyword(entry) for entry in entries("keywords")],
        "embeddings": [_embedding(entry) for entry in entries("embeddings")],
        "domains": [_domain(entry, domain_threshold) for entry in entries("domains")],
        "language": [made for entry in entries("language") if (made := _language(entry))],
        "context": [_context(entry) for entry in entries("context")],
        "complexity": [made for entry in entries("complexity") for made in _complexity(entry)],
    }
    # Kinds of our own may stand in a file of the other layout.
    native |= signals.chosen("content", "headers", "callers")
    for kind in _UNKNOWN_KINDS:
        for entry in entries(kind):
            name = entry.take("name")
            signals.notes.warn(
                entry.path, f"has no effect: there are no signals of this kind here; {name!r} never holds"
            )
    for kind in _PROTECTING:
        if signals.take(kind):
            signals.notes.refuse(signals.at(kind), "is not done here", "Remove it if the router may go without.")
    signals.done()
    return {kind: entries for kind, entries in native.items() if entries}


def _keyword(entry: Foreign) -> dict[str, Any]:
    made = entry.chosen("name", "operator", "keywords", "patterns", "case_sensitive")
    if entry.take("method", "regex") != "regex":
        entry.notes.warn(entry.at("method"), "has no effect: the words are matched as words")
    entry.without_effect(
        ("bm25_threshold", "ngram_threshold", "ngram_arity", "fuzzy_match", "fuzzy_threshold"), "words match or not"
    )
    entry.done()
    return made


def _embedding(entry: Foreign) -> dict[str, Any]:
    made = entry.chosen("name", "threshold", "candidates")
    if "similarity_threshold" in entry:
        made["threshold"] = entry.take("similarity_threshold")
    if entry.text("aggregation_method", "max") not in ("max", "any"):
        entry.notes.warn(entry.at("aggregation_method"), "has no effect: the most similar candidate counts")
    if entry.take("query_modality", "text") != "text":
        entry.notes.warn(entry.at("query_modality"), "has no effect: only text is embedded")
    entry.done()
    return made


def _domain(entry: Foreign, threshold: float | None) -> dict[str, Any]:
    made = entry.chosen("name", "description", "examples")
    given = entry.words("mmlu_categories")
    known = [name for name in given if mmlu_category(name)]
    for name in given:
        if name not in known:
            entry.notes.warn(
                entry.at("mmlu_categories"),
                f"has {name!r}, which is no MMLU category and is left out",
                "See description",
            )
    own = mmlu_category(str(made.get("name", "")))
    if known:
        made["mmlu_categories"] = known
    if threshold is not None and (known or own):
        made["threshold"] = threshold
    if not known and own is None and not made.get("description"):
        made["description"] = str(made.get("name", "")).replace("_", " ")
    entry.take("model_scores")
    entry.done()
    return made


def _language(entry: Foreign) -> dict[str, Any] | None:
    made = entry.chosen("name")
    code = str(made.get("name"))
    threshold = entry.number("threshold")
    entry.done()
    if code not in LANGUAGES:
        entry.notes.warn(entry.path, f"has no effect: the language {code!r} is not told apart here; it never holds")
        return None
    return made | ({"threshold": threshold} if threshold else {})


def _context(entry: Foreign) -> dict[str, Any]:
    made = entry.chosen("name")
    for key in ("min_tokens", "max_tokens"):
        if key in entry:
            made[key] = _tokens(entry.take(key))
    entry.done()
    return made


def _complexity(entry: Foreign) -> list[dict[str, Any]]:
    """Take `min` and `max`, or examples: there a condition calls the levels NAME:hard, NAME:medium and NAME:easy."""
    if "hard" in entry and "easy" in entry:
        return _levels(entry)
    made = entry.chosen("name", "threshold", "below")
    least, most = entry.number("min"), entry.number("max")
    if least is not None:
        made["threshold"] = least
    if most is not None and most < 1.0:
        made["below"] = most
    entry.done()
    return [made]


def _levels(entry: Foreign) -> list[dict[str, Any]]:
    name, threshold = entry.text("name"), entry.number("threshold") or 0.0
    hard, easy = (_candidates(entry.section(level)) for level in ("hard", "easy"))
    entry.without_effect(("composer", "prototype_scoring", "hard_above", "easy_below"), "the examples alone decide")
    entry.done()
    return [
        {"name": f"{name}:hard", "threshold": threshold, "hard": hard, "easy": easy},
        {"name": f"{name}:easy", "threshold": threshold, "hard": easy, "easy": hard},
    ]


def _candidates(level: Foreign) -> list[str]:
    candidates = level.words("candidates")
    level.without_effect(("image_candidates",), "only text is embedded")
    level.done()
    return candidates


def _tokens(value: Any) -> Any:
    """Return a number written as 32K or 1M as such."""
    units = {"K": 1000, "M": 1_000_000}
    if isinstance(value, str) and value[-1:].upper() in units:
        try:
            return int(float(value[:-1]) * units[value[-1].upper()])
        except ValueError:
            return value
    return int(value) if isinstance(value, str) and value.isdigit() else value
