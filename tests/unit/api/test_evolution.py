"""Resources that were stored under an older definition keep loading under today's.

tests/fixtures/crds/older/ holds one definition a release. A version's schema may grow and loosen, never shrink.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantic_router_operator.api.crd import definitions

OLDER = sorted((Path(__file__).parents[2] / "fixtures" / "crds" / "older").glob("*.yaml"))
# Bounds, and whether a larger number is the looser one.
BOUNDS = {
    "maximum": True,
    "maxLength": True,
    "maxItems": True,
    "maxProperties": True,
    "minimum": False,
    "minLength": False,
    "minItems": False,
}
# Sections that an operator of that definition refused as NotImplementedYet: no resource that worked has them.
NEVER_CARRIED_OUT = {"semanticrouters-2026-11-21": "spec.backup."}
Schema = dict[str, Any]


def _versions(definition: Schema) -> dict[str, Schema]:
    return {each["name"]: each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"]}


def narrowed(before: Schema, after: Schema, path: str) -> Iterator[str]:
    """Yield each place where a value that `before` took may be refused or dropped by `after`."""
    if before.get("type") != after.get("type") or before.get("x-kubernetes-int-or-string") != after.get(
        "x-kubernetes-int-or-string"
    ):
        yield f"{path}: of another type"
        return
    if after.get("pattern") not in (None, before.get("pattern")):
        yield f"{path}: of another pattern"
    if "enum" in after and not set(before.get("enum", ["anything"])) <= set(after["enum"]):
        yield f"{path}: fewer values"
    if before.get("x-kubernetes-list-map-keys") != after.get("x-kubernetes-list-map-keys"):
        yield f"{path}: merged by another key"
    for bound, larger_is_looser in BOUNDS.items():
        old, new = before.get(bound), after.get(bound)
        if new is not None and (old is None or (new < old if larger_is_looser else new > old)):
            yield f"{path}: {bound} is stricter"
    yield from (
        f"{path}.{name}: is required now" for name in set(after.get("required", ())) - set(before.get("required", ()))
    )
    kept = after.get("x-kubernetes-preserve-unknown-fields")
    for name, child in before.get("properties", {}).items():
        if name in after.get("properties", {}):
            yield from narrowed(child, after["properties"][name], f"{path}.{name}")
        elif not kept:
            yield f"{path}.{name}: is gone"
    for key in ("items", "additionalProperties"):
        if isinstance(before.get(key), dict) and isinstance(after.get(key), dict):
            yield from narrowed(before[key], after[key], f"{path}[]")


@pytest.mark.parametrize("file", OLDER, ids=lambda file: file.stem)
def test_what_an_older_definition_stored_still_loads(file: Path) -> None:
    older = yaml.safe_load(file.read_text(encoding="utf-8"))
    today = _versions(definitions()[older["metadata"]["name"]])
    for name, before in _versions(older).items():
        assert name in today, f"{name} is not served any more, but may be stored"
        found = narrowed(before["properties"]["spec"], today[name]["properties"]["spec"], "spec")
        assert [each for each in found if not each.startswith(NEVER_CARRIED_OUT.get(file.stem, "nothing"))] == []


def test_the_check_itself_finds_what_is_narrower() -> None:
    before = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}, "b": {"type": "integer"}}}
    after = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 8}}}
    assert list(narrowed(before, after, "spec")) == [
        "spec.a: is required now",
        "spec.a: maxLength is stricter",
        "spec.b: is gone",
    ]
