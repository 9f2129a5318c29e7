"""What is rendered for other operators, against the schemas of their own definitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FIXTURES = Path(__file__).parents[2] / "fixtures" / "crds"
GOLDEN = Path(__file__).parents[2] / "golden" / "cases"
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def problems(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Yield what a structural schema refuses: types, unknown and missing fields, values that are not in the list."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str):
            yield f"{path}: neither number nor text"
        return
    kind = schema.get("type")
    if kind in TYPES and not isinstance(value, TYPES[kind]):
        yield f"{path}: not of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value} is not in the list"
    if isinstance(value, dict):
        yield from (f"{path}.{name}: is missing" for name in schema.get("required", ()) if name not in value)
        known, further = schema.get("properties", {}), schema.get("additionalProperties")
        for name, child in value.items():
            if name in known:
                yield from problems(child, known[name], f"{path}.{name}")
            elif isinstance(further, dict):
                yield from problems(child, further, f"{path}.{name}")
            elif not (further or schema.get("x-kubernetes-preserve-unknown-fields") or path == "metadata"):
                yield f"{path}.{name}: unknown field"
    if isinstance(value, list) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        for number, child in enumerate(value):
            yield from problems(child, schema["items"], f"{path}[{number}]")


DEFINITIONS = {
    "ServiceMonitor": "monitoring.coreos.com_servicemonitors",
    "PrometheusRule": "monitoring.coreos.com_prometheusrules",
    "Milvus": "milvus.io_milvuses",
    "Certificate": "cert-manager.io_certificates",
}


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_definition_takes_what_is_rendered(kind: str) -> None:
    text = (FIXTURES / f"{DEFINITIONS[kind]}.yaml").read_text(encoding="utf-8")
    definition = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe, and ten times as fast
    (version,) = [each for each in definition["spec"]["versions"] if each["storage"]]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    rendered = [
        each
        for case in sorted(GOLDEN.iterdir())
        for each in yaml.safe_load_all((case / "objects.yaml").read_text(encoding="utf-8"))
        if each["kind"] == kind
    ]
    assert rendered
    for each in rendered:
        assert each["apiVersion"] == f"{definition['spec']['group']}/{version['name']}"
        assert list(problems(each["spec"], schema, "spec")) == []


def test_the_check_itself_finds_what_is_wrong() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string", "enum": ["x"]}, "b": {"type": "array", "items": {"type": "integer"}}},
    }
    assert list(problems({"a": "y", "b": ["z"], "c": 1}, schema, "spec")) == [
        "spec.a: y is not in the list",
        "spec.b[0]: not of type integer",
        "spec.c: unknown field",
    ]
    assert list(problems({}, schema, "spec")) == ["spec.a: is missing"]
