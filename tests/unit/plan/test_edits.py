"""Whatever a resource went through, in the end there is what a fresh apply of its last state makes; and no write more.

1,000 random edits a run: 100 lives of 10 edits each.
"""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.plan.conftest import Life
from tests.unit.plan.resources import specs

Json = dict[str, Any]
LIVES, EDITS = 100, 10


def _normal(content: dict[str, Json]) -> str:
    """Without what an autoscaler would decide, and without the order of lists that are maps in truth."""
    for key, obj in content.items():
        obj["metadata"].pop("uid", None)
        if key.startswith("Deployment/") and any(each.startswith("HorizontalPodAutoscaler/") for each in content):
            obj["spec"].pop("replicas")
    return json.dumps(_sorted(content), sort_keys=True)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(below) for key, below in value.items()}
    if isinstance(value, list):
        items = [_sorted(below) for below in value]
        named = all(isinstance(each, dict) and ("name" in each or "mountPath" in each) for each in items)
        return sorted(items, key=lambda each: json.dumps(each, sort_keys=True)) if named else items
    return value


@settings(max_examples=LIVES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(specs(), min_size=EDITS, max_size=EDITS))
def test_edits_end_where_a_fresh_apply_ends(edits: list[Json]) -> None:
    edited = Life(edits[0])
    for spec in edits:
        edited.edit(spec)
        edited.reconcile()
        written = edited.store.writes
        again = edited.plan()
        assert (again.applies, again.deletes, again.handovers, again.status) == ((), (), (), None)
        assert edited.store.writes == written
        assert edited.condition("ConfigValid")["status"] == "True", edited.condition("ConfigValid")["message"]
    fresh = Life(edits[-1])
    fresh.reconcile()
    assert _normal(edited.store.content()) == _normal(fresh.store.content())
