"""`status.restore` of a SemanticRouter and `status` of a SemanticCacheRestore: how a restore is remembered and told."""

from collections.abc import Mapping
from typing import Any, Literal

from semantic_router_operator.api.semantic_cache_restore import RestoreSpec
from semantic_router_operator.plan.conditions import Condition, merged
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import Passed
from semantic_router_operator.workflows.migration_status import time_of, time_text
from semantic_router_operator.workflows.migration_verdicts import Traffic
from semantic_router_operator.workflows.restore import Restore
from semantic_router_operator.workflows.restore_steps import steps_of
from semantic_router_operator.workflows.restore_verdicts import Saved

Json = dict[str, Any]
_DOING = {
    steps.CHECKING: "The backup is looked for and checked.",
    steps.SETTING_ASIDE: "The router is set aside.",
    steps.LOADING: "The entries are brought into a new collection.",
    steps.COMPARING: "Numbers are compared.",
    steps.SWITCHING: "The alias is moved to the new collection.",
    steps.RETURNING: "The router comes back, on the restored collection.",
    steps.VALIDATING: "The router is watched on the restored collection.",
    steps.LEAVING: "Going back: the router is set aside again.",
    steps.SWITCHING_BACK: "Going back: the alias is moved to the collection from before.",
    steps.DROPPING: "Going back: the new collection is dropped.",
    steps.ROLLING_BACK: "Going back: the router comes back as before.",
    steps.GIVING_UP: "The router comes back, although the alias could not be moved back.",
}


def load(status: Mapping[str, Any]) -> Restore | None:
    """Return what a SemanticRouter's status remembers; a part that cannot be read counts as not there."""
    try:
        return _restore(status["restore"])
    except (KeyError, TypeError, ValueError):
        return None


def restoring(status: Mapping[str, Any]) -> bool:
    """Whether a SemanticRouter's status tells of a restore that is under way."""
    restore = load(status)
    return restore is not None and restore.running


def dump(restore: Restore | None) -> Json:
    """Return the part of a SemanticRouter's status; None for one that is to go."""
    return {"restore": None if restore is None else _dumped(restore)}


def condition(restore: Restore | None, waiting: str = "") -> Condition | None:
    """Return the SemanticRouter's condition Restoring; None where there never was a restore. `waiting` is what has to
    wait for its end."""
    if restore is None:
        return None
    told = sentence(restore) + (f" {waiting}" if waiting and restore.running else "")
    state: Literal["True", "False"] = "True" if restore.running else "False"
    return Condition("Restoring", state, restore.progress.step or restore.progress.outcome, told)


def hindrance(restore: Restore | None, waiting: str = "") -> Condition | None:
    """Return why the router does not serve from its cache, as the reason of Ready; None where it does."""
    told = condition(restore, waiting)
    if restore is None or told is None:
        return None
    if restore.running and restore.progress.step != steps.CHECKING:
        return Condition("Ready", "False", "Restoring", told.message)
    return None


def sentence(restore: Restore) -> str:
    """Return what is the case, and what to do."""
    progress = restore.progress
    what = f"SemanticCacheRestore/{restore.name}"
    said = progress.message.rstrip(".")
    if restore.running:
        why = f" Reason: {restore.why.rstrip('.')}." if restore.why and restore.why.rstrip(".") != said else ""
        return f"{what}: {_DOING[progress.step]}{why}{f' {said}.' if said else ''}"
    told = (restore.why or progress.message).rstrip(".")
    of = f"backup {restore.saved.name}" if restore.saved.name else "the backup"
    left = f" Left behind: {restore.note.rstrip('.')}." if restore.note else ""
    ends = {
        steps.COMPLETED: f"{what}: {of} is restored, {_entries(restore)} in {restore.collection}; {told}."
        + (f" The collection from before, {restore.previous}, is kept until you drop it." if restore.previous else ""),
        steps.CHECKED: f"{what}: dry run, nothing was changed. {told}. It would {_plan(restore)}.",
        steps.FAILED: f"{what}: failed before anything was changed: {told}.",
        steps.CANCELLED: f"{what}: given up before anything was changed: {told}.",
        steps.ROLLED_BACK: f"{what}: went back, and everything is as before: {told}.",
        steps.ROLLBACK_FAILED: f"{what}: failed ({told}), and the alias could not be moved back ({said}). Look whether"
        f" {restore.collection} is behind it, and move it with: semantic-router cache switch --to"
        f" {restore.previous or '(none)'}.",
    }
    return ends.get(progress.outcome, f"{what}: {told}.") + left


