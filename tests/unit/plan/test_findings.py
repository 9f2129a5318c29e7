"""What pods and Milvus say of themselves, in the resource's conditions."""

from typing import Any

import pytest
from tests.unit.plan.conftest import LATER, NOW, Life
from tests.unit.plan.test_reconcile import _available

from semantic_router_operator.plan.findings import ready_pods
from semantic_router_operator.plan.probed import CollectionState, MilvusState, PodState, Probed
from semantic_router_operator.plan.reconcile import Plan

Json = dict[str, Any]
EXTERNAL = {
    "external": {
        "address": "milvus.db.svc:19530",
        "credentialsSecretRef": {"name": "milvus-auth"},
        "tls": {"secretRef": {"name": "milvus-tls"}},
    }
}
WELL = MilvusState(True, True, "v2.6.4", CollectionState("semantic_cache_v1", 7, "HNSW", "IP", True))


@pytest.fixture
def serving(life: Life) -> Life:
    """A resource whose pods are ready."""
    life.edit({**life.spec, "milvus": EXTERNAL})
    life.reconcile(NOW, probed=Probed())
    _available(life)
    return life


def _epoch(life: Life) -> str:
    life.plan()
    assert life._rendered is not None
    return life._rendered.epoch


def _pod(life: Life, name: str = "p", **said: Any) -> PodState:
    return PodState(name, **{"epoch": _epoch(life), "backend": "hybrid", **said})


def _told(life: Life, *pods: PodState, milvus: MilvusState | None = WELL) -> Plan:
    return life.reconcile(LATER, probed=Probed(pods, milvus))


def _says(life: Life, kind: str) -> tuple[str, str]:
    condition = life.condition(kind)
    return condition["status"], condition["reason"]


def test_pods_that_are_well(serving: Life) -> None:
    _told(serving, _pod(serving), _pod(serving, "q"))
    assert _says(serving, "CacheReady") == ("True", "Serving")
    assert _says(serving, "MilvusReady") == ("True", "Connected")
    assert _says(serving, "Ready") == ("True", "Ready")
    assert _says(serving, "Degraded") == ("False", "AsExpected")
    assert serving.status["configEpoch"] == _epoch(serving)
    assert serving.status["backend"] == "hybrid"
    assert "hybrid cache" in serving.condition("CacheReady")["message"]
    assert "2.6.4" in serving.condition("MilvusReady")["message"]


def test_figures_that_move_write_no_status(serving: Life) -> None:
    _told(serving, _pod(serving, entries=1))
    rows = MilvusState(True, True, "v2.6.4", CollectionState("semantic_cache_v1", 8, "HNSW", "IP", True))
    assert Probed((_pod(serving, entries=2),), rows) == Probed((_pod(serving, entries=1),), WELL)
    assert _told(serving, _pod(serving, entries=2), milvus=rows) == Plan()


def test_ready_waits_for_the_pods_answer(serving: Life) -> None:
    serving.reconcile(LATER, probed=Probed(None))
    assert _says(serving, "Ready") == ("Unknown", "NotAsked")
    assert _says(serving, "MilvusReady") == ("Unknown", "NotAsked")
    _told(serving, _pod(serving))
    assert _says(serving, "Ready") == ("True", "Ready")


def test_an_operator_that_has_begun_anew_takes_nothing_back(serving: Life) -> None:
    _told(serving, _pod(serving))
    assert serving.plan(LATER, probed=Probed(None)) == Plan()


def test_a_configuration_that_pods_have_not_got_yet(serving: Life) -> None:
    _told(serving, _pod(serving))
    before = _epoch(serving)
    serving.edit({**serving.spec, "cache": {"ttlSeconds": 77}})
    _told(serving, _pod(serving), _pod(serving, "q", epoch=before))
    _available(serving)
    plan = _told(serving, _pod(serving), _pod(serving, "q", epoch=before))
    assert _says(serving, "Ready") == ("False", "ConfigPending")
    assert "1 of 2 pods" in serving.condition("Ready")["message"]
    assert serving.status["configEpoch"] == before, "not all have another one"
    assert {event.type for event in plan.events} <= {"Normal"}
    _told(serving, _pod(serving), _pod(serving, "q"))
    assert serving.status["configEpoch"] != before
    assert _says(serving, "Ready") == ("True", "Ready")


def test_a_configuration_that_a_pod_refuses(serving: Life) -> None:
    _told(serving, _pod(serving), _pod(serving, "q", epoch="old", reload_problem="config.yaml: models[0] is wrong"))
    for kind in ("Degraded", "Ready"):
        assert serving.condition(kind)["reason"] == "ConfigRefused"
        assert "models[0] is wrong" in serving.condition(kind)["message"]
        assert "Pod/q" in serving.condition(kind)["message"]
    assert _says(serving, "Ready")[0] == "False"


def _made_for(life: Life, name: str, checksum: str | None = None) -> Json:
    """A router's pod as the API server holds it; None: as the template of now asks for."""
    (deployment,) = (each for each in life.store.objects.values() if each["kind"] == "Deployment")
    annotations = dict(deployment["spec"]["template"]["metadata"]["annotations"])
    if checksum is not None:
        annotations["semanticrouter.dev/checksum"] = checksum
    labels = {"app.kubernetes.io/component": "router"}
    return {"metadata": {"name": name, "labels": labels, "annotations": annotations}, "status": {}}


