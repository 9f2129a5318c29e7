"""A resource that hibernates has no pods and no autoscaler; when it resumes, both are as before."""

from tests.unit.plan.conftest import Life
from tests.unit.plan.store import Store

from semantic_router_operator.api.semantic_router import HIBERNATE_ANNOTATION
from semantic_router_operator.plan.key import ObjectKey
from semantic_router_operator.plan.reconcile import Plan

DEPLOYMENT = ObjectKey("apps/v1", "Deployment", "a", "semantic-router")
AUTOSCALER = ObjectKey("autoscaling/v2", "HorizontalPodAutoscaler", "a", "semantic-router")


def _hibernate(life: Life, value: str | None) -> None:
    life.annotations = {HIBERNATE_ANNOTATION: value} if value else {}
    life.look_again()
    life.reconcile()
    assert life.plan() == Plan()


def test_pods_go_and_come_back(life: Life) -> None:
    life.reconcile()
    kept = set(life.store.objects)
    _hibernate(life, "on")
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 0
    assert set(life.store.objects) == kept
    _hibernate(life, None)
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 2


def test_the_autoscaler_does_not_find_zero_pods_which_it_would_leave_alone() -> None:
    life = Life({"router": {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}}, store=Store())
    life.reconcile()
    _hibernate(life, "on")
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 0
    assert AUTOSCALER not in life.store.objects
    _hibernate(life, None)
    assert life.store.objects[DEPLOYMENT]["spec"]["replicas"] == 1
    assert AUTOSCALER in life.store.objects
