"""vLLM Semantic Router v0.1 as one flat file: `vllm_endpoints`, `model_config`, `categories`, `decisions`. Pure.

Facts of the layout: its repository's config/config.yaml at the end of 2025.
"""

from typing import Any

from semantic_router_proxy.config.layouts.common import read_common
from semantic_router_proxy.config.layouts.decisions import Decisions
from semantic_router_proxy.config.layouts.foreign import Foreign
from semantic_router_proxy.config.layouts.models import Models, endpoint, no_key_in_text, pricing
from semantic_router_proxy.config.layouts.signals import read_signals

KEYS = frozenset({"vllm_endpoints", "model_config", "categories", "classifier", "bert_model", "reasoning_families"})
# Signals at the top, by the kind that they are now.
_RULES = {
    "keyword_rules": "keywords",
    "embedding_rules": "embeddings",
    "language_rules": "language",
    "context_rules": "context",
    "fact_check_rules": "fact_check",
    "user_feedback_rules": "user_feedbacks",
    "preference_rules": "preferences",
}
_DOMAIN_KEYS = ("name", "description", "mmlu_categories")


def from_flat(data: Foreign) -> dict[str, Any]:
    """Return the file in our own layout."""
    native = read_common(data)
    own = data.chosen("providers", "models")
    if own and "vllm_endpoints" in data:
        data.notes.refuse("vllm_endpoints", "stands beside providers: or models:, but the two do not mix")
    models = Models(data.notes)
    models.read_families(data.section("reasoning_families"))
    models.read_effort(data.text("default_reasoning_effort"), "default_reasoning_effort")
    endpoints, served = _endpoints(data)
    _read_models(data, models, endpoints, served)
    threshold = _classifier(data)
    categories = data.peek("categories") or []
    by_score = data.entries("categories")
    categories = categories if isinstance(categories, list) else []
    signals = read_signals(data.section("signals"), threshold, _rules(data, categories))
    listed = data.entries("decisions")
    default = data.text("default_model")
    for name in () if own else _named(categories, listed, default):
        if not models.known(name):
            models.add(name, endpoints)
    decisions = Decisions(signals, models, data.notes, threshold).read(listed)
    rated = _by_score(by_score)
    decisions = decisions or rated
    native |= own or models.native()
    native |= {"signals": signals, "decisions": decisions} | ({"default_model": default} if default else {})
    data.done()
    return native


