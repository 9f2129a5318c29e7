"""A resource's conditions and backups as metrics: those that it has, and none of one that is gone."""

from prometheus_client import REGISTRY

from semantic_router_operator.handlers.metrics import tell_backups, tell_conditions


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


def _backups(name: str) -> float | None:
    labels = {"resource_namespace": "a", "resource": "x"}
    return REGISTRY.get_sample_value(f"semantic_router_operator_backup_{name}", labels)


def test_figures_of_backups_follow_the_status() -> None:
    told = {"lastTime": "2026-11-21T02:00:00Z", "failures": 2, "nextTime": "2026-11-22T02:00:00Z"}
    tell_backups("a", "x", told)
    assert (_backups("last_success_timestamp_seconds"), _backups("failures")) == (1_795_226_400, 2)
    assert _backups("last_verified_timestamp_seconds") is None
    # The schedule rests: its age calls nobody, its failures stay what they are.
    tell_backups("a", "x", {key: value for key, value in told.items() if key != "nextTime"})
    assert (_backups("last_success_timestamp_seconds"), _backups("failures")) == (None, 2)
    tell_backups("a", "x", {})
    assert _backups("failures") is None
