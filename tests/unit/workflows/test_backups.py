"""What is told of backups, from Jobs that have ended: each is counted once, and the condition says what is the case."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from semantic_router_operator.api.validate import parse
from semantic_router_operator.plan.reconcile import Desired
from semantic_router_operator.workflows.backups import with_backups

Json = dict[str, Any]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD: Json = {
    "operation": "backup",
    "outcome": "succeeded",
    "name": "sr_20261121_020000_a",
    "rows": 41,
    "bytes": 4096,
    "message": "41 entries are saved.",
}
BAD: Json = {
    "operation": "backup",
    "outcome": "failed",
    "reason": "StoreDenied",
    "message": "The object store does not take the keys.",
}
NOTHING: Json = {"operation": "backup", "outcome": "succeeded", "reason": "NothingToSave", "rows": 0}


def job(name: str, hour: int, *, failed: bool = False, component: str = "backup", why: str = "") -> Json:
    time = f"2026-11-21T{hour:02}:00:00Z"
    condition = {"type": "Failed" if failed else "Complete", "status": "True", "lastTransitionTime": time}
    labels = {"app.kubernetes.io/component": component}
    if why:
        condition["reason"] = why
    return {"kind": "Job", "metadata": {"name": name, "labels": labels}, "status": {"conditions": [condition]}}


def pod(of: str, said: Json, code: int = 0) -> Json:
    state = {"terminated": {"exitCode": code, "message": json.dumps(said)}}
    labels = {"batch.kubernetes.io/job-name": of, "app.kubernetes.io/component": "backup"}
    return {
        "metadata": {"name": f"{of}-x", "labels": labels},
        "status": {"containerStatuses": [{"name": "backup", "state": state}]},
    }


CRON: Json = {"kind": "CronJob", "metadata": {"name": "a-backup", "creationTimestamp": "2026-11-20T12:00:00Z"}}


def told(
    before: Json, jobs: list[Json], pods: list[Json], now: datetime = NOON, annotation: str = "", **changed: Any
) -> tuple[Json, dict[str, Any]]:
    backup = {"schedule": "0 2 * * *", **changed}
    resource = parse(
        {
            "metadata": {"name": "a", "annotations": {"semanticrouter.dev/hibernate": annotation}},
            "spec": {"milvus": {"managed": {}}, "backup": backup},
        }
    )
    crons = [
        {"kind": "CronJob", "metadata": {"name": name}, "spec": {"suspend": False}} for name in ("a-backup", "a-drill")
    ]
    found = with_backups(resource, Desired(objects=crons), before, [CRON, *jobs], pods, now)
    conditions: dict[str, Any] = {each.type: each for each in found.conditions}
    held, drill_held = (each["spec"]["suspend"] for each in found.objects)
    return {**found.status["backup"], "held": held, "drillHeld": drill_held}, conditions


def test_before_the_first_backup_nothing_is_claimed() -> None:
    status, conditions = told({}, [], [], datetime(2026, 11, 20, 13, tzinfo=UTC))
    assert (conditions["BackupHealthy"].status, conditions["BackupHealthy"].reason) == ("Unknown", "NoneYet")
    assert status["nextTime"] == "2026-11-21T02:00:00Z"
    assert status["engine"] == "milvus-backup"


def test_a_good_backup() -> None:
    status, conditions = told({}, [job("one", 3)], [pod("one", GOOD)])
    assert conditions["BackupHealthy"].status == "True"
    assert "sr_20261121_020000_a" in conditions["BackupHealthy"].message
    figures = (status["lastName"], status["lastRows"], status["lastBytes"], status["lastTime"])
    assert figures == ("sr_20261121_020000_a", 41, 4096, "2026-11-21T03:00:00Z")
    assert not status["held"]


def test_an_empty_cache_of_which_nothing_was_saved_before_is_no_failure() -> None:
    before, _ = told({}, [job("zero", 1, failed=True)], [pod("zero", BAD, 1)])
    status, conditions = told(before, [job("one", 3)], [pod("one", NOTHING)])
    healthy = conditions["BackupHealthy"]
    assert (healthy.status, healthy.reason) == ("Unknown", "NothingToSave")
    assert "Nothing was stored yet at 2026-11-21T03:00:00Z" in healthy.message
    assert (status["failures"], status.get("lastTime"), status.get("lastFailure")) == (0, None, None)
    # From then on the schedule counts: the next one is due the day after.
    assert told(status, [], [], NOON + timedelta(hours=6))[1]["BackupHealthy"].reason == "NothingToSave"
    assert told(status, [], [], NOON + timedelta(days=1))[1]["BackupHealthy"].reason == "TooOld"
    good, conditions = told(status, [job("two", 9)], [pod("two", GOOD)])
    assert (good["lastRows"], conditions["BackupHealthy"].status) == (41, "True")


def test_an_empty_cache_whose_backups_are_gone_from_the_store_is_a_failure() -> None:
    before, _ = told({}, [job("one", 3)], [pod("one", GOOD)])
    status, conditions = told(before, [job("two", 9)], [pod("two", NOTHING)])
    assert (status["failures"], conditions["BackupHealthy"].reason) == (1, "BackupEmpty")


def test_nothing_is_tried_before_there_is_a_backup() -> None:
    missing = {"operation": "check", "outcome": "failed", "reason": "BackupMissing", "message": "There is none."}
    trial, words = [job("trial", 4, failed=True, component="drill")], [pod("trial", missing, 1)]
    status, conditions = told({}, trial, words, verify="weekly")
    assert (status["drillHeld"], status.get("verifyFailures"), status["verified"]["job"]) == (True, None, "trial")
    assert conditions["BackupHealthy"].reason != "VerifyFailed"
    good, _ = told(status, [job("one", 5)], [pod("one", GOOD)], verify="weekly")
    assert not good["drillHeld"]
    # What is missing once there was one is told.
    lost = {**trial[0], "metadata": {**trial[0]["metadata"], "name": "trial-2"}}
    lost["status"] = job("x", 6, failed=True)["status"]
    assert told(good, [lost], [pod("trial-2", missing, 1)])[1]["BackupHealthy"].reason == "VerifyFailed"


def test_what_has_been_counted_is_not_counted_again() -> None:
    jobs, pods = [job("one", 3), job("two", 9, failed=True)], [pod("one", GOOD), pod("two", BAD, 1)]
    once, conditions = told({}, jobs, pods)
    again, _ = told(once, jobs, pods)
    assert once == again
    assert once["failures"] == 1
    assert conditions["BackupHealthy"].status == "False"
    assert conditions["BackupHealthy"].reason == "StoreDenied"
    assert "does not take the keys" in conditions["BackupHealthy"].message
    assert "sr_20261121_020000_a" in conditions["BackupHealthy"].message  # what there still is


def test_failures_add_up_until_one_is_good() -> None:
    first, _ = told({}, [job("one", 3, failed=True)], [pod("one", BAD, 1)])
    second, _ = told(first, [job("two", 9, failed=True)], [pod("two", BAD, 1)])
    assert second["failures"] == 2
    third, conditions = told(second, [job("three", 10)], [pod("three", GOOD)])
    assert (third["failures"], third.get("lastFailure")) == (0, None)
    assert conditions["BackupHealthy"].status == "True"


def test_a_job_whose_pod_has_not_said_anything_yet_waits_a_moment() -> None:
    early, _ = told({}, [job("one", 3)], [], datetime(2026, 11, 21, 3, 0, 5, tzinfo=UTC))
    assert "lastTime" not in early
    late, conditions = told(early, [job("one", 3)], [])
    assert late["lastTime"] == "2026-11-21T03:00:00Z"
    assert "left no figures" in conditions["BackupHealthy"].message


def test_nothing_is_counted_before_what_ended_earlier() -> None:
    now = datetime(2026, 11, 21, 3, 0, 5, tzinfo=UTC)
    jobs = [job("one", 2), job("two", 3)]
    jobs[0]["status"]["conditions"][0]["lastTransitionTime"] = "2026-11-21T02:59:59Z"
    early, _ = told({}, jobs, [pod("two", GOOD)], now)
    assert "counted" not in early
    both, _ = told(early, jobs, [pod("one", BAD | {"outcome": "succeeded"}), pod("two", GOOD)], now)
    assert both["counted"]["job"] == "two"
    assert both["lastName"] == GOOD["name"]


def test_one_that_took_too_long_is_said_in_words() -> None:
    _, conditions = told({}, [job("one", 3, failed=True, why="DeadlineExceeded")], [])
    assert conditions["BackupHealthy"].reason == "DeadlineExceeded"
    assert "spec.backup.deadlineSeconds" in conditions["BackupHealthy"].message


def test_a_schedule_that_does_not_come_to_pass_is_told() -> None:
    before, _ = told({}, [job("one", 3)], [pod("one", GOOD)])
    _, conditions = told(before, [], [], NOON + timedelta(days=1))
    assert (conditions["BackupHealthy"].status, conditions["BackupHealthy"].reason) == ("False", "TooOld")
    _, never = told({}, [], [], NOON + timedelta(days=1))
    assert never["BackupHealthy"].reason == "TooOld"


@pytest.mark.parametrize(
    ("changed", "annotation", "reason"), [({"suspend": True}, "", "Suspended"), ({}, "on", "Hibernating")]
)
def test_a_schedule_that_rests_promises_nothing(changed: Json, annotation: str, reason: str) -> None:
    before, _ = told({}, [job("one", 3)], [pod("one", GOOD)])
    status, conditions = told(before, [], [], NOON + timedelta(days=9), annotation, **changed)
    assert (conditions["BackupHealthy"].status, conditions["BackupHealthy"].reason) == ("Unknown", reason)
    assert "nextTime" not in status
    assert status["held"]


def test_a_trial_that_fails_is_told_beside_a_good_backup() -> None:
    jobs = [job("one", 3), job("drill", 5, failed=True, component="drill")]
    bad = {"operation": "drill", "outcome": "failed", "reason": "RowsDiffer", "message": "40 of 41 entries came back."}
    status, conditions = told({}, jobs, [pod("one", GOOD), pod("drill", bad, 1)])
    assert (conditions["BackupHealthy"].status, conditions["BackupHealthy"].reason) == ("False", "VerifyFailed")
    assert status["verifyFailures"] == 1
    fine = {"operation": "drill", "outcome": "succeeded", "rows": 41, "message": "41 entries came back."}
    status, conditions = told(status, [job("drill-2", 6, component="drill")], [pod("drill-2", fine)])
    assert conditions["BackupHealthy"].status == "True"
    assert (status["lastVerifiedTime"], status["lastVerifiedRows"]) == ("2026-11-21T06:00:00Z", 41)


def test_what_the_bucket_lacks_is_a_condition() -> None:
    lacking = {
        **GOOD,
        "replication": {"versioning": "off", "replication": "unknown"},
        "warnings": ["Versioning is off."],
    }
    _, conditions = told({}, [job("one", 3)], [pod("one", lacking)], replication="verify")
    assert conditions["BackupReplicated"].status == "False"
    assert "Versioning is off." in conditions["BackupReplicated"].message
    assert conditions["BackupHealthy"].status == "True"
