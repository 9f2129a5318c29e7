"""What follows from what the probes have found: is the cache open, is Milvus well, which configuration runs."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.probed import MilvusState, PodState, Probed
from semantic_router_operator.render.milvus_address import MilvusAddress

Json = dict[str, Any]
NOT_ASKED = "NotAsked"
CONFIG_PENDING = "ConfigPending"
CONFIG_REFUSED = "ConfigRefused"
STORE_UNAVAILABLE = "StoreUnavailable"
_PODS_NOT_REACHED = "PodsNotReached"
_NOT_REACHED_BY_OPERATOR = "NotReachedByOperator"
_JUDGED_UNKNOWN = frozenset({_PODS_NOT_REACHED, _NOT_REACHED_BY_OPERATOR})
_CACHE_OFF = "off"
# What the operator's own place in the network may be the cause of.
_NOT_REACHED = frozenset({"AddressUnknown", "Unreachable", "NoAnswer"})
_ADVICE = {
    "AddressUnknown": "Correct spec.milvus.external.address.",
    "Unreachable": "See whether it runs there and whether a NetworkPolicy lets the router and the operator in.",
    "TLSRequired": "Set spec.milvus.external.tls.",
    "TLSNotSpoken": "Remove spec.milvus.external.tls, or switch TLS on in Milvus.",
    "CertificateRefused": "See {tls} and spec.milvus.external.tls.",
    "CertificateUnusable": "Correct {tls}.",
    "CredentialsMissing": "Set spec.milvus.external.credentialsSecretRef.",
    "CredentialsRefused": "Correct username and password in {credentials}.",
    "RightMissing": "Grant it in Milvus.",
    "DatabaseMissing": "Create it, or correct spec.milvus.external.database.",
    "NoAnswer": "See whether Milvus is healthy.",
    "Failing": "See Milvus' own logs.",
}
_MANAGED_ADVICE = {
    **dict.fromkeys(_ADVICE, "See the Milvus resource, its pods and their logs."),
    "RightMissing": _ADVICE["RightMissing"],
    "CertificateUnusable": _ADVICE["CertificateUnusable"],
    "CredentialsRefused": _ADVICE["CredentialsRefused"],
}


def ready_pods(pods: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Name and address of each router's pod that is ready, by name."""
    found = []
    for pod in pods:
        metadata, status = pod["metadata"], pod.get("status") or {}
        is_router = (metadata.get("labels") or {}).get("app.kubernetes.io/component") == "router"
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
        if is_router and ready and status.get("podIP") and not metadata.get("deletionTimestamp"):
            found.append((str(metadata["name"]), str(status["podIP"])))
    return tuple(sorted(found))


@dataclass(frozen=True)
class Findings:
    """The conditions that probes decide, and what of them reaches others.

    `degraded` is what Degraded says because of them, `hindrance` why the resource is not ready though its pods are.
    `serving`: the router answers all the same. `status` are the fields of the status about what runs.
    """

    conditions: tuple[Condition, ...]
    degraded: Condition | None
    serving: bool
    hindrance: Condition | None
    status: Mapping[str, str]


def findings(
    resource: Mapping[str, Any],
    router: Condition,
    epoch: str,
    milvus: MilvusAddress | None,
    probed: Probed,
    managed: Condition | None = None,
    outdated: Set[str] = frozenset(),
) -> Findings:
    """`router` is the condition RouterAvailable, `epoch` the name of the configuration that the pods should run,
    `managed` what Kubernetes shows of a Milvus that milvus-operator runs, `outdated` are the names of the pods that a
    rollout replaces."""
    cache = cache_ready(resource, router, probed)
    conditions = [cache]
    if managed is not None and (managed.status != "True" or milvus is None):
        conditions.append(managed)
    elif milvus is not None:
        conditions.append(milvus_ready(resource, milvus, probed))
    now = running(epoch, probed.pods, outdated) if epoch else Running()
    degraded = hindrance = None
    if now.refused:
        degraded = Condition("Degraded", "True", CONFIG_REFUSED, now.refused)
    else:
        # Milvus' own reason says more than what the pods see of it.
        failing = next((each for each in reversed(conditions) if each.status == "False"), None)
        degraded = Condition("Degraded", "True", failing.reason, failing.message) if failing is not None else None
    if cache.reason == NOT_ASKED:
        hindrance = Condition("Ready", "Unknown", NOT_ASKED, cache.message)
    elif now.pending:
        hindrance = Condition("Ready", "False", CONFIG_PENDING, now.pending)
    told = {"configEpoch": now.epoch, "backend": now.backend}
    status = {key: value for key, value in told.items() if value}
    return Findings(tuple(conditions), degraded, not now.refused, hindrance, status)


