"""When the doctor is called by the operator itself, and how its verdict is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from semantic_router_operator.plan.conditions import Condition

# Longer than a rollout, a Milvus that starts, or a node that is replaced takes.
PATIENCE_SECONDS = 180.0
# The conditions that tell of trouble, and how; the verdict is told in the first one that does.
_TROUBLED = {"Ready": ("False", "Unknown"), "Degraded": ("True",), "BackupHealthy": ("False",)}
# Not ready because somebody wants it so.
_WANTED = frozenset({"Suspended", "ScaledToZero", "Hibernating"})


@dataclass(frozen=True, slots=True)
class Unready:
    """Why a resource is not as it should be, and since when (RFC 3339). `conditions` are the reasons that all its
    conditions give: where one turns, the cause may be another one."""

    reason: str
    since: str
    conditions: tuple[tuple[str, str], ...] = ()

    def patience(self, now: datetime, seconds: float = PATIENCE_SECONDS) -> float:
        """Return for how many seconds yet it may be left alone, of `seconds` in all."""
        waited = (now - datetime.fromisoformat(self.since.replace("Z", "+00:00"))).total_seconds()
        return max(0.0, seconds - waited)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The doctor's worst finding: its reason, and cause and fix in sentences, short enough for an Event."""

    reason: str
    text: str


def unready(conditions: Iterable[Mapping[str, Any]]) -> Unready | None:
    """Return why the resource is not as it should be; None where it is, or where it is wanted so."""
    found = {each["type"]: each for each in conditions}
    if found.get("Ready", {}).get("reason") in _WANTED:
        return None
    kind = _troubled({kind: each["status"] for kind, each in found.items()})
    if kind is None:
        return None
    reasons = tuple((name, str(each["reason"])) for name, each in sorted(found.items()))
    return Unready(str(found[kind]["reason"]), str(found[kind]["lastTransitionTime"]), reasons)


def with_diagnosis(conditions: Sequence[Condition], diagnosis: Diagnosis | None) -> list[Condition]:
    """Add the verdict to the condition that tells of the trouble, where that does not say it already."""
    kind = _troubled({each.type: each.status for each in conditions})
    if diagnosis is None or kind is None:
        return list(conditions)
    return [
        replace(each, message=f"{each.message} Diagnosis: {diagnosis.reason}: {diagnosis.text}")
        if each.type == kind and diagnosis.text not in each.message
        else each
        for each in conditions
    ]


def _troubled(statuses: Mapping[str, str]) -> str | None:
    return next((kind for kind, bad in _TROUBLED.items() if statuses.get(kind) in bad), None)
