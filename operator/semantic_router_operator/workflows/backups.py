"""What is told of backups: `status.backup`, from what it said before and the Jobs that have ended since.

Each Job is counted once, whoever counts it: the end of the last one that was counted is in the status itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from semantic_router_operator.api.backup import Backup
from semantic_router_operator.api.schedule import next_run
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.backup.result import NOTHING_TO_SAVE
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.render import backup_names
from semantic_router_operator.render.backup_config import engine_of
from semantic_router_operator.render.backups import STARTING_SECONDS, obstacle
from semantic_router_operator.workflows.backup_runs import Run, runs_of

Json = dict[str, Any]

HEALTHY = "BackupHealthy"
REPLICATED = "BackupReplicated"


def with_backups(
    resource: SemanticRouter,
    desired: Desired,
    before: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    problems: Sequence[str] = (),
    moving: bool = False,
) -> Desired:
    """Return what is desired with what is told of backups. `resource` is as it runs, `before` is status.backup.

    `problems` are those of the Secrets of the Jobs; `moving`: the cache is on its way elsewhere. Then no backup begins.
    """
    backup = resource.spec.backup
    if backup is None:
        return desired
    told = counted(
        before,
        runs_of(backup_names.COMPONENT, jobs, pods, now),
        runs_of(backup_names.DRILL_COMPONENT, jobs, pods, now),
    )
    told["engine"] = engine_of(resource)
    told.pop("nextTime", None)
    waits = waiting(resource, backup) or (("SecretInvalid", " ".join(problems).rstrip(".")) if problems else None)
    following = next_run(backup.schedule, backup.time_zone, now)
    if not (waits or moving) and following is not None:
        told["nextTime"] = _text(following)
    conditions = [health(backup, told, waits, _since(jobs, told), now)]
    if backup.replication == "verify" and (replicated := _replicated(told)) is not None:
        conditions.append(replicated)
    idle = set() if told.get("lastTime") else {backup_names.drill(resource)}  # there is nothing to try yet
    objects = [_held(each) if waits or moving or each["metadata"]["name"] in idle else each for each in desired.objects]
    return replace(
        desired,
        objects=objects,
        conditions=[*desired.conditions, *conditions],
        status={**desired.status, "backup": told},
    )


def with_snapshots(desired: Desired, told: Mapping[str, Any] | None) -> Desired:
    """Return what is desired with what is told of the volumes' snapshots."""
    backup = desired.status.get("backup")
    if backup is None:
        return desired
    kept = {key: value for key, value in backup.items() if key != "snapshots"}
    return replace(desired, status={**desired.status, "backup": kept | ({"snapshots": told} if told else {})})


def counted(before: Mapping[str, Any], backups: Sequence[Run], trials: Sequence[Run]) -> Json:
    """Return status.backup with the Jobs that had not been counted yet."""
    told = dict(before)
    for run in _new(backups, before.get("counted")):
        told["counted"] = {"job": run.job, "time": _text(run.ended)}
        if run.failed:
            _take_failed(told, run.reason, run.message)
        elif not _of_nothing(run):
            _take_good(told, run)
        elif told.get("lastTime"):
            _take_failed(told, "BackupEmpty", "The cache is empty, and the store has none of the backups from before.")
        else:
            _take_nothing(told, run)
    for run in _new(trials, before.get("verified")):
        told["verified"] = {"job": run.job, "time": _text(run.ended)}
        if run.reason == "BackupMissing" and not before.get("lastTime"):
            continue  # somebody has made it by hand, and there is nothing to try yet
        if run.failed:
            told["verifyFailures"] = int(told.get("verifyFailures") or 0) + 1
            told["lastVerifyFailure"] = run.message
        else:
            told |= {"lastVerifiedTime": _text(run.ended), "verifyFailures": 0}
            told.pop("lastVerifyFailure", None)
            if run.result is not None and run.result.rows is not None:
                told["lastVerifiedRows"] = run.result.rows
    return told


def waiting(resource: SemanticRouter, backup: Backup) -> tuple[str, str] | None:
    """Return reason and sentence why no backup begins by itself, None where the schedule is in force."""
    if backup.suspend:
        return "Suspended", "spec.backup.suspend is set"
    if resource.hibernating:
        return "Hibernating", "the router hibernates, so that nothing changes"
    text = obstacle(resource)
    return ("Hindered", text) if text else None


