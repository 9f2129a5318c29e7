"""When the doctor is called, and what becomes of its verdict."""

from datetime import UTC, datetime

import pytest
from tests.unit.plan.conftest import Life

from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.diagnosis import PATIENCE_SECONDS, Diagnosis, Unready, unready, with_diagnosis
from semantic_router_operator.plan.probed import Probed
from semantic_router_operator.plan.reconcile import Plan

SINCE = "2026-11-21T12:00:00Z"


def _ready(status: str, reason: str) -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": SINCE}


def test_a_resource_that_is_not_ready_is_looked_at_once_patience_is_over() -> None:
    found = unready([{"type": "Degraded", "status": "True", "reason": "X"}, _ready("False", "PodsNotReady")])
    assert found == Unready("PodsNotReady", SINCE, (("Degraded", "X"), ("Ready", "PodsNotReady")))
    assert found.patience(datetime(2026, 11, 21, 12, 1, tzinfo=UTC)) == PATIENCE_SECONDS - 60
    assert found.patience(datetime(2026, 11, 21, 13, 0, tzinfo=UTC)) == 0


@pytest.mark.parametrize("ready", [_ready("True", "Ready"), _ready("False", "Suspended")])
def test_one_that_is_ready_or_told_to_rest_is_left_alone(ready: dict[str, str]) -> None:
    assert unready([ready]) is None


def test_one_that_serves_and_is_degraded_or_without_good_backups_is_looked_at_too() -> None:
    degraded = {"type": "Degraded", "status": "True", "reason": "Unreachable", "lastTransitionTime": SINCE}
    backup = {"type": "BackupHealthy", "status": "False", "reason": "TooOld", "lastTransitionTime": SINCE}
    ready = _ready("True", "Unreachable")
    found = unready([backup, degraded, ready])
    assert found is not None
    assert found.reason == "Unreachable"
    found = unready([backup, {**degraded, "status": "False"}, ready])
    assert found is not None
    assert found.reason == "TooOld"
    assert unready([backup, degraded, _ready("False", "Hibernating")]) is None


def test_the_verdict_stands_where_the_trouble_is_told() -> None:
    verdict = Diagnosis("ServiceMissing", "Correct the address.")
    conditions = [Condition("Degraded", "True", "X", "Away."), Condition("Ready", "True", "X", "The router answers.")]
    told = with_diagnosis(conditions, verdict)
    assert [each.message for each in told] == [
        "Away. Diagnosis: ServiceMissing: Correct the address.",
        "The router answers.",
    ]
    well = [Condition("Degraded", "False", "X", "."), Condition("Ready", "True", "Ready", ".")]
    assert with_diagnosis(well, verdict) == well


def test_the_verdict_stands_in_ready_once() -> None:
    verdict = Diagnosis("SecretMissing", "It is not there. Create it.")
    conditions = [Condition("Degraded", "True", "X", "."), Condition("Ready", "False", "X", "Waiting.")]
    told = with_diagnosis(conditions, verdict)
    assert told[0] == conditions[0]
    assert told[1].message == "Waiting. Diagnosis: SecretMissing: It is not there. Create it."
    assert with_diagnosis(told, verdict) == told
    assert with_diagnosis(conditions, None) == conditions


def test_the_verdict_is_an_event_once_and_goes_with_the_trouble(life: Life) -> None:
    verdict = Probed(pods=(), diagnosis=Diagnosis("ServiceMissing", "There is no such Service. Correct the address."))
    life.reconcile()
    told = life.reconcile(probed=verdict)
    assert [(each.type, each.reason, each.action) for each in told.events] == [
        ("Warning", "ServiceMissing", "Diagnose")
    ]
    assert life.condition("Ready")["message"].endswith("There is no such Service. Correct the address.")
    assert life.plan(probed=verdict) == Plan()
    life.reconcile()
    assert "Diagnosis" not in life.condition("Ready")["message"]
