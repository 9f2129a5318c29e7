"""What stands in the status of what probes have seen, for those who cannot ask routers and Milvus themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

from semantic_router_operator.plan.probed import CollectionState, LookupPeriod, MilvusState, PodState, Probed

Json = dict[str, Any]
# Few rows are no reason for anything.
_FEWEST_ROWS = 10_000


def with_seen(status: Json, epoch: str, probed: Probed) -> Json:
    """Return the status with what is known of Milvus, and with the lookups up to a change that is on its way.

    `epoch` names the configuration that pods should run. What stands there already stays while nothing newer is known.
    """
    told = dict(status)
    milvus = _of_milvus(probed.milvus)
    if milvus is not None:
        told["milvus"] = milvus
    elif not _condition(status, "MilvusReady"):
        told.pop("milvus", None)
    in_force, kept = status.get("configEpoch"), status.get("lookups") or {}
    if in_force and epoch and epoch != in_force and kept.get("configEpoch") != in_force:
        # Pods count anew when they start; later nobody knows how it was before.
        before = total(probed.pods or (), in_force)
        if before is not None and before.hits + before.misses:
            told["lookups"] = {
                "configEpoch": before.config_epoch,
                "policyEpoch": before.policy_epoch,
                "hits": before.hits,
                "misses": before.misses,
            }
    return told


def total(pods: Iterable[PodState], epoch: str) -> LookupPeriod | None:
    """Return the lookups of all pods under one configuration; None where none has run it."""
    periods = [each for pod in pods for each in pod.lookups if each.config_epoch == epoch]
    if not periods:
        return None
    hits, misses = sum(each.hits for each in periods), sum(each.misses for each in periods)
    return LookupPeriod(epoch, periods[-1].policy_epoch, min(each.since for each in periods), hits, misses)


def milvus_of(resource: Mapping[str, Any]) -> MilvusState | None:
    """Return what the status tells of Milvus, where it is well; None where nobody knows."""
    status = resource.get("status") or {}
    told = status.get("milvus")
    if told is None or _condition(status, "MilvusReady").get("status") != "True":
        return None
    collection = None
    if "collection" in told:
        fields = (told.get(key) for key in ("rows", "indexType", "metricType", "loaded"))
        collection = CollectionState(told["collection"], *fields)
    return MilvusState(reachable=True, authenticated=True, version=str(told.get("version", "")), collection=collection)


def _of_milvus(found: MilvusState | None) -> Json | None:
    if found is None or found.reason:
        return None
    told: Json = {"version": found.version}
    if (seen := found.collection) is not None:
        told |= {"collection": seen.real_name, "indexType": seen.index_type, "metricType": seen.metric_type}
        told |= {"loaded": seen.loaded, "rows": _about(seen.rows)}
    return {key: value for key, value in told.items() if value is not None}


def _about(count: int | None) -> int | None:
    """Return a large count cut to its first digit: a status is not written anew for each row."""
    if count is None or count < _FEWEST_ROWS:
        return None
    step = int(10 ** (len(str(count)) - 1))
    return count // step * step


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})
