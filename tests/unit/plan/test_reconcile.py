"""What one pass writes, tells and leaves alone."""

import copy
from typing import Any

from tests.unit.plan.conftest import LATER, NOW, Life
from tests.unit.plan.store import Store

from semantic_router_operator.plan.key import ObjectKey, key_of
from semantic_router_operator.plan.reconcile import Plan
from semantic_router_operator.render.facts import ClusterFacts

Json = dict[str, Any]
DEPLOYMENT = ObjectKey("apps/v1", "Deployment", "a", "semantic-router")
SERVICE = ObjectKey("v1", "Service", "a", "semantic-router")
CONFIG = ObjectKey("v1", "ConfigMap", "a", "semantic-router-config")
CLAIM = ObjectKey("v1", "PersistentVolumeClaim", "a", "semantic-router-data")


def _available(life: Life, ready: int = 2, **status: Any) -> None:
    """Writes the Deployment's status as its controller would."""
    deployment = life.store.objects[DEPLOYMENT]
    wanted = deployment["spec"]["replicas"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": ready,
        **status,
    }


def _reasons(plan: Plan) -> list[str]:
    return [event.reason for event in (*plan.reverts, *plan.events)]


def test_a_new_resource_gets_its_objects_in_order_and_a_status(life: Life) -> None:
    first = life.reconcile()
    kinds = [obj["kind"] for obj in first.applies]
    assert kinds[-1] == "Deployment"
    assert set(kinds) == {"ServiceAccount", "ConfigMap", "Service", "Deployment"}
    assert life.status["observedGeneration"] == 1
    assert life.condition("ConfigValid")["status"] == "True"
    assert life.condition("Ready")["status"] == "False"
    assert life.status["endpoint"] == "http://semantic-router.a.svc:8801/v1"


def test_a_pass_that_finds_nothing_to_do_writes_nothing(life: Life) -> None:
    life.reconcile()
    assert life.plan(LATER) == Plan()


def test_ready_once_the_pods_are_and_the_turn_has_its_own_time(life: Life) -> None:
    life.reconcile(NOW)
    _available(life)
    told = life.plan(LATER)
    life.reconcile(LATER)
    assert life.condition("Ready")["status"] == "True"
    assert life.condition("Ready")["lastTransitionTime"] == LATER
    assert life.condition("ConfigValid")["lastTransitionTime"] == NOW
    assert life.status["readyReplicas"] == 2
    assert _reasons(told) == ["Ready"]


def test_a_new_generation_is_observed_even_where_nothing_changes(life: Life) -> None:
    life.reconcile()
    life.edit(life.spec)
    after = life.reconcile()
    assert after.applies == ()
    assert life.status["observedGeneration"] == 2
    assert {each["observedGeneration"] for each in life.status["conditions"]} == {2}


def test_a_hand_edit_is_set_back_and_the_event_names_field_and_culprit(life: Life) -> None:
    life.reconcile()
    life.store.edit(DEPLOYMENT, ("f:spec", "f:replicas"), 7)
    after = life.reconcile()
    assert [key_of(obj) for obj in after.applies] == [DEPLOYMENT]
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 2
    assert after.reverts[0].reason == "HandEditReverted"
    for part in ("spec.replicas", "Deployment/semantic-router", "kubectl-edit", "spec.router.replicas"):
        assert part in after.reverts[0].note


def test_what_others_add_stays(life: Life) -> None:
    life.reconcile()
    key = "kubectl.kubernetes.io/restartedAt"
    path = ("f:spec", "f:template", "f:metadata", "f:annotations", f"f:{key}")
    life.store.edit(DEPLOYMENT, path, NOW, "kubectl-rollout")
    assert life.plan() == Plan()
    life.edit({**life.spec, "router": {"replicas": 3}})
    life.reconcile()
    deployment = life.store.objects[DEPLOYMENT]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["template"]["metadata"]["annotations"][key] == NOW


def test_what_is_switched_off_is_removed_and_only_then(life: Life) -> None:
    life.edit({**life.spec, "router": {"replicas": 2, "ingress": {"host": "a.example"}, "podDisruptionBudget": {}}})
    life.reconcile()
    kinds = {key.kind for key in life.store.objects}
    assert {"Ingress", "PodDisruptionBudget"} <= kinds
    life.edit({**life.spec, "router": {"replicas": 2}})
    after = life.reconcile()
    assert {delete.key.kind for delete in after.deletes} == {"Ingress", "PodDisruptionBudget"}
    assert not {"Ingress", "PodDisruptionBudget"} & {key.kind for key in life.store.objects}


