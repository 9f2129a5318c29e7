"""A SemanticCacheBackup, look by look."""

from datetime import UTC, datetime, timedelta
from typing import Any

from semantic_router_operator.api.validate import parse_backup
from semantic_router_operator.backup.result import Result
from semantic_router_operator.workflows.backup_on_demand import SeenJob, following, wants_job
from semantic_router_operator.workflows.backup_runs import Run

Json = dict[str, Any]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIMIT = timedelta(hours=1)


def look(
    status: Json, job: SeenJob = SeenJob(), obstacle: tuple[str, str] | None = None, now: datetime = NOON  # noqa: B008 - immutable
) -> Json:  # fmt: skip
    raw = {
        "metadata": {"name": "now", "namespace": "shop", "uid": "12345678-aaaa", "generation": 1},
        "spec": {"routerRef": {"name": "web"}},
        "status": status,
    }
    return following(parse_backup(raw), obstacle, "export", job, LIMIT, now)


def test_it_is_decided_on_before_its_job_is_made() -> None:
    status = look({})
    assert (status["phase"], status["job"], status["engine"]) == ("Running", "now-12345678", "export")
    assert status["backupName"] == "sr_20261121_120000_123456"
    assert wants_job(status, SeenJob())
    assert not wants_job(status, SeenJob(there=True))
    # Whoever takes over goes on with the very same.
    assert look(status, now=NOON + timedelta(minutes=5)) == status


def test_what_stands_in_the_way_is_said_and_waited_for() -> None:
    waiting = look({}, obstacle=("NoStore", "There is no spec.backup."))
    assert (waiting["phase"], waiting["message"]) == ("Pending", "There is no spec.backup.")
    assert waiting["conditions"][0]["status"] == "Unknown"
    assert look(waiting)["phase"] == "Running"
    # Once it has begun nothing stops it.
    begun = look({})
    assert look(begun, SeenJob(there=True), ("Suspended", "It is suspended.")) == begun


def test_the_end() -> None:
    result = Result("backup", name="sr_x", engine="export", rows=3, bytes=9, message="3 entries.", warnings=["Mind."])
    good = look(look({}), SeenJob(True, Run("now-12345678", NOON, False, result=result)))
    assert (good["phase"], good["backupName"], good["rows"], good["bytes"]) == ("Succeeded", "sr_x", 3, 9)
    assert good["message"] == "3 entries. Mind."
    assert good["conditions"][0]["status"] == "True"
    assert look(good, now=NOON + timedelta(days=9)) == good
    bad = look(look({}), SeenJob(True, Run("now-12345678", NOON, True, "StoreDenied", "the keys are wrong")))
    assert (bad["phase"], bad["conditions"][0]["reason"]) == ("Failed", "StoreDenied")
    assert "the keys are wrong" in bad["message"]
    assert not wants_job(bad, SeenJob())


def test_an_empty_cache_of_which_nothing_was_saved_before_leaves_no_backup() -> None:
    result = Result("backup", reason="NothingToSave", rows=0, message="Nothing was stored yet.")
    done = look(look({}), SeenJob(True, Run("now-12345678", NOON, False, result=result)))
    assert (done["phase"], done["conditions"][0]["reason"], done["rows"]) == ("Succeeded", "NothingToSave", 0)
    assert "backupName" not in done
    assert look(done, now=NOON + timedelta(days=9)) == done


def test_a_job_that_somebody_has_deleted_is_not_waited_for_forever() -> None:
    status = look(look({}), now=NOON + timedelta(hours=2))
    assert (status["phase"], status["conditions"][0]["reason"]) == ("Failed", "JobGone")
