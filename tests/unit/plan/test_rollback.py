"""A rollout that fails, and what comes back."""

from dataclasses import replace
from typing import Any

from tests.unit.plan.conftest import LATER, Life

from semantic_router_operator.handlers.desired import desired_of
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import ObjectKey
from semantic_router_operator.plan.reconcile import Plan, plan
from semantic_router_operator.plan.rollback import RETRY_ANNOTATION, Rollout, in_force, rollout_of

Json = dict[str, Any]
DEPLOYMENT = ObjectKey("apps/v1", "Deployment", "a", "semantic-router")
IMAGE = "registry.test/router:1"
STUCK = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
BROKEN = {
    "metadata": {"name": "pod-1"},
    "status": {"containerStatuses": [{"name": "router", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
}


def _spec(tag: str, on_failure: str = "RollBack", **more: Any) -> Json:
    return {
        "router": {"replicas": 2, "image": {"tag": tag}, "rollout": {"onFailure": on_failure}},
        "providers": [{"name": "vllm", "baseURL": "http://vllm/v1"}],
        "models": [{"name": "small", "provider": "vllm"}],
        **more,
    }


def _rollout(life: Life, image: str = IMAGE) -> Rollout:
    return rollout_of(life.raw, image, life.store.objects.values())


def _pass(life: Life, pods: tuple[Json, ...] = (), image: str = IMAGE) -> Plan:
    """One pass, as the reconciler makes it."""
    rollout = _rollout(life, image)
    raw, default = in_force(life.raw, rollout)
    life.facts = type(life.facts)(default_image=default or image)
    desired = desired_of(raw, life.facts, ())
    first = plan(life.raw, desired, life.store.objects, LATER, pods, rollout=rollout)
    life.store.carry_out(first)
    told = plan(life.raw, desired, life.store.objects, LATER, pods, rollout=rollout)
    if told.status is not None:
        life.status = told.status
    return first


def _pods(life: Life, ready: bool) -> None:
    deployment = life.store.objects[DEPLOYMENT]
    counts = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2} if ready else {"replicas": 3, "readyReplicas": 2}
    generation = deployment["metadata"]["generation"]
    deployment["status"] = {"observedGeneration": generation, **counts, "conditions": [] if ready else STUCK}


def _image(life: Life) -> str:
    return str(life.store.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"])


def _revisions(life: Life) -> list[Json]:
    return [obj for key, obj in life.store.objects.items() if key.kind == "ControllerRevision"]


def _good_then_failed() -> Life:
    """Generation 1 became ready, generation 2 does not."""
    life = Life(_spec("good"))
    _pass(life)
    _pods(life, ready=True)
    _pass(life)
    assert life.condition("Ready")["status"] == "True"
    life.edit(_spec("broken"))
    _pass(life)
    _pods(life, ready=False)
    return life


def test_a_state_is_kept_once_it_is_ready_and_not_before() -> None:
    life = Life(_spec("good"))
    _pass(life)
    assert _revisions(life) == []
    _pods(life, ready=True)
    _pass(life)
    (revision,) = _revisions(life)
    assert revision["data"]["spec"] == life.spec
    assert revision["data"]["image"] == IMAGE
    assert _pass(life) == Plan()


def test_nothing_is_kept_for_who_did_not_ask() -> None:
    life = Life(_spec("good", "Report"))
    _pass(life)
    _pods(life, ready=True)
    _pass(life)
    assert _revisions(life) == []
    life.edit(_spec("broken", "Report"))
    _pass(life)
    _pods(life, ready=False)
    _pass(life, (BROKEN,))
    _pass(life, (BROKEN,))
    assert _image(life).endswith(":broken")
    assert "rollout" not in life.status


def test_the_failure_is_written_down_before_anything_goes_back() -> None:
    life = _good_then_failed()
    decided = _pass(life, (BROKEN,))
    assert decided.applies == ()
    assert life.status["rollout"]["reason"] == "ImagePullBackOff"
    assert life.status["rollout"]["failedGeneration"] == 2
    # Whoever comes after a kill has only the status.
    _pass(life)
    assert _image(life).endswith(":good")


def test_the_earlier_state_stays_in_force_and_the_status_says_why() -> None:
    life = _good_then_failed()
    _pass(life, (BROKEN,))
    _pass(life, (BROKEN,))
    _pods(life, ready=True)
    _pass(life)
    assert _pass(life) == Plan()
    ready, degraded = life.condition("Ready"), life.condition("Degraded")
    assert (ready["status"], ready["reason"]) == ("False", "RolledBack")
    assert degraded["reason"] == "RolledBack"
    for words in ("Generation 2 did not become ready", "ImagePullBackOff", "generation 1 is in force", "correct the"):
        assert words in ready["message"]
    assert life.condition("RouterAvailable")["status"] == "True"
    assert life.status["observedGeneration"] == 2


def test_a_migration_goes_back_by_itself() -> None:
    life = _good_then_failed()
    rollout = _rollout(life)
    moving = Condition("Migrating", "True", "Switching", "The pods are switched.")
    desired = desired_of(life.raw, life.facts, ())
    for conditions in ([moving], []):
        told = plan(
            life.raw, replace(desired, conditions=conditions), life.store.objects, LATER, (BROKEN,), rollout=rollout
        )
        assert told.status is not None
        assert ("rollout" in told.status) is not bool(conditions)


def test_a_changed_resource_is_tried_and_the_next_good_state_replaces_the_last() -> None:
    life = _good_then_failed()
    _pass(life, (BROKEN,))
    _pass(life)
    life.edit(_spec("fixed"))
    _pass(life)
    assert _image(life).endswith(":fixed")
    assert "rollout" not in life.status
    _pods(life, ready=True)
    _pass(life)
    _pass(life)
    (revision,) = _revisions(life)
    assert (revision["revision"], revision["data"]["generation"]) == (2, 3)
    assert life.condition("Ready")["status"] == "True"


def test_the_same_is_tried_once_more_when_asked() -> None:
    life = _good_then_failed()
    _pass(life, (BROKEN,))
    _pass(life)
    life.annotations = {RETRY_ANNOTATION: "1"}
    _pass(life)
    assert _image(life).endswith(":broken")
    _pods(life, ready=False)
    _pass(life, (BROKEN,))
    _pass(life)
    assert _image(life).endswith(":good")


def test_without_an_earlier_state_it_is_reported_and_stays() -> None:
    life = Life(_spec("broken"))
    _pass(life)
    _pods(life, ready=False)
    _pass(life, (BROKEN,))
    _pass(life, (BROKEN,))
    assert _image(life).endswith(":broken")
    assert life.condition("Degraded")["reason"] == "ImagePullBackOff"


def test_a_new_release_of_the_operator_with_a_broken_image_goes_back_to_the_old_one() -> None:
    spec = {**_spec("x"), "router": {"replicas": 2, "rollout": {"onFailure": "RollBack"}}}
    life = Life(spec)
    _pass(life)
    _pods(life, ready=True)
    _pass(life)
    newer = "registry.test/router:2"
    _pass(life, image=newer)
    assert _image(life) == newer
    _pods(life, ready=False)
    _pass(life, (BROKEN,), image=newer)
    _pass(life, image=newer)
    assert _image(life) == IMAGE
    assert life.condition("Degraded")["reason"] == "RolledBack"


def test_what_cannot_go_back_does_not() -> None:
    """Data stays where it is: the managed Milvus, backups and the switch `suspend` are always the resource's own."""
    life = Life(_spec("good", milvus={"managed": {"version": "2.5.4"}}))
    rollout = _rollout(life)
    _pass(life)
    _pods(life, ready=True)
    life.store.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": f"semantic-router-{rollout.revision}",
                "namespace": "a",
                "ownerReferences": [{"controller": True, "uid": "owner"}],
            },
            "revision": 1,
            "data": {"spec": life.spec, "generation": 1, "image": IMAGE},
        }
    )
    life.edit(_spec("broken", milvus={"managed": {"version": "2.6.4"}}, suspend=True))
    life.status = {"rollout": {"failedRevision": _rollout(life).revision}}
    raw, _ = in_force(life.raw, _rollout(life))
    assert raw["spec"]["router"]["image"] == {"tag": "good"}
    assert raw["spec"]["milvus"]["managed"] == {"version": "2.6.4"}
    assert raw["spec"]["suspend"] is True


def test_a_kept_state_that_cannot_be_read_any_more_is_none() -> None:
    life = _good_then_failed()
    for revision in _revisions(life):
        revision["data"]["spec"] = {"models": "?"}
    assert _rollout(life).good is None