def test_objects_of_others_with_our_label_are_not_removed(life: Life) -> None:
    life.reconcile()
    other = copy.deepcopy(life.store.objects[CONFIG])
    other["metadata"]["name"] = "mine"
    other["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    life.store.apply(other, "kubectl")
    assert life.plan().deletes == ()


def test_an_object_of_somebody_else_is_not_taken_unless_asked(life: Life) -> None:
    life.store.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE.name, "namespace": "a"},
                      "spec": {"type": "ClusterIP"}}, "kubectl")  # fmt: skip
    first = life.reconcile()
    assert SERVICE not in [key_of(obj) for obj in first.applies]
    assert life.condition("ConfigValid")["reason"] == "NameTaken"
    assert "Service/semantic-router" in life.condition("ConfigValid")["message"]
    assert "semanticrouter.dev/adopt=true" in life.condition("Ready")["message"]
    life.annotations["semanticrouter.dev/adopt"] = "true"
    life.look_again()
    life.reconcile()
    assert life.store.objects[SERVICE]["metadata"]["ownerReferences"][0]["uid"] == "owner"
    assert life.condition("ConfigValid")["status"] == "True"


def test_an_object_of_another_owner_is_never_taken(life: Life) -> None:
    other = Life(life.spec)
    other.reconcile()
    foreign = other.store.objects[CONFIG]
    foreign["metadata"]["ownerReferences"][0] |= {"uid": "another", "name": "another"}
    life.store.objects[CONFIG] = foreign
    life.annotations["semanticrouter.dev/adopt"] = "true"
    after = life.plan()
    assert CONFIG not in [key_of(obj) for obj in after.applies]
    assert after.status is not None
    valid = next(each for each in after.status["conditions"] if each["type"] == "ConfigValid")
    assert "belongs to SemanticRouter/another" in valid["message"]


def test_two_resources_whose_names_meet_do_not_fight(life: Life) -> None:
    """`semantic-router` makes ConfigMap semantic-router-config; so would a Service of `semantic-router-config`."""
    life.reconcile()
    writes = life.store.writes
    other = Life(life.spec, name="semantic-router-config", store=life.store)
    assert not {key_of(obj) for obj in other.plan().applies} & set(life.store.objects)
    assert life.store.writes == writes


def test_an_invalid_resource_changes_nothing_and_keeps_telling_what_serves(life: Life) -> None:
    life.reconcile()
    content = life.store.content()
    life.edit({**life.spec, "models": [{"name": "m", "provider": "nobody"}]})
    after = life.reconcile()
    assert (after.applies, after.deletes) == ((), ())
    assert life.store.content() == content
    assert life.condition("ConfigValid")["reason"] == "Invalid"
    assert "spec.models[0].provider" in life.condition("ConfigValid")["message"]
    assert life.status["endpoint"]
    assert life.status["observedGeneration"] == 2


def test_suspended_and_paused_are_left_alone(life: Life) -> None:
    life.reconcile()
    life.store.edit(DEPLOYMENT, ("f:spec", "f:replicas"), 7)
    life.edit({**life.spec, "suspend": True})
    assert life.plan().applies == ()
    life.edit({**life.spec, "suspend": False})
    life.annotations["semanticrouter.dev/pause"] = "true"
    life.reconcile()
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 7
    assert life.condition("Ready")["reason"] == "Suspended"
    del life.annotations["semanticrouter.dev/pause"]
    life.look_again()
    life.reconcile()
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 2


def test_a_missing_secret_holds_pods_and_their_files_and_nothing_else(life: Life) -> None:
    life.reconcile()
    before = {key: life.store.objects[key]["metadata"]["resourceVersion"] for key in (DEPLOYMENT, CONFIG)}
    life.edit({**life.spec, "router": {"replicas": 3, "service": {"type": "NodePort"}}, "cache": {"ttlSeconds": 1}})
    life.reconcile(secret_problems=("Secret/keys has no key one; add it.",))
    assert life.store.objects[SERVICE]["spec"]["type"] == "NodePort"
    assert {key: life.store.objects[key]["metadata"]["resourceVersion"] for key in before} == before
    assert life.condition("Degraded")["reason"] == "SecretInvalid"
    assert "Secret/keys has no key one" in life.condition("Ready")["message"]
    life.reconcile()
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 3
    assert life.condition("Degraded")["status"] == "False"


