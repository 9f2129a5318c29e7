"""Reading foreign configuration: what is taken from a mapping is known, what is left over is named in a warning."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from semantic_router_proxy.config.problems import ConfigError, Problem

# Keys that describe and do nothing, here as there.
_DESCRIPTIONS = frozenset({"description", "reasoning_description", "display_name", "annotations", "tags"})


class Notes:
    """What is found while a foreign file is translated."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.warnings: list[Problem] = []
        self._refused: list[Problem] = []

    def warn(self, key: str, message: str = "has no effect", advice: str = "") -> None:
        self.warnings.append(Problem(self._file, key, message, advice=advice))

    def refuse(self, key: str, message: str, advice: str = "") -> None:
        """A key whose meaning must not be dropped in silence."""
        self._refused.append(Problem(self._file, key, message, advice=advice))

    def check(self) -> None:
        """Raise ConfigError with everything that was refused."""
        if self._refused:
            raise ConfigError(self._refused)


def is_off(value: Any) -> bool:
    """Whether a key with this value asks for nothing."""
    return value in (None, False, "", [], {}) or (isinstance(value, dict) and value.get("enabled") is False)


class Foreign:
    """A mapping in a foreign file; `path` is where it stands there."""

    def __init__(self, data: Any, path: str, notes: Notes) -> None:
        self.path = path
        self.notes = notes
        self._left: dict[str, Any] = {}
        if isinstance(data, dict):
            self._left = dict(data)
        elif data is not None:
            notes.refuse(path, "must be a mapping of keys to values")

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str, default: Any = None) -> Any:
        return self._left.pop(key, default)

    def text(self, key: str, default: str = "") -> str:
        """Take a word."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str | int | float):
            self.notes.refuse(self.at(key), "must be text")
            return default
        return str(value)

    def words(self, key: str) -> list[str]:
        """Take a list of words."""
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str | int | float) for each in value):
            self.notes.refuse(self.at(key), "must be a list of texts")
            return []
        return [str(each) for each in value]

    def number(self, key: str) -> float | None:
        """Take a number; None where there is none."""
        value = self.take(key)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        self.notes.refuse(self.at(key), "must be a number")
        return None

    def chosen(self, *keys: str) -> dict[str, Any]:
        """Take the keys that are there, as they are."""
        return {key: self._left.pop(key) for key in keys if key in self._left}

    def section(self, key: str) -> "Foreign":
        return Foreign(self.take(key), self.at(key), self.notes)

    def entries(self, key: str) -> list["Foreign"]:
        """Take a list of mappings."""
        found = self.take(key)
        if found is not None and not isinstance(found, list):
            self.notes.refuse(self.at(key), "must be a list")
            return []
        return [Foreign(each, f"{self.at(key)}[{number}]", self.notes) for number, each in enumerate(found or ())]

    def peek(self, key: str) -> Any:
        """Look at a value without taking it."""
        return self._left.get(key)

    def sections(self) -> list[tuple[str, "Foreign"]]:
        """Take everything, as mappings by name."""
        return [(key, self.section(key)) for key in list(self._left)]

    def without_effect(self, keys: Iterable[str], why: str) -> None:
        """Name known keys that do nothing here; what is switched off there needs no word."""
        for key in keys:
            value = self.take(key)
            if not is_off(value):
                self.notes.warn(self.at(key), f"has no effect: {why}")

    def done(self) -> None:
        """Name in a warning what nobody took. What is empty or switched off asks for nothing."""
        for key, value in self._left.items():
            if key not in _DESCRIPTIONS and not is_off(value):
                self.notes.warn(self.at(key), "has no effect: a key of vLLM Semantic Router that is not known here")
        self._left.clear()
