"""The chart's values: each is in the schema, each of the schema's is a value, and each has an effect."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from release.check import ROOT

CHART = ROOT / "helm" / "semantic-router-operator"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
# Helm's own; templates do not read it.
_HELMS = {"global"}


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    found: dict[str, Any] = SCHEMA["$defs"][name] if name else schema
    return found


def _paths_of_schema(schema: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, child in schema.get("properties", {}).items():
        inner = _resolved(child)
        if "properties" in inner:
            yield from _paths_of_schema(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def _paths_of_values(values: dict[str, Any], known: set[str], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and path not in known:
            yield from _paths_of_values(value, known, f"{path}.")
        else:
            yield path


def test_the_default_values_pass_the_schema() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(VALUES)


def test_values_and_schema_name_the_same() -> None:
    known = set(_paths_of_schema(SCHEMA))
    assert set(_paths_of_values(VALUES, known)) == known - _HELMS


@pytest.mark.parametrize("path", sorted(set(_paths_of_schema(SCHEMA)) - _HELMS))
def test_a_value_has_an_effect(path: str) -> None:
    templates = "\n".join(each.read_text() for each in (CHART / "templates").rglob("*") if each.is_file())
    # Images are handed whole to a helper that reads their parts.
    parent, _, last = path.rpartition(".")
    whole = re.search(rf"\.Values\.{re.escape(parent)}\b(?!\.)", templates) and f".image.{last}" in templates
    assert f".Values.{path}" in templates or whole, f"{path} is in no template"


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": -1},
        {"replicas": "2"},
        {"metrics": {"serviceMonitor": {"interval": "soon"}}},
        {"networkPolicy": {"apiServerPorts": []}},
        {"imagePullSecrets": ["name"]},
        {"extraArgs": ["workers"]},
        {"unheardOf": True},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({**VALUES, **wrong})