def test_pods_reasons_reach_the_conditions(life: Life) -> None:
    life.reconcile()
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "router", "state": waiting}]}}
    told = life.reconcile(pods=[pod])
    assert life.condition("Degraded")["reason"] == "ImagePullBackOff"
    assert "Back-off pulling image" in life.condition("Ready")["message"]
    # The Event stands once, though Ready repeats the words of Degraded.
    assert _reasons(told).count("ImagePullBackOff") == 1


def test_a_kind_that_is_missing_is_told_and_the_router_is_ready_all_the_same(life: Life) -> None:
    life.edit({**life.spec, "router": {"replicas": 2, "httpRoute": {"parentRefs": [{"name": "public"}]}}})
    life.reconcile()
    _available(life)
    life.reconcile()
    assert life.condition("Degraded")["reason"] == "KindMissing"
    assert "httproutes.gateway.networking.k8s.io" in life.condition("Degraded")["message"]
    assert life.condition("Ready")["status"] == "True"
    life.look_again(ClusterFacts(kinds=frozenset({"HTTPRoute"})))
    life.reconcile()
    assert "HTTPRoute" in {key.kind for key in life.store.objects}
    assert life.condition("Degraded")["status"] == "False"


def test_a_refused_write_is_degraded_with_its_sentence(life: Life) -> None:
    life.reconcile(failed={CLAIM: "PersistentVolumeClaim/semantic-router-data was refused."})
    assert life.condition("Degraded")["reason"] == "WriteRefused"
    assert life.condition("Ready")["message"] == "PersistentVolumeClaim/semantic-router-data was refused."


def test_what_admission_insists_on_is_not_asked_for_again(life: Life) -> None:
    life.reconcile()
    life.store.objects[SERVICE]["spec"]["type"] = "LoadBalancer"
    assert [key_of(obj) for obj in life.plan().applies] == [SERVICE]
    assert life.plan(settled=frozenset({SERVICE})).applies == ()


def test_replicas_keep_their_number_when_the_autoscaler_takes_over() -> None:
    life = Life({"router": {"replicas": 5}}, store=Store())
    life.reconcile()
    life.edit({"router": {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}})
    turn = life.reconcile()
    assert len(turn.handovers) == 1
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 5
    assert life.plan() == Plan()
    # The autoscaler's number stays, and comes back to us only when autoscaling is switched off.
    life.store.edit(DEPLOYMENT, ("f:spec", "f:replicas"), 8, "kube-controller-manager")
    assert life.plan() == Plan()
    life.edit({"router": {"replicas": 5}})
    life.reconcile()
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 5


def test_a_retained_claim_is_taken_over_by_the_resource_that_it_waits_for_and_no_other(life: Life) -> None:
    storage = {"size": "1Gi", "deletionPolicy": "Retain"}
    spec = {**life.spec, "router": {"replicas": 1}, "milvus": {"embedded": {"storage": storage}}}
    life.edit(spec)
    life.reconcile()
    assert life.status["retained"] == ["PersistentVolumeClaim/semantic-router-data"]
    assert "ownerReferences" not in life.store.objects[CLAIM]["metadata"]
    life.edit({**spec, "milvus": {"embedded": {}}})
    assert CLAIM not in [each.key for each in life.reconcile().deletes]
    assert "retained" not in life.status
    life.edit({**spec, "milvus": {"embedded": {"storage": {"size": "1Gi"}}}})
    life.reconcile()
    assert life.condition("ConfigValid")["status"] == "True"
    assert life.store.objects[CLAIM]["metadata"]["ownerReferences"][0]["uid"] == "owner"

    claim = life.store.objects[CLAIM]["metadata"]
    del claim["ownerReferences"]
    claim["annotations"] = {"semanticrouter.dev/retained-for": "another"}
    life.reconcile()
    assert life.condition("ConfigValid")["reason"] == "NameTaken"
