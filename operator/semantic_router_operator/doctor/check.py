"""What a check is made of, and what it says."""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from semantic_router_operator.doctor.survey import Survey


class Severity(IntEnum):
    """How bad it is; the worst one is the exit code of the command."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Repair:
    """A change that is safe to make: a merge patch of one object."""

    api_version: str
    kind: str
    name: str
    patch: dict[str, object]
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure that was found. `subject` is the object as Kind/name, `evidence` what was seen of it."""

    check: str
    reason: str
    severity: Severity
    subject: str
    evidence: str
    cause: str
    fix: str
    command: str
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that a check may find. `cause`, `fix` and `command` may hold {names} that `found` fills in."""

    reason: str
    severity: Severity
    cause: str
    fix: str
    command: str = ""

    def found(
        self, survey: Survey, subject: str, evidence: str, *, repair: Repair | None = None, **values: str
    ) -> Finding:
        """Return the finding; {namespace} and {name} are the resource's, {milvus} is its Milvus' name. The check's name
        is added by `Check.run`."""
        own = {"namespace": survey.namespace, "name": survey.name, "milvus": survey.milvus_name}
        known = {**own, **values}
        cause, fix, command = (text.format(**known) for text in (self.cause, self.fix, self.command))
        return Finding("", self.reason, self.severity, subject, evidence, cause, fix, command, repair)

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that `found` needs."""
        texts = (self.cause, self.fix, self.command)
        return frozenset(name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name)


@dataclass(frozen=True, slots=True)
class Check:
    """`kinds` are those without which it cannot say anything; it is reported as left out where they may not be read.
    A `last_resort` speaks only where no other check has found an error."""

    name: str
    title: str
    looks_at: str
    verdicts: tuple[Verdict, ...]
    examine: Callable[[Survey], Iterator[Finding]]
    kinds: frozenset[str] = frozenset()
    last_resort: bool = False

    def run(self, survey: Survey) -> list[Finding]:
        """Return what it finds, with its own name on it."""
        return [
            Finding(self.name, f.reason, f.severity, f.subject, f.evidence, f.cause, f.fix, f.command, f.repair)
            for f in self.examine(survey)
        ]
