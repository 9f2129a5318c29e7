"""A resource's conditions as metrics: those that it has, and none of one that is gone."""

from prometheus_client import REGISTRY

from semantic_router_operator.handlers.metrics import tell_conditions


def _value(kind: str) -> float | None:
    labels = {"resource_namespace": "a", "resource": "x", "type": kind}
    return REGISTRY.get_sample_value("semantic_router_operator_resource_condition", labels)


def test_conditions_come_turn_and_go() -> None:
    tell_conditions("a", "x", [{"type": "Ready", "status": "True"}, {"type": "MilvusReady", "status": "Unknown"}])
    assert (_value("Ready"), _value("MilvusReady"), _value("Degraded")) == (1, -1, None)
    tell_conditions("a", "x", [{"type": "Ready", "status": "False"}])
    assert (_value("Ready"), _value("MilvusReady")) == (0, None)
    tell_conditions("a", "x", ())
    assert _value("Ready") is None
