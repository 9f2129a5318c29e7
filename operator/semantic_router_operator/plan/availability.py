"""What the Deployment says about the router, as a condition of the resource."""

from collections.abc import Mapping
from typing import Any

from semantic_router_operator.api.semantic_router import HIBERNATE_ANNOTATION
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import ObjectKey, owned_by

# Old pods serve while new ones come: available, and yet not what the resource asks for.
ROLLING_OUT = "RollingOut"
PROGRESSING = "Progressing"
ROLLOUT_FAILED = "RolloutFailed"
AVAILABLE = "Available"


def availability(resource: Mapping[str, Any], observed: Mapping[ObjectKey, Mapping[str, Any]]) -> Condition:
    """RouterAvailable."""
    uid = resource["metadata"]["uid"]
    deployments = [o for o in observed.values() if o["kind"] == "Deployment" and owned_by(o, uid)]
    hibernating = (resource["metadata"].get("annotations") or {}).get(HIBERNATE_ANNOTATION) == "on"
    return _router(deployments[0] if deployments else None, hibernating=hibernating)


def _router(deployment: Mapping[str, Any] | None, *, hibernating: bool) -> Condition:
    if deployment is None:
        return Condition("RouterAvailable", "False", "Creating", "The router's Deployment is not there yet.")
    name = deployment["metadata"]["name"]
    status = deployment.get("status") or {}
    if int(status.get("observedGeneration", 0)) < int(deployment["metadata"].get("generation", 0)):
        return Condition("RouterAvailable", "Unknown", PROGRESSING, f"Deployment/{name} has not been looked at yet.")
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    wanted, ready = int(deployment["spec"].get("replicas", 1)), int(status.get("readyReplicas", 0))
    updated = int(status.get("updatedReplicas", 0))
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Condition(
            "RouterAvailable", "False", ROLLOUT_FAILED,
            f"Deployment/{name} makes no progress ({ready} of {wanted} pods ready); see kubectl describe pod.",
        )  # fmt: skip
    if conditions.get("ReplicaFailure", {}).get("status") == "True":
        message = str(conditions["ReplicaFailure"].get("message", ""))
        return Condition("RouterAvailable", "False", "PodsRefused", f"Deployment/{name} can make no pods: {message}")
    if wanted == 0 and hibernating:
        text = f"It has no pods until the annotation {HIBERNATE_ANNOTATION} is removed: kubectl semantic-router resume."
        return Condition("RouterAvailable", "False", "Hibernating", text)
    if wanted == 0:
        return Condition("RouterAvailable", "False", "ScaledToZero", "Set spec.router.replicas above 0 to serve.")
    if ready and (updated < wanted or int(status.get("replicas", 0)) > wanted):
        text = f"{updated} of {wanted} pods run the new revision, {ready} pods serve."
        return Condition("RouterAvailable", "True", ROLLING_OUT, text)
    if updated < wanted:
        return Condition("RouterAvailable", "Unknown", PROGRESSING, f"{updated} of {wanted} pods are updated.")
    if ready < wanted:
        return Condition("RouterAvailable", "False", "PodsNotReady", f"{ready} of {wanted} pods are ready.")
    return Condition("RouterAvailable", "True", AVAILABLE, f"{ready} of {wanted} pods are ready.")
