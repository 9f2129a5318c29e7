"""Whose is an object that is there already? Ours, nobody's, somebody else's, or one that waits for us."""

from collections.abc import Mapping
from typing import Any

from semantic_router_operator.plan.key import ADOPT_ANNOTATION, ObjectKey, owned_by, owner_of
from semantic_router_operator.render.metadata import RETAINED_ANNOTATION

Json = Mapping[str, Any]


def may_take(resource: Json, existing: Json) -> bool:
    """Whether the resource may write the object: it is its own, was retained for it, or is free and adoption asked."""
    metadata = resource["metadata"]
    if owned_by(existing, metadata["uid"]):
        return True
    retained = _annotations(existing).get(RETAINED_ANNOTATION) == metadata["name"]
    asked = _annotations(resource).get(ADOPT_ANNOTATION) == "true"
    return (retained or asked) and owner_of(existing) is None


def is_retained(obj: Json) -> bool:
    """Whether the object stays when its resource is deleted."""
    return RETAINED_ANNOTATION in _annotations(obj)


def refusal(key: ObjectKey, existing: Json) -> str:
    """Why the object is left alone, and what to do."""
    owner = owner_of(existing)
    if owner is not None:
        return f"{key} belongs to {owner.get('kind')}/{owner.get('name')}; give this resource another name."
    return (
        f"{key} exists and was not made for this resource; delete it, give this resource another name, or take it over"
        f" with the annotation {ADOPT_ANNOTATION}=true."
    )


def _annotations(obj: Json) -> Json:
    return obj["metadata"].get("annotations") or {}