def test_what_a_pod_refuses_that_a_rollout_replaces_is_no_failure(serving: Life) -> None:
    """The ConfigMap reaches pods of before, too, and may name a file that only those to come have mounted."""
    before = _pod(serving, "q", epoch="old", reload_problem="milvus.yaml: there is no such file")
    probed, pods = Probed((_pod(serving), before), WELL), [_made_for(serving, "p"), _made_for(serving, "q", "earlier")]
    plan = serving.reconcile(LATER, probed=probed, pods=pods)
    assert _says(serving, "Degraded") == ("False", "AsExpected")
    assert _says(serving, "Ready") == ("False", "ConfigPending")
    assert "Pod/q is of an earlier template" in serving.condition("Ready")["message"]
    assert {event.type for event in plan.events} <= {"Normal"}


def test_what_a_pod_of_now_refuses_is_told_during_a_rollout(serving: Life) -> None:
    refusing = [_pod(serving, name, epoch="old", reload_problem=f"{name} says no") for name in ("p", "q")]
    pods = [_made_for(serving, "p"), _made_for(serving, "q", "earlier")]
    serving.reconcile(LATER, probed=Probed(tuple(refusing), WELL), pods=pods)
    assert _says(serving, "Degraded") == ("True", "ConfigRefused")
    assert "p says no" in serving.condition("Degraded")["message"]


def test_what_waits_for_a_restart_is_not_in_force(serving: Life) -> None:
    _told(serving, _pod(serving, restart_needed=("semantic_cache.max_entries",)))
    assert _says(serving, "Ready") == ("False", "ConfigPending")
    assert "semantic_cache.max_entries" in serving.condition("Ready")["message"]
    assert "configEpoch" not in serving.status


def test_pods_that_the_operator_does_not_reach_are_not_judged(serving: Life) -> None:
    _told(serving, PodState("p", answered=False, problem="10.0.0.1:8080 cannot be reached: timed out"))
    assert _says(serving, "CacheReady") == ("Unknown", "PodsNotReached")
    assert "NetworkPolicy" in serving.condition("CacheReady")["message"]
    assert _says(serving, "Ready") == ("True", "Ready")


def test_a_store_that_pods_lost_is_told_and_requests_are_answered(serving: Life) -> None:
    lost = _pod(serving, "q", store_down=True, problem="Milvus at milvus.db.svc:19530: cannot be reached")
    plan = _told(serving, _pod(serving), lost)
    assert _says(serving, "CacheReady") == ("False", "StoreUnavailable")
    assert _says(serving, "Degraded") == ("True", "StoreUnavailable")
    assert _says(serving, "Ready") == ("True", "StoreUnavailable")
    assert "1 of 2 pods (Pod/q" in serving.condition("Degraded")["message"]
    assert [event.type for event in plan.events] == ["Warning"]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("CredentialsRefused", "Secret/milvus-auth"),
        ("CertificateRefused", "Secret/milvus-tls"),
        ("TLSRequired", "spec.milvus.external.tls"),
        ("DatabaseMissing", "spec.milvus.external.database"),
        ("AddressUnknown", "spec.milvus.external.address"),
    ],
)
def test_each_failure_of_milvus_has_its_own_reason_and_advice(serving: Life, reason: Any, advice: str) -> None:
    lost = _pod(serving, store_down=True, problem="cannot be reached")
    _told(serving, lost, milvus=MilvusState(False, False, reason=reason, message="It is so."))
    assert _says(serving, "MilvusReady") == ("False", reason)
    assert _says(serving, "Degraded") == ("True", reason)
    assert advice in serving.condition("MilvusReady")["message"]


def test_a_milvus_that_only_the_operator_does_not_reach_is_not_judged(serving: Life) -> None:
    away = MilvusState(False, False, reason="Unreachable", message="10.0.0.9:19530 cannot be reached: timed out.")
    _told(serving, _pod(serving), milvus=away)
    assert _says(serving, "MilvusReady") == ("Unknown", "NotReachedByOperator")
    assert _says(serving, "Degraded") == ("False", "AsExpected")


def test_a_cache_that_is_off_is_as_it_should_be(life: Life) -> None:
    life.edit({**life.spec, "cache": {"enabled": False}, "milvus": EXTERNAL})
    life.reconcile(NOW)
    _available(life)
    _told(life, _pod(life, backend=""), milvus=None)
    assert _says(life, "CacheReady") == ("True", "Off")
    assert life.status["backend"] == "off"
    assert not [each for each in life.status["conditions"] if each["type"] == "MilvusReady"]


def test_only_ready_pods_of_the_router_are_asked() -> None:
    def pod(name: str, ready: str = "True", component: str = "router", **metadata: Any) -> Json:
        labels = {"app.kubernetes.io/component": component}
        status = {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": ready}]}
        return {"metadata": {"name": name, "labels": labels, **metadata}, "status": status}

    leaving = pod("leaving", deletionTimestamp=NOW)
    pods = [pod("b"), pod("a"), pod("new", "False"), pod("job", component="backup"), leaving]
    assert ready_pods(pods) == (("a", "10.0.0.1"), ("b", "10.0.0.1"))
