"""Desired + observed -> what to write. Pure: no clock, no network; the same input gives the same plan."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from semantic_router_operator.api.semantic_cache_backup import KIND as BACKUP_KIND
from semantic_router_operator.plan.availability import ROLLING_OUT, ROLLOUT_FAILED, availability
from semantic_router_operator.plan.conditions import Condition, merged
from semantic_router_operator.plan.diagnosis import with_diagnosis
from semantic_router_operator.plan.difference import differences, managers_of
from semantic_router_operator.plan.drift import field_of
from semantic_router_operator.plan.events import Event, diagnosed, transitions
from semantic_router_operator.plan.findings import Findings, findings
from semantic_router_operator.plan.handover import handover
from semantic_router_operator.plan.key import ObjectKey, key_of, owned_by
from semantic_router_operator.plan.managed import Managed
from semantic_router_operator.plan.ownership import is_retained, may_take, refusal
from semantic_router_operator.plan.pods import Trouble, outdated, trouble
from semantic_router_operator.plan.probed import Probed
from semantic_router_operator.plan.rollback import Rollout, failure_of, record, sentence
from semantic_router_operator.plan.secrets import reason_of
from semantic_router_operator.plan.seen import with_seen
from semantic_router_operator.render import job_names
from semantic_router_operator.render.milvus import KIND as MILVUS_KIND
from semantic_router_operator.render.milvus_address import MilvusAddress

Json = dict[str, Any]
# The router serves all the same: degraded, and yet ready.
_KIND_MISSING = "KindMissing"
_TOLD_ANEW = frozenset({"conditions", "observedGeneration", "rollout", "retained", "backup"})
# What a Job does cannot be changed, and need not be: another attempt is another Job.
_JOB = "Job"


@dataclass(frozen=True)
class Desired:
    """What the resource asks for: rendered objects, and what of status follows from the resource alone.

    `skipped` are sentences about parts that wait for a kind which the cluster does not serve. `epoch` is the name of
    the configuration that pods should run, `milvus` the one that they should use and that can be asked. `conditions`
    are further ones, `hindrance` says why pods do not run what the resource asks for. `managed` is about a Milvus that
    milvus-operator runs for the resource, None where there is none.
    """

    objects: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[str] = ()
    suspended: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    secret_problems: Sequence[str] = ()
    skipped: Sequence[str] = ()
    epoch: str = ""
    milvus: MilvusAddress | None = None
    conditions: Sequence[Condition] = ()
    hindrance: Condition | None = None
    managed: Managed | None = None


@dataclass(frozen=True)
class Delete:
    key: ObjectKey
    uid: str


@dataclass(frozen=True)
class Plan:
    """Writes in order: handovers, applies, deletes, status (None: nothing to write), Events.

    `handovers` are fields that we give up and that must keep their value (see `plan.handover`). `reverts` tell what
    somebody else had changed, `events` what has turned in the status.
    """

    handovers: tuple[Json, ...] = ()
    applies: tuple[Json, ...] = ()
    deletes: tuple[Delete, ...] = ()
    status: Json | None = None
    reverts: tuple[Event, ...] = ()
    events: tuple[Event, ...] = ()


def plan(
    resource: Mapping[str, Any],
    desired: Desired,
    observed: Mapping[ObjectKey, Mapping[str, Any]],
    now: str,
    pods: Iterable[Mapping[str, Any]] = (),
    *,
    failed: Mapping[ObjectKey, str] = MappingProxyType({}),
    settled: Set[ObjectKey] = frozenset(),
    probed: Probed = Probed(pods=()),  # noqa: B008 - immutable
    rollout: Rollout = Rollout(),  # noqa: B008 - immutable
) -> Plan:
    """Plans one pass for `resource` as the API server holds it.

    `observed` has every object that carries our label for this resource, and every object that has the name of a
    desired one, whoever made it; `pods` are the resource's. `now` is RFC 3339 in seconds. `failed` are the objects that
    the API server has refused to show or to write in this pass, each with a sentence; `settled` the objects that
    admission keeps otherwise than we want them: to apply them again would change nothing. `probed` is what pods and
    Milvus say of themselves. `rollout` says whether an earlier state is in force: `desired` was made from that then.
    """
    stopped = bool(desired.problems) or desired.suspended
    refused: list[str] = []
    handovers: list[Json] = []
    applies: list[Json] = []
    reverts: list[Event] = []
    if not stopped:
        for obj in desired.objects:
            if key_of(obj) in failed:
                continue
            existing = observed.get(key_of(obj))
            if existing is not None and not may_take(resource, existing):
                refused.append(refusal(key_of(obj), existing))
                continue
            if existing is not None and obj["kind"] == _JOB:
                continue
            if desired.secret_problems and _read_by_pods(obj, existing):
                continue
            if existing is None:
                applies.append(dict(obj))
                reverts += _first_words(desired, obj)
                continue
            paths = [] if key_of(obj) in settled else differences(obj, existing)
            if paths:
                applies.append(dict(obj))
                handovers += handover(obj, existing)
                reverts += _reverted(existing, paths)
    deletes = () if stopped else tuple(_unwanted(resource, desired, observed, rollout))
    routers = [pod for pod in pods if not _of_a_job(pod)]
    replaced = outdated(routers, next((obj for obj in desired.objects if obj["kind"] == "Deployment"), None))
    failing = trouble(routers)
    router = availability(resource, observed)
    managed = desired.managed.condition if desired.managed is not None else None
    found = findings(resource, router, desired.epoch, desired.milvus, probed, managed, replaced)
    degraded = _degraded(desired, failing, failed, sentence(resource, rollout), found)
    valid = _config_valid(desired, refused)
    ready = _ready(valid, router, degraded, found, desired.hindrance, suspended=desired.suspended)
    conditions = [ready, valid, router, *found.conditions, *desired.conditions, degraded]
    conditions = with_diagnosis(conditions, probed.diagnosis)
    # What is in force is known from before: the lookups up to a change are counted under that name.
    before = _status(resource, desired, observed, conditions, now)
    status = {**with_seen(before, desired.epoch, probed), **found.status}
    if rollout.back:
        status["rollout"] = resource["status"]["rollout"]
    elif not (stopped or refused or failed or applies or desired.secret_problems or _moving(desired)):
        # What is there is what the resource asks for, so that its success and its failure are the resource's.
        if router.reason == ROLLOUT_FAILED:
            told = failing or Trouble(router.reason, router.message)
            fallen = failure_of(resource, rollout, told.reason, told.message)
            status |= {"rollout": fallen} if fallen is not None else {}
        elif ready.status == "True" and (state := record(resource, rollout)) is not None:
            applies.append(state)
    unchanged = status == dict(resource.get("status") or {})
    return Plan(
        handovers=tuple(handovers),
        applies=tuple(applies),
        deletes=deletes,
        status=None if unchanged else status,
        reverts=tuple(reverts),
        events=(*transitions(resource, status), *diagnosed(resource, status, probed.diagnosis)),
    )


def _reverted(existing: Mapping[str, Any], paths: Sequence[str]) -> list[Event]:
    """An Event where somebody else changed a field that is ours."""
    events = []
    for path in paths:
        managers = managers_of(existing, path)
        if managers:
            key = key_of(existing)
            note = f"{path} of {key} was changed by {', '.join(managers)} and is set back; change {field_of(key, path)}"
            events.append(Event("Warning", "HandEditReverted", "Revert", f"{note} of this SemanticRouter instead."))
    return events


def _first_words(desired: Desired, obj: Mapping[str, Any]) -> list[Event]:
    """What is told when a managed Milvus is made."""
    if obj["kind"] != MILVUS_KIND or desired.managed is None:
        return []
    warning = desired.managed.warnings.get(str(obj["metadata"]["name"]))
    return [Event("Warning", "StorageTight", "Provision", warning)] if warning else []


def _unwanted(
    resource: Mapping[str, Any],
    desired: Desired,
    observed: Mapping[ObjectKey, Mapping[str, Any]],
    rollout: Rollout,
) -> list[Delete]:
    wanted = {key_of(obj) for obj in desired.objects}
    if desired.managed is not None:
        # Left out for a while, perhaps: its kind is not served, or a migration to it has failed. That is no reason to
        # delete data.
        wanted |= {key for key in observed if key.kind == MILVUS_KIND and key.name in desired.managed.kept}
    if rollout.good is not None:
        wanted.add(rollout.good.key)
    return [
        Delete(key, obj["metadata"]["uid"])
        for key, obj in sorted(observed.items())
        if key not in wanted
        and key.kind != BACKUP_KIND  # history
        and owned_by(obj, resource["metadata"]["uid"])
        and not obj["metadata"].get("deletionTimestamp")
    ]


def _config_valid(desired: Desired, refused: Sequence[str]) -> Condition:
    if desired.problems:
        text = "; ".join(desired.problems)
        return Condition("ConfigValid", "False", "Invalid", f"Correct these fields; until then nothing changes: {text}")
    if refused:
        return Condition("ConfigValid", "False", "NameTaken", " ".join(refused))
    return Condition("ConfigValid", "True", "Valid", "The resource is valid.")


def _moving(desired: Desired) -> bool:
    """A migration, and a restore, has a way back of its own."""
    return any(each.type in ("Migrating", "Restoring") and each.status == "True" for each in desired.conditions)


def _read_by_pods(obj: Mapping[str, Any], existing: Mapping[str, Any] | None) -> bool:
    """Whether applying it would take a serving router from its last good state, or make one that cannot start."""
    return obj["kind"] == "Deployment" or (obj["kind"] == "ConfigMap" and existing is not None)


def _of_a_job(pod: Mapping[str, Any]) -> bool:
    return (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == job_names.APP


def _degraded(
    desired: Desired, failing: Trouble | None, failed: Mapping[ObjectKey, str], gone_back: str, found: Findings
) -> Condition:
    if desired.secret_problems:
        text, reason = " ".join(desired.secret_problems), reason_of(desired.secret_problems)
        return Condition("Degraded", "True", reason, f"{text} Until then pods and their files stay as is.")
    if failed:
        return Condition("Degraded", "True", "WriteRefused", " ".join(text for _, text in sorted(failed.items())))
    if desired.managed is not None and desired.managed.refused:
        return Condition("Degraded", "True", "ChangeRefused", " ".join(desired.managed.refused))
    if gone_back:
        now = f" {failing.message}" if failing is not None and failing.message not in gone_back else ""
        return Condition("Degraded", "True", "RolledBack", gone_back + now)
    if failing is not None:
        return Condition("Degraded", "True", failing.reason, failing.message)
    if found.degraded is not None:
        return found.degraded
    if desired.skipped:
        return Condition("Degraded", "True", _KIND_MISSING, "; ".join(desired.skipped) + ".")
    return Condition("Degraded", "False", "AsExpected", "Nothing is degraded.")


def _ready(
    valid: Condition,
    router: Condition,
    degraded: Condition,
    found: Findings,
    hindrance: Condition | None,
    *,
    suspended: bool,
) -> Condition:
    if suspended:
        return Condition(
            "Ready", "False", "Suspended", "Nothing is changed while spec.suspend or the pause annotation is set."
        )
    if valid.status != "True":
        return Condition("Ready", "False", valid.reason, valid.message)
    serving = degraded.reason == _KIND_MISSING or (degraded == found.degraded and found.serving)
    if degraded.status == "True" and not serving:
        return Condition("Ready", "False", degraded.reason, degraded.message)
    if hindrance is not None:
        return hindrance
    if router.status != "True" or router.reason == ROLLING_OUT:
        return Condition("Ready", "False", router.reason, router.message)
    if found.hindrance is not None:
        return found.hindrance
    if degraded == found.degraded:
        return Condition("Ready", "True", degraded.reason, f"The router answers. {degraded.message}")
    return Condition("Ready", "True", "Ready", "The router answers and runs the configuration of this resource.")


def _status(
    resource: Mapping[str, Any],
    desired: Desired,
    observed: Mapping[ObjectKey, Mapping[str, Any]],
    conditions: Sequence[Condition],
    now: str,
) -> Json:
    before = dict(resource.get("status") or {})
    metadata = resource["metadata"]
    generation = int(metadata.get("generation", 0))
    # An invalid resource keeps telling what the last good state serves.
    kept = {key: value for key, value in before.items() if key not in _TOLD_ANEW}
    status = {**kept, **{key: value for key, value in desired.status.items() if value is not None}}
    for obj in observed.values():
        if obj["kind"] == "Deployment" and owned_by(obj, metadata["uid"]):
            status["replicas"] = int(obj.get("status", {}).get("replicas", 0))
            status["readyReplicas"] = int(obj.get("status", {}).get("readyReplicas", 0))
    outlives = desired.managed.outlives if desired.managed is not None else ()
    if retained := sorted([*outlives, *(str(key_of(obj)) for obj in desired.objects if is_retained(obj))]):
        status["retained"] = retained
    status["observedGeneration"] = generation
    status["conditions"] = merged(before.get("conditions", ()), conditions, generation, now)
    return status
