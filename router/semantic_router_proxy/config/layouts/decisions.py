"""Decisions of vLLM Semantic Router as ours. Pure."""

from typing import Any

from semantic_router_proxy.config.layouts.foreign import Foreign, Notes
from semantic_router_proxy.config.layouts.models import Models
from semantic_router_proxy.config.layouts.signals import PROTECTING_TYPES
from semantic_router_proxy.config.signals import mmlu_category

_CACHE_PLUGINS = ("semantic-cache", "semantic_cache", "response_cache")
_PROTECTING_PLUGINS = ("pii", "jailbreak", "safety", "fast_response")
_EFFORTS = ("low", "medium", "high")
_KINDS = {
    "keyword": "keywords",
    "embedding": "embeddings",
    "domain": "domains",
    "language": "language",
    "context": "context",
    "complexity": "complexity",
    "content": "content",
    "header": "headers",
    "caller": "callers",
}


class Decisions:
    """Translates decisions; `signals` are ours already, and domains that only a decision names are added to them."""

    def __init__(self, signals: dict[str, Any], models: Models, notes: Notes, domain_threshold: float | None) -> None:
        self._signals = signals
        self._models = models
        self._notes = notes
        self._threshold = domain_threshold

    def read(self, entries: list[Foreign]) -> list[dict[str, Any]]:
        """Take decisions. One that can never hold here is left out, with a warning."""
        return [made for entry in entries if (made := self._decision(entry)) is not None]

    def _decision(self, entry: Foreign) -> dict[str, Any] | None:
        made = entry.chosen("name", "description", "priority", "choose_by")
        rules = self._rules(entry.section("rules"))
        made["rules"] = {"operator": "AND", "conditions": [rules]} if isinstance(rules, dict) else rules
        if isinstance(rules, dict) and "operator" in rules:
            made["rules"] = rules
        made["modelRefs"] = [self._ref(ref) for ref in entry.entries("modelRefs")]
        made["plugins"] = [plugin for each in entry.entries("plugins") if (plugin := _plugin(each)) is not None]
        made |= self._algorithm(entry)
        action = entry.section("action")
        kind = action.text("type", "route")
        if kind != "route":
            entry.notes.refuse(action.path, f"is not done here: {kind}")
        action.without_effect(("destination",), "modelRefs name the models")
        action.done()
        entry.without_effect(
            ("tier", "output_contract", "candidateIterations", "emits", "adaptations"), "not done here"
        )
        entry.done()
        if rules is False:
            entry.notes.warn(entry.path, f"has no effect: the decision {made.get('name')!r} can never hold here")
            return None
        if rules is True:
            # Only negations of what never holds: it always does. A length of at least 0 says so.
            self._signals.setdefault("context", [])
            if not any(each["name"] == "always" for each in self._signals["context"]):
                self._signals["context"].append({"name": "always"})
            made["rules"] = {"conditions": [{"type": "context", "name": "always"}]}
        return made

    def _rules(self, node: Foreign) -> dict[str, Any] | bool:
        """Return a rule in our words, or its value where that is the same for every request: a signal that does not
        exist here is never true."""
        if "conditions" not in node and "operator" not in node:
            return self._leaf(node)
        operator = node.text("operator", "AND").upper()
        values = [self._rules(each) for each in node.entries("conditions")]
        node.done()
        open_ones = [value for value in values if not isinstance(value, bool)]
        if operator == "AND" and any(value is False for value in values):
            return False
        if operator != "AND" and any(value is True for value in values):
            return operator == "OR"
        if not open_ones:
            return operator != "OR"
        return {"operator": operator, "conditions": open_ones}

    def _leaf(self, node: Foreign) -> dict[str, Any] | bool:
        kind, name = node.text("type"), node.text("name")
        node.done()
        if kind in PROTECTING_TYPES:
            node.notes.refuse(node.path, f"signals of the type {kind!r} are not done here", "Remove the decision.")
            return False
        if kind not in _KINDS:
            node.notes.warn(node.path, f"never holds: there are no signals of the type {kind!r} here")
            return False
        listed = self._signals.setdefault(_KINDS[kind], [])
        if any(signal.get("name") == name for signal in listed):
            return {"type": kind, "name": name}
        if kind == "domain" and mmlu_category(name):
            threshold = {} if self._threshold is None else {"threshold": self._threshold}
            listed.append({"name": name, **threshold})
            return {"type": kind, "name": name}
        base = name.removesuffix(":medium")
        levels = [f"{base}:hard", f"{base}:easy"]
        if kind == "complexity" and name != base and {each.get("name") for each in listed} >= set(levels):
            return {"operator": "NOT", "conditions": [{"type": kind, "name": level} for level in levels]}
        node.notes.warn(node.path, f"never holds: there is no {kind} signal named {name!r} here")
        return False

    def _ref(self, entry: Foreign) -> dict[str, Any]:
        made = entry.chosen("model", "weight")
        made["use_reasoning"] = bool(entry.take("use_reasoning"))
        effort = entry.text("reasoning_effort")
        if effort in _EFFORTS:
            made["reasoning_effort"] = effort
        elif effort:
            entry.notes.warn(entry.at("reasoning_effort"), f"has no effect: the efforts are {', '.join(_EFFORTS)}")
        adapter = entry.text("lora_name")
        if adapter:
            self._models.adapter(adapter, str(made.get("model")))
            made["model"] = adapter
        entry.done()
        return made

    def _algorithm(self, entry: Foreign) -> dict[str, Any]:
        algorithm = entry.section("algorithm")
        kind = algorithm.text("type", "static")
        if kind == "latency_aware":
            algorithm.done()
            return {"choose_by": "latency"}
        if kind != "static":
            self._notes.warn(
                algorithm.path,
                f"has no effect: {kind!r} is not done here, one model is chosen by weight",
                "See choose_by",
            )
            return {}
        algorithm.done()
        return {}


def _plugin(entry: Foreign) -> dict[str, Any] | None:
    kind = entry.text("type")
    settings = entry.section("configuration")
    enabled = settings.take("enabled", True)
    entry.done()
    if kind in _CACHE_PLUGINS:
        configuration = {
            "enabled": enabled,
            **settings.chosen("similarity_threshold", "ttl_seconds", "verify_threshold"),
        }
        semantic = settings.section("semantic")
        configuration |= semantic.chosen("similarity_threshold")
        semantic.done()
        settings.done()
        return {"type": "semantic-cache", "configuration": configuration}
    if kind == "system_prompt":
        configuration = {"enabled": enabled, **settings.chosen("system_prompt", "mode")}
        settings.done()
        return {"type": kind, "configuration": configuration}
    if enabled and kind in _PROTECTING_PLUGINS:
        entry.notes.refuse(entry.path, f"the plugin {kind!r} is not done here", "Set enabled: false to go without.")
    elif enabled:
        entry.notes.warn(entry.path, f"has no effect: there is no plugin {kind!r} here")
    return None