def mirrored(restore: Restore, before: Mapping[str, Any], generation: int, now: str) -> Json:
    """Return the status of the SemanticCacheRestore. `before` is the present one."""
    progress = restore.progress
    phase = "Running" if restore.running else ("Succeeded" if progress.outcome in steps.GOOD else "Failed")
    state: Literal["True", "False", "Unknown"] = "Unknown"
    if not restore.running:
        state = "True" if phase == "Succeeded" else "False"
    complete = Condition("Complete", state, progress.step or progress.outcome, sentence(restore))
    told = _dumped(restore)
    kept = ("step", "since", "attempt", "retryAt", "deadline", "startedAt", "outcome", "backupName", "why", "passed")
    result: Json = {key: told[key] for key in kept if key in told}
    if restore.saved.name and not restore.spec.dry_run:
        result["collection"] = restore.collection
    if restore.previous:
        result["previousCollection"] = restore.previous
    rows = restore.restored if restore.restored is not None else restore.saved.rows
    return {
        **result,
        **({"rows": rows} if rows is not None else {}),
        **({"completedAt": time_text(progress.since)} if not restore.running else {}),
        "phase": phase,
        "message": sentence(restore),
        "conditions": merged(before.get("conditions", ()), [complete], generation, now),
    }


def unbegun(
    phase: Literal["Pending", "Failed"], reason: str, message: str, before: Mapping[str, Any], generation: int, now: str
) -> Json:
    """Return the status of a SemanticCacheRestore that waits, or that was refused."""
    state: Literal["False", "Unknown"] = "Unknown" if phase == "Pending" else "False"
    complete = Condition("Complete", state, reason, message)
    conditions = merged(before.get("conditions", ()), [complete], generation, now)
    ended: Json = {"completedAt": before.get("completedAt", now)} if phase == "Failed" else {}
    return {**ended, "phase": phase, "message": message, "conditions": conditions}


def _entries(restore: Restore) -> str:
    out = f" ({restore.left_out} had expired or did not fit)" if restore.left_out else ""
    return f"{restore.restored} entries{out}"


def _plan(restore: Restore) -> str:
    aside = "answer from a cache in memory" if restore.spec.serving == "memory" else "have no pods"
    return (
        f"bring the entries into the new collection {restore.collection} while the router would {aside}, compare their"
        f" number, move the alias, and watch the router for {restore.spec.validation.window_seconds} s"
    )


def _dumped(restore: Restore) -> Json:
    progress = restore.progress
    planned = steps_of(restore.spec).get(progress.step)
    result: Json = {
        "id": restore.id,
        "uid": restore.uid,
        "name": restore.name,
        "asked": restore.spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True),
        "startedAt": time_text(restore.started),
        "step": progress.step,
        "since": time_text(progress.since),
        "attempt": progress.attempt,
        "next": planned.then if planned is not None else None,
        "retryAt": time_text(progress.retry_at),
        "deadline": time_text(progress.deadline),
        "outcome": progress.outcome,
        "message": progress.message,
        "why": restore.why,
        "note": restore.note,
        "backupName": restore.saved.name,
        "engine": restore.saved.engine,
        "savedRows": restore.saved.rows,
        "savedBytes": restore.saved.bytes,
        "collection": restore.collection,
        "previousCollection": restore.previous,
        "rows": restore.restored,
        "leftOut": restore.left_out,
        "requestsBefore": restore.baseline.requests,
        "failuresBefore": restore.baseline.failures,
        "passed": [
            {"step": each.step, "since": time_text(each.since), "message": each.message} for each in restore.passed
        ],
    }
    return {key: value for key, value in result.items() if value not in (None, "")}


def _restore(data: Mapping[str, Any]) -> Restore:
    progress = Progress(
        str(data.get("step", "")),
        time_of(data["since"]),
        int(data.get("attempt", 1)),
        time_of(data["retryAt"]) if "retryAt" in data else None,
        time_of(data["deadline"]) if "deadline" in data else None,
        str(data.get("outcome", "")),
        str(data.get("message", "")),
    )
    spec = RestoreSpec.model_validate(data["asked"])
    if bool(progress.step) is bool(progress.outcome) or (progress.step and progress.step not in steps_of(spec)):
        raise ValueError("neither under way nor ended")
    return Restore(
        str(data["id"]),
        str(data["uid"]),
        str(data["name"]),
        spec,
        time_of(data["startedAt"]),
        progress,
        str(data["collection"]),
        Saved(
            str(data.get("backupName", "")),
            str(data.get("engine", "")),
            _number(data, "savedRows"),
            _number(data, "savedBytes"),
        ),
        str(data.get("previousCollection", "")),
        _number(data, "rows"),
        int(data.get("leftOut", 0)),
        Traffic(int(data.get("requestsBefore", 0)), int(data.get("failuresBefore", 0))),
        tuple(
            Passed(str(each["step"]), time_of(each["since"]), str(each.get("message", "")))
            for each in data.get("passed", ())
        ),
        str(data.get("why", "")),
        str(data.get("note", "")),
    )


def _number(data: Mapping[str, Any], key: str) -> int | None:
    return int(data[key]) if key in data else None