def health(
    backup: Backup, told: Mapping[str, Any], waits: tuple[str, str] | None, since: datetime | None, now: datetime
) -> Condition:
    """Return BackupHealthy. `since` is the last good backup's time, else that from which one was to be expected."""
    good = str(told.get("message") or "There is no good backup yet.")
    failures = int(told.get("failures") or 0)
    if failures:
        times = "The last backup has" if failures == 1 else f"The last {failures} backups have"
        text = f"{times} failed: {_sentence(told.get('lastFailure'))} {good}"
        return Condition(HEALTHY, "False", str(told.get("lastFailureReason") or "Failed"), text)
    if waits is not None:
        return Condition(HEALTHY, "Unknown", waits[0], f"No backup begins by itself: {waits[1]}. {good}")
    due = next_run(backup.schedule, backup.time_zone, since) if since is not None else None
    if due is not None and now > due + timedelta(seconds=backup.deadline_seconds + STARTING_SECONDS):
        text = f"No good backup has come of the schedule since {_text(due)}. {good} Look at its CronJob and Jobs."
        return Condition(HEALTHY, "False", "TooOld", text)
    if int(told.get("verifyFailures") or 0):
        text = f"The last backup that was restored on trial did not pass: {_sentence(told.get('lastVerifyFailure'))}"
        return Condition(HEALTHY, "False", "VerifyFailed", f"{text} {good}")
    following = f" The next one begins at {told['nextTime']}." if told.get("nextTime") else ""
    if not told.get("lastTime"):
        # One that was counted, and neither good nor failed.
        return Condition(
            HEALTHY, "Unknown", NOTHING_TO_SAVE if told.get("counted") else "NoneYet", f"{good}{following}"
        )
    return Condition(HEALTHY, "True", "Healthy", f"{good}{following}")


def _held(each: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**each, "spec": {**each["spec"], "suspend": True}} if each["kind"] == "CronJob" else each


def _new(runs: Sequence[Run], last: object) -> list[Run]:
    if not isinstance(last, Mapping):
        return list(runs)
    mark = (str(last.get("time")), str(last.get("job")))
    return [each for each in runs if (_text(each.ended), each.job) > mark]


def _of_nothing(run: Run) -> bool:
    return run.result is not None and run.result.reason == NOTHING_TO_SAVE


def _take_failed(told: Json, reason: str, message: str) -> None:
    told["failures"] = int(told.get("failures") or 0) + 1
    told |= {"lastFailure": message, "lastFailureReason": reason}


def _take_nothing(told: Json, run: Run) -> None:
    for key in ("lastFailure", "lastFailureReason"):
        told.pop(key, None)
    text = f"Nothing was stored yet at {_text(run.ended)}: the cache was empty, so there was nothing to save."
    told |= {"failures": 0, "message": text}


def _take_good(told: Json, run: Run) -> None:
    for key in ("lastName", "lastBytes", "lastRows", "lastFailure", "lastFailureReason", "replication"):
        told.pop(key, None)
    told |= {"lastTime": _text(run.ended), "failures": 0}
    result = run.result
    if result is None:
        told["message"] = f"A backup was complete at {_text(run.ended)}; its Job has left no figures."
        return
    figures = {"lastName": result.name, "lastBytes": result.bytes, "lastRows": result.rows}
    told |= {key: value for key, value in figures.items() if value is not None}
    size = f", {result.rows} entries, {result.bytes} bytes" if result.rows is not None else ""
    told["message"] = f"The last good backup is {result.name or run.job} of {_text(run.ended)}{size}."
    if result.replication is not None:
        told["replication"] = {
            "versioning": str(result.replication.get("versioning", "unknown")),
            "replication": str(result.replication.get("replication", "unknown")),
            "message": " ".join(result.warnings),
        }


def _replicated(told: Mapping[str, Any]) -> Condition | None:
    seen = told.get("replication")
    if not isinstance(seen, Mapping):
        return None
    states = {seen.get("versioning"), seen.get("replication")}
    if states == {"on"}:
        return Condition(REPLICATED, "True", "Replicated", "The bucket of the backups is versioned and replicated.")
    text = str(seen.get("message") or "The bucket of the backups is not versioned and replicated.")
    return (
        Condition(REPLICATED, "False", "NotReplicated", text)
        if "off" in states
        else Condition(REPLICATED, "Unknown", "NotSeen", text)
    )


def _since(jobs: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> datetime | None:
    """The last good backup, else the last look at an empty cache, else the making of the CronJob."""
    if told.get("lastTime"):
        return datetime.fromisoformat(str(told["lastTime"]))
    if told.get("counted") and not told.get("failures"):
        return datetime.fromisoformat(str(told["counted"]["time"]))
    made = [job["metadata"].get("creationTimestamp") for job in jobs if job.get("kind") == "CronJob"]
    return datetime.fromisoformat(str(made[0])) if made and made[0] else None


def _sentence(text: object) -> str:
    said = str(text or "no reason is known").strip()
    return said if said.endswith((".", "!", "…")) else f"{said}."


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
