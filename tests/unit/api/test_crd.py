"""The definition is structural and complete; that a real API server takes it is tested in tests/cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from semantic_router_operator.api.crd import definitions, structural

SCHEMAS = {
    name.partition(".")[0]: each["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name, each in definitions().items()
}
SCHEMA = SCHEMAS["semanticrouters"]
each_kind = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def _nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from _nodes(node[key], f"{path}[]")


@each_kind
def test_every_node_is_structural(schema: dict[str, Any]) -> None:
    for path, node in _nodes(schema):
        assert "$ref" not in node, path
        assert "default" not in node, f"{path}: the API server would write it into the spec"
        assert ("type" in node) != bool(node.get("x-kubernetes-int-or-string")), path
        if node.get("type") == "array":
            assert node["x-kubernetes-list-type"] in ("map", "atomic"), path


@each_kind
def test_every_list_and_text_of_the_spec_is_bounded(schema: dict[str, Any]) -> None:
    """Without bounds the API server's estimate of what the CEL rules cost runs over its limit."""
    for path, node in _nodes(schema["properties"]["spec"]):
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path


def test_lists_of_named_things_are_merged_by_name() -> None:
    spec = SCHEMA["properties"]["spec"]["properties"]
    for node in (spec["models"], spec["providers"], spec["routing"]["properties"]["decisions"]):
        assert node["x-kubernetes-list-map-keys"] == ["name"]
    assert SCHEMA["properties"]["status"]["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]


def test_every_rule_has_a_message() -> None:
    rules = [rule for _, node in _nodes(SCHEMA) for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) >= 10
    assert all(rule["message"] for rule in rules)


def test_a_union_is_refused_at_generation() -> None:
    class Ambiguous(BaseModel):
        value: int | str

    with pytest.raises(ValueError, match="union"):
        structural(Ambiguous.model_json_schema())


@each_kind
def test_every_field_of_the_spec_says_what_it_does(schema: dict[str, Any]) -> None:
    silent = [
        path
        for path, node in _nodes(schema["properties"]["spec"])
        if path and not path.endswith("[]") and not node.get("description")
    ]
    assert silent == []
