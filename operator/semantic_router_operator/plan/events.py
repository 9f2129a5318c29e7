"""Events: what has turned since the last status was written, so that `kubectl describe` tells the story."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from semantic_router_operator.plan import managed
from semantic_router_operator.plan.availability import PROGRESSING, ROLLING_OUT
from semantic_router_operator.plan.diagnosis import Diagnosis
from semantic_router_operator.plan.findings import CONFIG_PENDING, NOT_ASKED

Json = Mapping[str, Any]
# Not ready for a while, as it has to be after a change.
_EXPECTED = frozenset({ROLLING_OUT, PROGRESSING, CONFIG_PENDING, "Migrating", "Restoring"}) | managed.EXPECTED
# A restore that does not go as it should.
_GOING_BACK = frozenset(
    {"LeavingAgain", "SwitchingBack", "Dropping", "RollingBack", "GivingUp", "RolledBack", "RollbackFailed", "Failed"}
)


_BACKUPS = frozenset({"BackupHealthy", "BackupReplicated"})
_TOLD = frozenset({"Ready", "ConfigValid", "Degraded", "Migrating", "Restoring"}) | _BACKUPS


@dataclass(frozen=True)
class Event:
    """One Kubernetes Event about the resource."""

    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    note: str


def diagnosed(resource: Json, status: Json, diagnosis: Diagnosis | None) -> list[Event]:
    """An Event where the doctor's verdict is news."""
    if diagnosis is None:
        return []
    told = [
        any(diagnosis.text in each["message"] for each in state.get("conditions", ()))
        for state in (status, resource.get("status") or {})
    ]
    return [Event("Warning", diagnosis.reason, "Diagnose", diagnosis.text)] if told == [True, False] else []


def transitions(resource: Json, status: Json) -> list[Event]:
    """An Event where a condition turned."""
    before = {c["type"]: c for c in (resource.get("status") or {}).get("conditions", ())}
    migrating = any(each["type"] == "Migrating" and each["status"] == "True" for each in status["conditions"])
    as_expected = _EXPECTED | managed.MAKING if migrating else _EXPECTED
    events = []
    for condition in status["conditions"]:
        if condition["type"] not in _TOLD:
            continue
        old = before.get(condition["type"])
        if old is not None and (old["status"], old["reason"]) == (condition["status"], condition["reason"]):
            continue
        good = condition["status"] == ("False" if condition["type"] == "Degraded" else "True")
        if condition["type"] == "Migrating":
            good = good or condition["reason"] in ("Completed", "Cancelled")
        if condition["type"] in _BACKUPS:
            # Suspended, hibernating or not begun yet is nothing to warn of.
            good = condition["status"] != "False"
            if old is None and good:
                continue
        if condition["type"] == "Restoring":
            good = condition["reason"] not in _GOING_BACK
        # A new resource is not ready and not degraded; only that its configuration was taken is news.
        if old is None and condition["type"] in ("Ready", "Degraded") and good == (condition["type"] == "Degraded"):
            continue
        if condition["type"] == "Ready" and (
            (good and condition["reason"] != "Ready") or condition["reason"] == NOT_ASKED
        ):
            continue  # Degraded tells it, or the next moment
        expected = good or condition["reason"] in as_expected
        kind: Literal["Normal", "Warning"] = "Normal" if expected else "Warning"
        events.append(Event(kind, condition["reason"], "Reconcile", condition["message"]))
    # Ready repeats the words of the condition that it follows.
    return list(dict.fromkeys(events))
