"""When the doctor is called by the operator itself, and how its verdict is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from semantic_router_operator.plan.conditions import Condition

# Longer than a rollout, a Milvus that starts, or a node that is replaced takes.
PATIENCE_SECONDS = 180.0
# Not ready because somebody wants it so.
_WANTED = frozenset({"Suspended", "ScaledToZero", "Hibernating"})


@dataclass(frozen=True, slots=True)
class Unready:
    """Why a resource is not ready, and since when (RFC 3339)."""

    reason: str
    since: str

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
    """Return why the resource is not ready; None where it is, or where it is wanted so."""
    for each in conditions:
        if each["type"] == "Ready" and each["status"] != "True" and each["reason"] not in _WANTED:
            return Unready(str(each["reason"]), str(each["lastTransitionTime"]))
    return None


def with_diagnosis(conditions: Sequence[Condition], diagnosis: Diagnosis | None) -> list[Condition]:
    """Add the verdict to what `Ready` says, where that is False and does not say it already."""
    if diagnosis is None:
        return list(conditions)
    return [
        replace(each, message=f"{each.message} Diagnosis: {diagnosis.reason}: {diagnosis.text}")
        if each.type == "Ready" and each.status != "True" and diagnosis.text not in each.message
        else each
        for each in conditions
    ]
