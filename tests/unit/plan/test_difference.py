"""When an apply would change something, and when it would not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.plan.store import Store

from semantic_router_operator.plan.difference import differences, managers_of

Json = dict[str, Any]
SCALARS = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from("abc"), below, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
SPECS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def _object(spec: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "a"}, "spec": spec}


@settings(max_examples=300, deadline=None)
@given(SPECS, SPECS)
def test_after_an_apply_nothing_differs_whatever_was_there_before(before: Json, after: Json) -> None:
    store = Store()
    store.apply(_object(before))
    observed = store.apply(_object(after))
    assert differences(_object(after), observed) == []


@settings(max_examples=300, deadline=None)
@given(SPECS, SPECS)
def test_nothing_differs_only_where_an_apply_changes_nothing(before: Json, after: Json) -> None:
    store = Store()
    observed = store.apply(_object(before))
    if not differences(_object(after), observed):
        writes = store.writes
        held = store.apply(_object(after))
        for name, value in after.items():
            assert not differences({"spec": {name: value}}, {"spec": held["spec"]})
        assert store.writes <= writes + 1


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("0.5Gi", "512Mi"),
        (2, "2"),
        ("1e3", "1e3"),
        ("", None),
        (0, None),
        (False, None),
        ({}, None),
        ([], None),
    ],
)
def test_what_the_api_server_writes_in_its_own_way_is_the_same(wanted: Any, held: Any) -> None:
    assert differences({"spec": {"x": wanted}}, {"spec": {"x": held} if held is not None else {}}) == []


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ("1", "2"),
        (True, False),
        (1, None),
        ("a", None),
        ({"a": 1}, None),
        ({"a": 1}, {"a": 2}),
        ([1, 2], [1]),
        ([1, 2], [2, 1]),
        ([{"name": "a", "v": 1}], [{"name": "a", "v": 2}]),
        ("123", "124"),
        (True, "True"),
    ],
)
def test_what_really_differs(wanted: Any, held: Any) -> None:
    assert differences({"spec": {"x": wanted}}, {"spec": {"x": held} if held is not None else {}})


def test_defaults_and_fields_of_others_do_not_differ() -> None:
    wanted = {"spec": {"ports": [{"name": "http", "port": 80}]}}
    held = {"spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30000}], "clusterIP": "ip"}}
    assert differences(wanted, held) == []


def test_a_field_that_we_gave_up_differs_until_it_is_gone() -> None:
    store = Store()
    store.apply(_object({"a": 1, "b": {"c": 2}}))
    (observed,) = store.objects.values()
    assert differences(_object({"a": 1}), observed) == ["spec.b.c"] or differences(_object({"a": 1}), observed)
    observed = store.apply(_object({"a": 1}))
    assert observed["spec"] == {"a": 1}


def test_who_changed_a_field_is_named_and_we_are_not() -> None:
    store = Store()
    observed = store.apply(_object({"a": 1}))
    (key,) = store.objects
    assert managers_of(observed, "spec.a") == []
    store.edit(key, ("f:spec", "f:a"), 2, "kubectl-patch")
    assert managers_of(store.objects[key], "spec.a") == ["kubectl-patch"]
