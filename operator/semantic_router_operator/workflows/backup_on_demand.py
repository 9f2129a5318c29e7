"""A SemanticCacheBackup, step by step: what it asks for + what was seen -> its status, and whether its Job is to be.

The status is written before the Job is made: name of Job and backup stand there, so that whoever takes over after a
kill makes the same Job, and never a second backup.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from semantic_router_operator.api.semantic_cache_backup import SemanticCacheBackup
from semantic_router_operator.backup.names import new_name
from semantic_router_operator.backup.result import NOTHING_TO_SAVE
from semantic_router_operator.plan.conditions import Condition, merged
from semantic_router_operator.render.backups import job_name
from semantic_router_operator.workflows.backup_runs import Run

Json = dict[str, Any]
Phase = Literal["Pending", "Running", "Succeeded", "Failed"]

ENDED = ("Succeeded", "Failed")
# Beyond its own limit, for a Job that nobody has seen come or end.
_LOST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SeenJob:
    """Its Job: whether it is there, and what it came to once it has ended."""

    there: bool = False
    run: Run | None = None


def ended(status: Mapping[str, Any]) -> bool:
    """Whether it is history."""
    return status.get("phase") in ENDED


def begun(status: Mapping[str, Any]) -> bool:
    """Whether its Job has been decided on."""
    return bool(status.get("job"))


def following(
    asked: SemanticCacheBackup,
    obstacle: tuple[str, str] | None,
    engine: str,
    job: SeenJob,
    limit: timedelta,
    now: datetime,
) -> Json:
    """Return the status after one look. `obstacle` (reason, sentence) counts only until it has begun."""
    before = asked.status
    if ended(before):
        return dict(before)
    if not begun(before):
        if obstacle is not None:
            return _told(asked, "Pending", obstacle[0], obstacle[1], {}, now)
        more = {
            "job": job_name(asked),
            "backupName": new_name(now, asked.metadata.uid[:6]),
            "engine": engine,
            "startedAt": _text(now),
        }
        return _told(asked, "Running", "Running", f"Job/{job_name(asked)} saves the cache.", more, now)
    if job.run is not None:
        return _ended(asked, job.run, now)
    if not job.there and now > datetime.fromisoformat(str(before["startedAt"])) + limit + _LOST:
        text = f"Job/{before['job']} is gone, and has left no result. Make another SemanticCacheBackup."
        return _told(asked, "Failed", "JobGone", text, {"completedAt": _text(now)}, now)
    return dict(before)


def wants_job(status: Mapping[str, Any], job: SeenJob) -> bool:
    """Whether its Job is still to be made."""
    return begun(status) and not ended(status) and not job.there


def _ended(asked: SemanticCacheBackup, run: Run, now: datetime) -> Json:
    more: Json = {"completedAt": _text(run.ended)}
    if run.failed:
        return _told(asked, "Failed", run.reason or "Failed", f"The backup has failed: {run.message}", more, now)
    result = run.result
    if result is None:
        text = "The backup is complete; its Job has left no figures."
        return _told(asked, "Succeeded", "Succeeded", text, more, now)
    if result.reason == NOTHING_TO_SAVE:
        told = _told(asked, "Succeeded", NOTHING_TO_SAVE, result.message, {**more, "rows": 0}, now)
        return {key: value for key, value in told.items() if key != "backupName"}
    figures = {"backupName": result.name, "engine": result.engine, "bytes": result.bytes, "rows": result.rows}
    more |= {key: value for key, value in figures.items() if value is not None}
    warnings = f" {' '.join(result.warnings)}" if result.warnings else ""
    return _told(asked, "Succeeded", "Succeeded", f"{result.message or 'The backup is complete.'}{warnings}", more, now)


def _told(
    asked: SemanticCacheBackup, phase: Phase, reason: str, message: str, more: Mapping[str, Any], now: datetime
) -> Json:
    status: Literal["True", "False", "Unknown"] = "Unknown"
    if phase in ENDED:
        status = "True" if phase == "Succeeded" else "False"
    condition = Condition("Complete", status, reason, message)
    before = asked.status
    conditions = merged(before.get("conditions", ()), [condition], asked.metadata.generation, _text(now))
    return {**before, **more, "phase": phase, "message": message, "conditions": conditions}


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