def _endpoints(data: Foreign) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Return all endpoints, and those of the models that an endpoint lists itself."""
    every, served = [], dict[str, list[dict[str, Any]]]()
    for number, entry in enumerate(data.entries("vllm_endpoints")):
        names = entry.words("models")
        entry.take("health_check_path")
        made = endpoint(entry, f"endpoint{number + 1}")
        entry.done()
        every.append(made)
        for name in names:
            served.setdefault(name, []).append(made)
    return every, served


def _read_models(
    data: Foreign, models: Models, endpoints: list[dict[str, Any]], served: dict[str, list[dict[str, Any]]]
) -> None:
    by_name = {each["name"]: each for each in endpoints}
    for name, entry in data.section("model_config").sections():
        no_key_in_text(entry)
        preferred = entry.words("preferred_endpoints")
        for unknown in (each for each in preferred if each not in by_name):
            entry.notes.refuse(entry.at("preferred_endpoints"), f"names {unknown!r}, which no endpoint is called")
        fields: dict[str, Any] = {
            "reasoning_family": models.family(entry.text("reasoning_family"), entry.at("reasoning_family"))
        }
        fields |= pricing(entry)
        policy = entry.section("pii_policy")
        if policy.take("allow_by_default", True) is False:
            entry.notes.refuse(policy.path, "personal data is not looked for here", "Set allow_by_default: true.")
            policy.take("pii_types_allowed")
        policy.done()
        upstream = entry.section("external_model_ids").text("vllm")
        window = entry.take("context_window_size")
        fields |= ({"upstream_name": upstream} if upstream else {}) | ({"context_window": window} if window else {})
        entry.without_effect(("param_size", "capabilities", "loras"), "it describes the model")
        entry.done()
        chosen = [by_name[each] for each in preferred if each in by_name] or served.get(name) or endpoints
        models.add(name, chosen, **fields)
    for name, own in served.items():
        if not models.known(name):
            models.add(name, own)


def _classifier(data: Foreign) -> float | None:
    """Take `classifier`; return the least probability of a domain. Models and their files are not needed here."""
    classifier = data.section("classifier")
    domain = classifier.section("category_model")
    threshold = domain.number("threshold")
    for key in ("model_id", "use_cpu", "use_modernbert", "use_mmbert_32k", "category_mapping_path"):
        domain.take(key)
    domain.done()
    classifier.take("category_mapping_path")
    classifier.without_effect(("pii_model", "pii_mapping_path"), "personal data is not looked for here")
    classifier.without_effect(("mcp_category_model", "preference_model"), "domains are classified by the router itself")
    classifier.done()
    return threshold


def _rules(data: Foreign, categories: list[Any]) -> dict[str, list[Foreign]]:
    """Return the signals that stand at the top, by their kinds."""
    rules = {kind: data.entries(key) for key, kind in _RULES.items()}
    rules["domains"] = [
        Foreign({key: each[key] for key in _DOMAIN_KEYS if key in each}, f"categories[{number}]", data.notes)
        for number, each in enumerate(categories)
        if isinstance(each, dict)
    ]
    return rules


def _by_score(categories: list[Foreign]) -> list[dict[str, Any]]:
    """Return a decision for each category with `model_scores`: the model with the best score answers."""
    decisions = []
    for entry in categories:
        name = entry.text("name")
        scores = entry.entries("model_scores")
        for known in (*_DOMAIN_KEYS, "reasoning_description", "reasoning_effort", "use_reasoning"):
            entry.take(known)
        plugins = _plugins(entry)
        entry.done()
        if not scores:
            continue
        rated = [(each.number("score") or 0.0, each) for each in scores]
        best = max(rated, key=lambda score: score[0])[1]
        ref = best.chosen("model", "reasoning_effort") | {"use_reasoning": bool(best.take("use_reasoning"))}
        for _, each in rated:
            for known in ("model", "reasoning_effort", "use_reasoning"):
                each.take(known)
            each.done()
        conditions = [{"type": "domain", "name": name}]
        decisions.append({"name": name, "rules": {"conditions": conditions}, "modelRefs": [ref], "plugins": plugins})
    return decisions


def _plugins(entry: Foreign) -> list[dict[str, Any]]:
    """Take what a category says about the cache and the system prompt."""
    plugins: list[dict[str, Any]] = []
    cache = {
        ours: entry.take(theirs)
        for theirs, ours in (
            ("semantic_cache_enabled", "enabled"),
            ("semantic_cache_similarity_threshold", "similarity_threshold"),
        )
        if theirs in entry
    }
    if cache:
        plugins.append({"type": "semantic-cache", "configuration": cache})
    prompt = entry.chosen("system_prompt")
    enabled = entry.take("system_prompt_enabled", True)
    if prompt:
        mode = {"mode": entry.take("system_prompt_mode")} if "system_prompt_mode" in entry else {}
        plugins.append({"type": "system_prompt", "configuration": {**prompt, **mode, "enabled": enabled}})
    for protecting in ("jailbreak_enabled", "pii_enabled"):
        if entry.take(protecting):
            entry.notes.refuse(entry.at(protecting), "is not done here", "Set it to false to go without.")
    return plugins


def _named(categories: list[Any], decisions: list[Foreign], default: str) -> list[str]:
    """Return the models that are named somewhere, whether or not `model_config` has them."""
    named = [default] if default else []
    for category in categories:
        named += _models_in(category.get("model_scores") if isinstance(category, dict) else None)
    for decision in decisions:
        named += _models_in(decision.peek("modelRefs"))
    return list(dict.fromkeys(named))


def _models_in(refs: Any) -> list[str]:
    found = refs if isinstance(refs, list) else ()
    return [str(ref["model"]) for ref in found if isinstance(ref, dict) and "model" in ref]
