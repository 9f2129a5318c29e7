"""`status.placement` and `status.migration`: how a migration is remembered and told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.machine import Progress
from semantic_router_operator.workflows.migration import RETRY_ANNOTATION, Migration, Passed, State, steps_of
from semantic_router_operator.workflows.migration_verdicts import Traffic
from semantic_router_operator.workflows.placement import Placement

Json = dict[str, Any]

_TRIES_AGAIN = (
    f"It is tried again when spec.cache, spec.milvus, spec.migration, one of the Secrets or the annotation"
    f" {RETRY_ANNOTATION} changes."
)


def load(status: Mapping[str, Any]) -> State:
    """Return what the status remembers; a part that cannot be read counts as not there."""
    placement = Placement.stored(status.get("placement"))
    try:
        return State(placement, _migration(status["migration"]))
    except (KeyError, TypeError, ValueError):
        return State(placement)


def dump(resource: SemanticRouter, state: State) -> Json:
    """Return the two parts of the status; None for one that is to go."""
    placement = state.placement.dumped() if state.placement is not None else None
    return {"placement": placement, "migration": _dumped(resource, state.migration) if state.migration else None}


def condition(resource: SemanticRouter, migration: Migration | None) -> Condition | None:
    """Return the condition Migrating; None where there never was a migration."""
    if migration is None:
        return None
    progress, way = migration.progress, f"From {migration.source} to {migration.target}"
    if migration.running:
        texts = (migration.note, migration.why, progress.message)
        last = "; ".join(dict.fromkeys(text.rstrip(".") for text in texts if text))
        following = steps_of(resource, migration).get(progress.step)
        then = f" Then: {following.then}." if following is not None else ""
        return Condition("Migrating", "True", progress.step, f"{way}{f': {last}' if last else ''}.{then}")
    told = migration.why or progress.message
    said = f": {told.rstrip('.')}" if told else ""
    ends = {
        steps.COMPLETED: f"{way}: done{said}.",
        steps.CANCELLED: f"{way}: given up, since{said.removeprefix(':')}. Nothing was switched.",
        steps.FAILED: f"{way}: failed before anything was switched{said}. {_TRIES_AGAIN}",
        steps.ROLLED_BACK: f"{way}: rolled back{said}. What Milvus holds is kept. {_TRIES_AGAIN}",
        steps.UNVALIDATED: f"{way}: switched, and found wanting{said}. To go back, ask for the former placement.",
    }
    return Condition("Migrating", "False", progress.outcome, ends.get(progress.outcome, f"{way}{said}."))


def trouble(resource: SemanticRouter, state: State) -> Condition | None:
    """Return why the pods do not run what the resource asks for, as the reason of Ready; None where they do."""
    told, migration = condition(resource, state.migration), state.migration
    if told is None or migration is None or state.placement is None:
        return None
    if migration.progress.outcome == steps.UNVALIDATED:
        return told
    if state.wanted(resource).identity == state.placement.identity:
        return None
    reason = "Migrating" if migration.running else f"Migration{told.reason}"
    return Condition("Ready", "False", reason, told.message)


def _dumped(resource: SemanticRouter, migration: Migration) -> Json:
    progress = migration.progress
    planned = steps_of(resource, migration).get(progress.step)
    result: Json = {
        "id": migration.id,
        "cause": migration.cause,
        "from": migration.source.dumped(),
        "to": migration.target.dumped(),
        "startedAt": time_text(migration.started),
        "step": progress.step,
        "since": time_text(progress.since),
        "attempt": progress.attempt,
        "next": planned.then if planned is not None else None,
        "retryAt": time_text(progress.retry_at),
        "deadline": time_text(progress.deadline),
        "outcome": progress.outcome,
        "message": progress.message,
        "note": migration.note,
        "why": migration.why,
        "requestsBefore": migration.baseline.requests,
        "failuresBefore": migration.baseline.failures,
        "passed": [
            {"step": each.step, "since": time_text(each.since), "message": each.message} for each in migration.passed
        ],
    }
    return {key: value for key, value in result.items() if value not in (None, "")}


def _migration(data: Mapping[str, Any]) -> Migration:
    source, target = Placement.stored(data["from"]), Placement.stored(data["to"])
    if source is None or target is None:
        raise ValueError("not a placement")
    since = time_of(data["since"])
    progress = Progress(
        str(data.get("step", "")),
        since,
        int(data.get("attempt", 1)),
        time_of(data["retryAt"]) if "retryAt" in data else None,
        time_of(data["deadline"]) if "deadline" in data else None,
        str(data.get("outcome", "")),
        str(data.get("message", "")),
    )
    if bool(progress.step) is bool(progress.outcome):
        raise ValueError("neither under way nor ended")
    passed = tuple(
        Passed(str(each["step"]), time_of(each["since"]), str(each.get("message", "")))
        for each in data.get("passed", ())
    )
    baseline = Traffic(int(data.get("requestsBefore", 0)), int(data.get("failuresBefore", 0)))
    cause, note, why = (str(data.get(key, "")) for key in ("cause", "note", "why"))
    started = time_of(data["startedAt"])
    return Migration(str(data["id"]), cause, source, target, started, progress, passed, baseline, note, why)


def time_text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
