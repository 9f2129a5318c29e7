"""Going back to the last state that became ready, after a rollout that failed and where the resource asks for it.

A state is the spec together with the router's default image, and is kept as a ControllerRevision (apps/v1), as
StatefulSets keep theirs: its data cannot be changed. That a state has failed stands in status.rollout, which is written
before anything goes back: whoever takes over after a kill reads it there and goes on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantic_router_operator.api import VERSION
from semantic_router_operator.api.conversion import UnknownVersionError, convert
from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.plan.key import (
    API_VERSION,
    GROUP,
    INSTANCE_LABEL,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ObjectKey,
    key_of,
    owned_by,
)

Json = dict[str, Any]
REVISION_KIND = "ControllerRevision"
# Another value is another try of the same spec: for failures whose cause was not in the resource.
RETRY_ANNOTATION = f"{GROUP}/retry"


@dataclass(frozen=True)
class State:
    """A state that became ready. `number` counts up; the highest is the last one."""

    revision: str
    number: int
    generation: int
    api_version: str
    spec: Mapping[str, Any]
    image: str
    key: ObjectKey


@dataclass(frozen=True)
class Rollout:
    """What planning has to know. `asked`: the resource wants to go back; `back`: it has gone back to `good`.

    `revision` names the state that the resource itself asks for.
    """

    asked: bool = False
    back: bool = False
    revision: str = ""
    image: str = ""
    good: State | None = None


def rollout_of(raw: Mapping[str, Any], image: str, children: Iterable[Mapping[str, Any]]) -> Rollout:
    """Say where the resource stands; `image` is the router's default one, `children` what there is of its objects."""
    if not _asked(raw):
        return Rollout()
    revision, good = _revision(raw, image), _last_good(raw, children)
    failed = ((raw.get("status") or {}).get("rollout") or {}).get("failedRevision")
    back = failed == revision and good is not None and good.revision != revision
    return Rollout(True, back, revision, image, good)


def in_force(raw: Mapping[str, Any], rollout: Rollout) -> tuple[Mapping[str, Any], str]:
    """Return the resource and the default image that objects are made from.

    A step back is the router's: what a managed Milvus and backups are does not go back with it, since data cannot.
    """
    if not rollout.back or rollout.good is None:
        return raw, rollout.image
    now, spec = raw["spec"], dict(rollout.good.spec)
    for section in ("suspend", "backup", "migration"):
        spec.pop(section, None)
        if section in now:
            spec[section] = now[section]
    managed = (now.get("milvus") or {}).get("managed")
    if managed is not None and "managed" in (spec.get("milvus") or {}):
        spec["milvus"] = {**spec["milvus"], "managed": managed}
    return {**raw, "spec": spec}, rollout.good.image


def record(raw: Mapping[str, Any], rollout: Rollout) -> Json | None:
    """Return the ControllerRevision to write now that the resource is ready; None where it stands already."""
    good = rollout.good
    if not rollout.asked or rollout.back or (good is not None and good.revision == rollout.revision):
        return None
    metadata = raw["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": REVISION_KIND,
        "metadata": {
            "name": f"{metadata['name']}-{rollout.revision}",
            "namespace": metadata["namespace"],
            "labels": {INSTANCE_LABEL: metadata["name"], MANAGED_BY_LABEL: MANAGED_BY},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "revision": good.number + 1 if good is not None else 1,
        "data": {
            "apiVersion": raw["apiVersion"],
            "generation": int(metadata.get("generation", 0)),
            "image": rollout.image,
            "spec": raw["spec"],
        },
    }


def failure_of(raw: Mapping[str, Any], rollout: Rollout, reason: str, message: str) -> Json | None:
    """Return status.rollout for a rollout of this very spec that has failed; None where nothing is to go back to."""
    good = rollout.good
    if not rollout.asked or rollout.back or good is None or good.revision == rollout.revision:
        return None
    return {
        "failedRevision": rollout.revision,
        "failedGeneration": int(raw["metadata"].get("generation", 0)),
        "servedGeneration": good.generation,
        "reason": reason,
        "message": message,
    }


def sentence(raw: Mapping[str, Any], rollout: Rollout) -> str:
    """Say what has failed, what serves instead and what to do; empty where nothing has gone back."""
    if not rollout.back:
        return ""
    told, name = raw["status"]["rollout"], raw["metadata"]["name"]
    return (
        f"Generation {told['failedGeneration']} did not become ready: {str(told['message']).rstrip('.')}. The state of "
        f"generation {told['servedGeneration']} is in force instead; correct the spec, or try the same once more: "
        f"kubectl annotate sr {name} {RETRY_ANNOTATION}=$(date +%s) --overwrite."
    )


def _asked(raw: Mapping[str, Any]) -> bool:
    place: Any = raw.get("spec")
    for step in ("router", "rollout", "onFailure"):
        place = place.get(step) if isinstance(place, Mapping) else None
    return bool(place == "RollBack")


def _revision(raw: Mapping[str, Any], image: str) -> str:
    retry = (raw["metadata"].get("annotations") or {}).get(RETRY_ANNOTATION, "")
    text = json.dumps([raw["spec"], image, retry], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _last_good(raw: Mapping[str, Any], children: Iterable[Mapping[str, Any]]) -> State | None:
    found = [
        State(
            revision=child["metadata"]["name"].rpartition("-")[2],
            number=int(child["revision"]),
            generation=int(child["data"].get("generation", 0)),
            spec=child["data"]["spec"],
            api_version=str(child["data"].get("apiVersion", API_VERSION)),
            image=str(child["data"].get("image", "")),
            key=key_of(child),
        )
        for child in children
        if child["kind"] == REVISION_KIND and owned_by(child, raw["metadata"]["uid"])
    ]
    last = max(found, key=lambda state: (state.number, state.revision), default=None)
    if last is None:
        return None
    try:
        # An operator of another release has written it, perhaps.
        state = convert({**raw, "apiVersion": last.api_version, "spec": last.spec}, VERSION)
        parse(state)
    except (InvalidResource, UnknownVersionError):
        return None
    return replace(last, api_version=state["apiVersion"], spec=state["spec"])
