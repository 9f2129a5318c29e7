"""Is the Milvus that milvus-operator runs for us ready? The condition MilvusReady, from what Kubernetes shows of it.

Observed with milvus-operator 1.3.8: `status.status` stays Healthy while the object store is down, and freezes while the
resource is paused or Helm fails; scaling that waits for a dependency is reported as done. So the conditions, the
generation that they speak of and the Deployments themselves are looked at, never that one word.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from semantic_router_operator.plan.conditions import Condition

Json = Mapping[str, Any]

PAUSE_ANNOTATION = "milvus.io/pause-reconcile"
COMPONENT_LABEL = "app.kubernetes.io/component"
# Reasons that belong to making and changing a Milvus; they are no cause for alarm.
EXPECTED = frozenset({"Creating", "Provisioning", "Upgrading", "Scaling", "SnapshotsNotReady"})
# So do these, as long as no router depends on it: milvus-operator makes one thing after another and calls the rest so.
MAKING = frozenset(
    {"StatusBehind", "EtcdNotReady", "StorageNotReady", "MsgStreamNotReady", "MilvusNotReady", "MilvusUpdating"}
)
# In the order in which one waits for the other.
_CONDITIONS = ("EtcdReady", "StorageReady", "MsgStreamReady", "MilvusReady", "MilvusUpdated")
_IN_WORDS = {
    "EtcdReady": "its etcd",
    "StorageReady": "its object store",
    "MsgStreamReady": "its message stream",
    "MilvusReady": "Milvus' own pods",
    "MilvusUpdated": "the update of Milvus' pods",
}
# The component of the spec that a Deployment's component label stands for; query nodes have two Deployments by turns.
_FIELDS = {
    "standalone": "standalone",
    "proxy": "proxy",
    "mixcoord": "mixCoord",
    "querynode": "queryNode",
    "datanode": "dataNode",
    "indexnode": "indexNode",
    "streamingnode": "streamingNode",
}


@dataclass(frozen=True)
class Managed:
    """What a pass has to do with managed Milvus resources: one as a rule, two while entries go from one to the other.

    `refused` are sentences about changes that it cannot follow, `claims` those of its volumes that are to grow,
    `warnings` what is told once when one is made, by its name, `outlives` what stays when the resource goes. `kept` are
    the names of those that must not go. `conditions` is MilvusReady of each as far as Kubernetes shows it, `used` the
    name of the one that the condition tells of.
    """

    refused: Sequence[str] = ()
    claims: Sequence[Mapping[str, Any]] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)
    outlives: Sequence[str] = ()
    kept: Set[str] = frozenset()
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    used: str = ""

    @property
    def condition(self) -> Condition | None:
        return self.conditions.get(self.used)


def managed_milvus(milvus: Json | None, desired: Json | None, deployments: Iterable[Json]) -> Condition:
    """Return MilvusReady as far as Kubernetes can tell. `desired` is what we send, `milvus` what is there.

    `deployments` are those of milvus-operator for this Milvus. True means that its pods run as asked for; whether it
    answers is another question, for a probe.
    """
    if milvus is None or desired is None:
        return _not("Creating", "Its resource is not there yet.")
    name, status = f"Milvus/{milvus['metadata']['name']}", milvus.get("status") or {}
    if milvus["metadata"].get("deletionTimestamp"):
        return _not("Deleting", f"{name} is being deleted; it is made anew after that.")
    behind = _behind(name, milvus, status)
    if behind is not None:
        return behind
    told = {str(each.get("type")): each for each in status.get("conditions") or ()}
    for kind in _CONDITIONS:
        if kind not in told:
            return _not("Provisioning", f"{name} waits for {_IN_WORDS[kind]}.")
        if told[kind].get("status") != "True":
            said = " ".join(str(told[kind].get("message") or told[kind].get("reason") or "").split())[:300]
            reason = kind.replace("Ready", "NotReady").replace("Updated", "Updating")
            return _not(reason, f"{name} waits for {_IN_WORDS[kind]}{f': {said}' if said else ''}.")
    return _pods(name, desired, [*deployments]) or Condition(
        "MilvusReady", "True", "PodsReady", f"The pods of {name} run as asked for."
    )


def _behind(name: str, milvus: Json, status: Json) -> Condition | None:
    metadata = milvus["metadata"]
    if int(status.get("observedGeneration") or 0) >= int(metadata.get("generation") or 0):
        return None
    if (metadata.get("annotations") or {}).get(PAUSE_ANNOTATION) == "true":
        return _not("Paused", f"{name} is paused; remove its annotation {PAUSE_ANNOTATION}.")
    if not status:
        return _not(
            "NotLookedAt",
            f"milvus-operator has not looked at {name} yet. Does it run? kubectl get pods -A -l "
            "app.kubernetes.io/name=milvus-operator",
        )
    return _not(
        "StatusBehind",
        f"milvus-operator has not carried out the latest change of {name}; its log says why (kubectl logs -n "
        "milvus-operator deployment/milvus-operator).",
    )


def _pods(name: str, desired: Json, deployments: list[Json]) -> Condition | None:
    """What the Deployments lack; None for nothing."""
    components = desired["spec"]["components"]
    running = [each for each in deployments if int(each["spec"].get("replicas") or 0) > 0]
    if not running:
        return _not("Provisioning", f"{name} has no pods yet.")
    counts: dict[str, int] = {}
    for each in sorted(running, key=lambda each: str(each["metadata"]["name"])):
        said = f"Deployment/{each['metadata']['name']}"
        field = _FIELDS.get(str((each["metadata"].get("labels") or {}).get(COMPONENT_LABEL)), "")
        counts[field] = counts.get(field, 0) + int(each["spec"]["replicas"])
        # By tag: admission may have another registry put in front.
        tags = {_tag(container.get("image", "")) for container in each["spec"]["template"]["spec"]["containers"]}
        if _tag(components["image"]) not in tags:
            return _not("Upgrading", f"{said} does not run {components['image']} yet.")
        status = each.get("status") or {}
        if int(status.get("observedGeneration") or 0) < int(each["metadata"].get("generation") or 0):
            return _not("Provisioning", f"{said} has not been looked at yet.")
        ready, wanted = int(status.get("readyReplicas") or 0), int(each["spec"]["replicas"])
        if ready < wanted:
            return _not("PodsNotReady", f"{said}: {ready} of {wanted} pods are ready.")
    for field, found in sorted(counts.items()):
        asked = (components.get(field) or {}).get("replicas", -1)
        if asked > 0 and found != asked:
            return _not("Scaling", f"{name} has {found} pods of {field}, {asked} are asked for.")
    return None


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[2]


def _not(reason: str, message: str) -> Condition:
    return Condition("MilvusReady", "False", reason, message)
