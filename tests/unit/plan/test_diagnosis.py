"""When the doctor is called, and what becomes of its verdict."""

from datetime import UTC, datetime

import pytest

from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.diagnosis import PATIENCE_SECONDS, Diagnosis, Unready, unready, with_diagnosis

SINCE = "2026-11-21T12:00:00Z"


def _ready(status: str, reason: str) -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": SINCE}


def test_a_resource_that_is_not_ready_is_looked_at_once_patience_is_over() -> None:
    found = unready([{"type": "Degraded", "status": "True", "reason": "X"}, _ready("False", "PodsNotReady")])
    assert found == Unready("PodsNotReady", SINCE)
    assert found.patience(datetime(2026, 11, 21, 12, 1, tzinfo=UTC)) == PATIENCE_SECONDS - 60
    assert found.patience(datetime(2026, 11, 21, 13, 0, tzinfo=UTC)) == 0


@pytest.mark.parametrize("ready", [_ready("True", "Ready"), _ready("False", "Suspended")])
def test_one_that_is_ready_or_told_to_rest_is_left_alone(ready: dict[str, str]) -> None:
    assert unready([ready]) is None


def test_the_verdict_stands_in_ready_once() -> None:
    verdict = Diagnosis("SecretMissing", "It is not there. Create it.")
    conditions = [Condition("Degraded", "True", "X", "."), Condition("Ready", "False", "X", "Waiting.")]
    told = with_diagnosis(conditions, verdict)
    assert told[0] == conditions[0]
    assert told[1].message == "Waiting. Diagnosis: SecretMissing: It is not there. Create it."
    assert with_diagnosis(told, verdict) == told
    assert with_diagnosis(conditions, None) == conditions
