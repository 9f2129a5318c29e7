"""What can be wrong with a configuration, in words that name the file, the key, the value and what is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in one file.

    `key` is a dotted path (`semantic_cache.ttl_seconds`), empty where the file as a whole is meant; `value` is the
    text of what stands there, empty where nothing does or where it may be a secret; `advice` says what is allowed.
    """

    file: Path | None
    key: str
    message: str
    value: str = ""
    advice: str = ""

    def __str__(self) -> str:
        where = ": ".join(part for part in (str(self.file) if self.file else "", self.key) if part)
        shown = f" (is {self.value})" if self.value else ""
        advice = f". {self.advice}" if self.advice else ""
        return f"{where}: {self.message}{shown}{advice}" if where else f"{self.message}{shown}{advice}"


class ConfigError(Exception):
    """A configuration that cannot be used; carries every problem that was found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
