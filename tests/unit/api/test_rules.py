"""The model refuses whatever the definition's rules refuse: an older definition may have let a resource in."""

from collections.abc import Iterator

import pytest
from tests.unit.api.wrong import REFUSED_BY_BOTH, REFUSED_BY_THE_MODEL, Json, resource

from semantic_router_operator.api.crd import SEMANTIC_ROUTER, definition
from semantic_router_operator.handlers.desired import desired_of
from semantic_router_operator.render.facts import ClusterFacts


def _rules(node: Json) -> Iterator[Json]:
    yield from node.get("x-kubernetes-validations", ())
    for child in node.get("properties", {}).values():
        yield from _rules(child)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from _rules(node[key])


def _problems(raw: Json) -> str:
    return "; ".join(desired_of(raw, ClusterFacts(), ()).problems)


@pytest.mark.parametrize(("spec", "said"), REFUSED_BY_BOTH, ids=lambda value: value if isinstance(value, str) else "")
def test_the_model_refuses_what_a_rule_refuses(spec: Json, said: str) -> None:
    assert _problems(resource("a", spec)), said


def test_every_rule_has_a_case() -> None:
    """But for those that compare with the object before: only the API server has that."""
    schema = definition(SEMANTIC_ROUTER)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    messages = {rule["message"] for rule in _rules(schema) if "oldSelf" not in rule["rule"]}
    messages = {message for message in messages if "etcd in its name" not in message}
    assert {message for message in messages if not any(said in message for _, said in REFUSED_BY_BOTH)} == set()
    assert _problems(resource("my-etcd", {"milvus.managed": {}}))


@pytest.mark.parametrize(("spec", "said"), REFUSED_BY_THE_MODEL, ids=[said for _, said in REFUSED_BY_THE_MODEL])
def test_what_only_the_model_refuses(spec: Json, said: str) -> None:
    assert said in _problems(resource("a", spec))
