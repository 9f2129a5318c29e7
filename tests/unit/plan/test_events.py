"""What of a turn is a warning, and what belongs to a Milvus that is being made."""

from typing import Any

import pytest

from semantic_router_operator.plan.events import transitions

Json = dict[str, Any]


def _condition(kind: str, status: str, reason: str) -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": f"{reason}."}


@pytest.mark.parametrize("reason", ["StatusBehind", "EtcdNotReady", "MilvusNotReady", "MilvusUpdating"])
def test_what_milvus_operator_calls_not_ready_while_it_makes_one_alarms_nobody(reason: str) -> None:
    degraded = _condition("Degraded", "True", reason)
    making = {"conditions": [_condition("Migrating", "True", "Provisioning"), degraded]}
    told = {event.reason: event.type for event in transitions({"status": {"conditions": []}}, making)}
    assert told == {"Provisioning": "Normal", reason: "Normal"}
    # The same of one that routers use.
    used = {"conditions": [_condition("Migrating", "False", "Completed"), degraded]}
    before = {"status": {"conditions": [used["conditions"][0]]}}
    assert [(event.reason, event.type) for event in transitions(before, used)] == [(reason, "Warning")]
