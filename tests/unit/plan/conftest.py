"""One resource and its life against the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.unit.plan.store import Store

from semantic_router_operator.handlers.desired import desired_of
from semantic_router_operator.plan.reconcile import Desired, Plan, plan
from semantic_router_operator.render.facts import ClusterFacts

Json = dict[str, Any]
NOW, LATER = "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"


@dataclass
class Life:
    """A resource as the API server holds it, its children, and passes over both."""

    spec: Json
    name: str = "semantic-router"
    facts: ClusterFacts = field(default_factory=ClusterFacts)
    store: Store = field(default_factory=Store)
    generation: int = 1
    status: Json = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    _rendered: Desired | None = None

    @property
    def raw(self) -> Json:
        metadata = {
            "name": self.name,
            "namespace": "a",
            "uid": "owner",
            "generation": self.generation,
            "annotations": self.annotations,
        }
        head = {"apiVersion": "semanticrouter.dev/v1alpha1", "kind": "SemanticRouter"}
        return {**head, "metadata": metadata, "spec": self.spec, "status": self.status}

    def edit(self, spec: Mapping[str, Any]) -> None:
        self.spec = dict(spec)
        self.generation += 1
        self.look_again()

    def look_again(self, facts: ClusterFacts | None = None) -> None:
        """The annotations, or what the cluster offers, have changed."""
        self.facts = facts or self.facts
        self._rendered = None

    def plan(self, now: str = NOW, secret_problems: tuple[str, ...] = (), **more: Any) -> Plan:
        """What a pass would do."""
        if self._rendered is None:
            self._rendered = desired_of(self.raw, self.facts, ())
        desired = replace(self._rendered, secret_problems=secret_problems)
        return plan(self.raw, desired, self.store.objects, now, **more)

    def reconcile(self, now: str = NOW, **more: Any) -> Plan:
        """One pass: what the plan says is done, and the status is that of a second look, as the reconciler does."""
        first = self.plan(now, **more)
        self.store.carry_out(first)
        second = self.plan(now, **more)
        if second.status is not None:
            self.status = second.status
        return first

    def condition(self, kind: str) -> Json:
        return next(dict(each) for each in self.status["conditions"] if each["type"] == kind)


@pytest.fixture
def life() -> Life:
    return Life(
        {
            "router": {"replicas": 2},
            "providers": [{"name": "vllm", "baseURL": "http://vllm/v1"}],
            "models": [{"name": "small", "provider": "vllm"}],
        }
    )