def cache_ready(resource: Mapping[str, Any], router: Condition, probed: Probed) -> Condition:
    """What the ready pods say about their cache. Before they have been asked, what was known stays."""
    if router.status != "True":
        return Condition("CacheReady", "Unknown", router.reason, "No ready pod tells about its cache yet.")
    if probed.pods is None:
        return _before(resource, "CacheReady") or Condition(
            "CacheReady", "Unknown", NOT_ASKED, "The pods have not been asked about their cache yet."
        )
    if not probed.pods:
        return Condition("CacheReady", "Unknown", "NoReadyPod", "No ready pod tells about its cache yet.")
    silent = [pod for pod in probed.pods if not pod.answered]
    if silent:
        text = (
            f"Pod/{silent[0].name} could not be asked: {silent[0].problem}. A NetworkPolicy may keep the operator out."
        )
        return Condition("CacheReady", "Unknown", _PODS_NOT_REACHED, text)
    down = [pod for pod in probed.pods if pod.store_down]
    if down:
        text = f"{_pods(down, probed.pods)} without Milvus: {down[0].problem.rstrip('.')}."
        text += " Requests are answered, from memory and by the models; Milvus is tried again by itself."
        return Condition("CacheReady", "False", STORE_UNAVAILABLE, text)
    backends = sorted({pod.backend or _CACHE_OFF for pod in probed.pods})
    if backends == [_CACHE_OFF]:
        return Condition("CacheReady", "True", "Off", "The cache is switched off (spec.cache.enabled).")
    return Condition("CacheReady", "True", "Serving", f"The {' and '.join(backends)} cache is open in every ready pod.")


def milvus_ready(resource: Mapping[str, Any], address: MilvusAddress, probed: Probed) -> Condition:
    """What the probe of Milvus has found. Before it has been asked, what was known stays."""
    found = probed.milvus
    if found is None:
        return _before(resource, "MilvusReady") or Condition(
            "MilvusReady", "Unknown", NOT_ASKED, f"Milvus at {address.host}:{address.port} has not been asked yet."
        )
    if not found.reason:
        text = f"Milvus {found.version.removeprefix('v')} at {address.host}:{address.port} lets the router in."
        return Condition("MilvusReady", "True", "Connected", f"{text} {_collection(address, found)}")
    if found.reason in _NOT_REACHED and _pods_reach_it(probed.pods):
        text = f"The router's pods reach Milvus, and the operator does not: {found.message}"
        return Condition("MilvusReady", "Unknown", _NOT_REACHED_BY_OPERATOR, text)
    advice = (_MANAGED_ADVICE if address.managed else _ADVICE)[found.reason].format(
        tls=f"Secret/{address.tls_secret}", credentials=f"Secret/{address.credentials_secret}"
    )
    return Condition("MilvusReady", "False", found.reason, f"{found.message} {advice}")


@dataclass(frozen=True)
class Running:
    """Which configuration the pods run. `epoch` and `backend` are empty where pods differ, or none has answered.

    `refused` is a sentence where a pod refuses the configuration, `pending` one where a pod has not got it yet.
    """

    epoch: str = ""
    backend: str = ""
    refused: str = ""
    pending: str = ""


def running(wanted: str, pods: Sequence[PodState] | None, outdated: Set[str] = frozenset()) -> Running:
    """What is in force; `wanted` is the epoch that the resource asks for.

    What an `outdated` pod refuses is meant for those that replace it; until they do, this is pending.
    """
    told = [pod for pod in pods or () if pod.answered]
    refusing = [pod for pod in told if pod.reload_problem and pod.name not in outdated]
    behind = [pod for pod in told if pod.epoch != wanted or pod.restart_needed]
    epochs = {pod.epoch for pod in told if not pod.restart_needed}
    backends = {pod.backend or _CACHE_OFF for pod in told}
    everybody = bool(told) and len(told) == len(pods or ())
    refused = pending = ""
    if refusing:
        said = refusing[0].reload_problem.rstrip(".")
        refused = f"{_pods(refusing, told)} with the configuration before this one, and refuse this one: {said}."
    elif behind:
        pending = f"{len(told) - len(behind)} of {len(told)} pods run this configuration."
        if all(pod.name in outdated for pod in behind):
            pending += f" Pod/{behind[0].name} is of an earlier template; the rollout replaces it."
        elif behind[0].restart_needed:
            pending += f" Pod/{behind[0].name} needs a restart for {', '.join(behind[0].restart_needed)}."
        else:
            pending += " The kubelet brings a changed ConfigMap into a pod within about a minute."
    return Running(
        epoch=epochs.pop() if everybody and len(epochs) == 1 and not any(p.restart_needed for p in told) else "",
        backend=backends.pop() if everybody and len(backends) == 1 else "",
        refused=refused,
        pending=pending,
    )


def _before(resource: Mapping[str, Any], kind: str) -> Condition | None:
    """What an earlier probe has found, where it speaks about this very generation: we have begun anew."""
    for each in (resource.get("status") or {}).get("conditions") or ():
        current = each["type"] == kind and each.get("observedGeneration") == resource["metadata"].get("generation")
        if current and (each["status"] != "Unknown" or each["reason"] in _JUDGED_UNKNOWN):
            return Condition(kind, each["status"], each["reason"], each["message"])
    return None


def _pods_reach_it(pods: Sequence[PodState] | None) -> bool:
    used = [pod for pod in pods or () if pod.backend in ("milvus", "hybrid")]
    return bool(used) and all(pod.answered and not pod.store_down for pod in used)


def _collection(address: MilvusAddress, found: MilvusState) -> str:
    if found.collection is None:
        return f"The collection {address.collection} is not there yet."
    seen = found.collection
    index = f" ({seen.index_type})" if seen.index_type else ", without an index" if seen.index_type == "" else ""
    return f"The collection {address.collection} is there{index}{', not loaded' if seen.loaded is False else ''}."


def _pods(some: Sequence[PodState], everyone: Sequence[PodState]) -> str:
    return f"{len(some)} of {len(everyone)} pods (Pod/{some[0].name} the first) go on"
