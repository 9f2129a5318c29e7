"""Foreign layouts of the router's file, each turned into our own.

The three layouts in use by vLLM Semantic Router are recognised by the keys that only they have.
"""

from pathlib import Path
from typing import Any

from semantic_router_proxy.config.layouts.canonical import from_canonical
from semantic_router_proxy.config.layouts.cli import from_cli
from semantic_router_proxy.config.layouts.flat import KEYS as FLAT_KEYS
from semantic_router_proxy.config.layouts.flat import from_flat
from semantic_router_proxy.config.layouts.foreign import Foreign, Notes
from semantic_router_proxy.config.problems import ConfigError, Problem


def to_native(data: dict[str, Any], file: Path | None) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data in our own layout, and a warning for each foreign key that does nothing.

    Raises ConfigError for foreign keys whose meaning must not be dropped in silence.
    """
    if "model_list" in data:
        advice = "docs/gateway.md, Coming from LiteLLM, says where each key goes"
        raise ConfigError([Problem(file, "model_list", "this is a configuration of LiteLLM", advice=advice)])
    notes = Notes(file)
    foreign = Foreign(data, "", notes)
    if "routing" in data or "global" in data:
        native = from_canonical(foreign)
    elif isinstance(data.get("providers"), dict):
        native = from_cli(foreign)
    elif FLAT_KEYS & set(data):
        native = from_flat(foreign)
    else:
        return _with_keyword_rules(data), []
    notes.check()
    return native, notes.warnings


def _with_keyword_rules(data: dict[str, Any]) -> dict[str, Any]:
    rules, signals = data.get("keyword_rules"), data.get("signals") or {}
    if not isinstance(rules, list) or not isinstance(signals, dict):
        return data
    keywords = signals.get("keywords") or []
    if not isinstance(keywords, list):
        return data
    native = {key: value for key, value in data.items() if key != "keyword_rules"}
    return native | {"signals": signals | {"keywords": [*keywords, *rules]}}
