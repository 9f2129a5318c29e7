"""The answer to an AdmissionReview: what the model says of the resource, at once and in its own words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from semantic_router_operator.api.validate import InvalidResource, parse_backup, parse_restore
from semantic_router_operator.handlers.desired import desired_of
from semantic_router_operator.render.facts import OPTIONAL_KINDS, ClusterFacts

Json = dict[str, Any]
_ALL_KINDS = ClusterFacts(kinds=OPTIONAL_KINDS)
_PARSED: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "SemanticCacheBackup": parse_backup,
    "SemanticCacheRestore": parse_restore,
}


def review(body: Mapping[str, Any]) -> Json:
    """Return the AdmissionReview (admission.k8s.io/v1) that answers `body`. Raises ValueError for what is none."""
    request = body.get("request")
    if not isinstance(request, Mapping) or not isinstance(request.get("uid"), str):
        raise ValueError("not an AdmissionReview: request.uid is missing")
    answer: Json = {"uid": request["uid"], "allowed": True}
    raw, before = request.get("object"), request.get("oldObject")
    if request.get("operation") in ("CREATE", "UPDATE") and isinstance(raw, Mapping) and _to_be_judged(raw, before):
        problems = _problems(_named(raw, request))
        if problems:
            message = "; ".join(problems)
            answer |= {"allowed": False, "status": {"code": 422, "reason": "Invalid", "message": message}}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}


def _problems(raw: Json) -> Sequence[str]:
    if raw.get("kind") in _PARSED:
        try:
            _PARSED[raw["kind"]](raw)
        except InvalidResource as error:
            return [str(each) for each in error.problems]
        return ()
    return desired_of(raw, _ALL_KINDS, ()).problems


def _to_be_judged(raw: Mapping[str, Any], before: object) -> bool:
    """Whether the spec is new: one that an older release let in must not keep labels, finalizers and deletion out."""
    unchanged = isinstance(before, Mapping) and before.get("spec") == raw.get("spec")
    return not unchanged and not (raw.get("metadata") or {}).get("deletionTimestamp")


def _named(raw: Mapping[str, Any], request: Mapping[str, Any]) -> Json:
    """The object with the name that it will have: with generateName it has none yet."""
    metadata = raw.get("metadata") or {}
    name = metadata.get("name") or f"{metadata.get('generateName') or 'x'}00000"
    return {**raw, "metadata": {**metadata, "name": name, "namespace": request.get("namespace") or "default"}}
