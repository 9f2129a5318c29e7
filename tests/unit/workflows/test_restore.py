"""Restores as data: every look goes through the status, as after a kill."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_router_operator.api.restore import RestoreProgress
from semantic_router_operator.api.semantic_cache_restore import RestoreSpec, RestoreStatus
from semantic_router_operator.workflows import restore_steps as steps
from semantic_router_operator.workflows.job_result import Said, read
from semantic_router_operator.workflows.machine import Step
from semantic_router_operator.workflows.migration_verdicts import JobState, PodReport, Rollout, Traffic
from semantic_router_operator.workflows.placement import Placement
from semantic_router_operator.workflows.restore import DELETED, Restore, begun, carried_on, wake_in
from semantic_router_operator.workflows.restore_status import condition, dump, hindrance, load, mirrored
from semantic_router_operator.workflows.restore_verdicts import Seen

Json = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPEC: Json = {"routerRef": {"name": "sr"}, "backup": {"latest": True}, "validation": {"windowSeconds": 60}}
EXTERNAL: Json = {"backend": "hybrid", "milvus": {"external": {"address": "milvus:19530"}}}
MANAGED: Json = {"backend": "hybrid", "milvus": {"managed": {}}}
SAVED: Json = {"name": "sr_20261121_020000_ab12", "engine": "export", "rows": 7, "bytes": 900}
LOADED: Json = {"rows": 6, "left_out": 1, "previous": "semantic_cache_v1"}
COLLECTION = "semantic_cache_v20261121120000"
FORWARD = ["Checking", "SettingAside", "Loading", "Comparing", "Switching", "Returning", "Validating"]
GOOD_POD = PodReport("a", backend="hybrid", traffic=Traffic(100, 0), hits=40)
STANDING = Seen(rollout=Rollout(done=True), pods=(GOOD_POD,), routers=True)
FAILING = Seen(job=JobState("failed", "it broke", 1), said=read("it broke", 1))


def placement(data: Json = EXTERNAL) -> Placement:
    found = Placement.stored(data)
    assert found is not None
    return found


def told_by(told: Json, exit_code: int = 0) -> Said:
    """The words of a Job's pod."""
    return read("a line of a log\n" + json.dumps({"operation": "x", "outcome": "succeeded", **told}), exit_code)


def good(step: str) -> Seen:
    """What is seen when the step has done what it is for."""
    if step in steps.JOB_STEPS:
        told = {steps.CHECKING: SAVED, steps.LOADING: LOADED}.get(step, {})
        return replace(STANDING, job=JobState("succeeded", "done", 0), said=told_by(told))
    return STANDING


def bad(step: str) -> Seen:
    """What is seen when the step cannot be done."""
    if step == steps.VALIDATING:
        return replace(STANDING, pods=(replace(GOOD_POD, traffic=Traffic(100, 90)),))
    return FAILING if step in steps.JOB_STEPS else Seen(rollout=Rollout(failed="the image cannot be pulled"))


class Life:
    """A restore of which only the status is remembered from look to look."""

    def __init__(self, spec: Json | None = None, where: Json = EXTERNAL) -> None:
        self.placement = placement(where)
        self.now = NOW
        self.status: Json = {}
        self._keep(begun("uid-1", "one", RestoreSpec.model_validate({**SPEC, **(spec or {})}), self.placement, NOW))

    @property
    def restore(self) -> Restore:
        found = load(self.status)
        assert found is not None
        return found

    @property
    def at(self) -> str:
        return self.restore.progress.step or self.restore.progress.outcome

    @property
    def told(self) -> str:
        """The sentence of the router's condition."""
        found = condition(self.restore)
        return found.message if found is not None else ""

    def look(self, seen: Seen, *, asked: bool = True, later: float = 0) -> "Life":
        self.now += timedelta(seconds=later)
        self._keep(carried_on(self.restore, self.placement, seen, self.now, asked=asked))
        return self

    def until(self, step: str) -> "Life":
        """Go on, all going well, to this step."""
        for _ in range(20):
            if self.at == step:
                return self
            self.look(good(self.at), later=61 if self.at == steps.VALIDATING else 1)
        raise AssertionError(f"never at {step}, but at {self.at}")

    def fail(self) -> "Life":
        """Fail the current step for good."""
        step = self.at
        for _ in range(30):
            if self.at != step:
                return self
            self.look(bad(step), later=301)
        raise AssertionError(f"{step} never fails")

    def back(self) -> list[str]:
        """Go on, all going well, to the end, and return the way."""
        way = [self.at]
        while not self.restore.progress.ended:
            self.look(replace(good(self.at), routers=False), later=1)
            if self.at != way[-1]:
                way.append(self.at)
        return way

    def _keep(self, restore: Restore) -> None:
        self.status = dump(restore)
        RestoreProgress.model_validate(self.status["restore"])
        assert load(self.status) == restore
        RestoreStatus.model_validate(mirrored(restore, {}, 1, "2026-11-21T12:00:00Z"))
        assert condition(restore) is not None


def test_a_restore_takes_every_step_and_tells_what_it_did() -> None:
    life = Life()
    way = []
    while life.restore.running:
        way.append(life.at)
        life.until(life.at).look(good(life.at), later=61)
    assert (way, life.at) == (FORWARD, "Completed")
    restore = life.restore
    assert (restore.collection, restore.previous, restore.restored) == (COLLECTION, "semantic_cache_v1", 6)
    told = mirrored(restore, {}, 1, "2026-11-21T12:00:00Z")
    assert (told["phase"], told["rows"], told["backupName"]) == ("Succeeded", 6, SAVED["name"])
    assert "6 entries (1 had expired or did not fit)" in told["message"]
    assert "40 were answered from the cache" in told["message"]
    assert [each["step"] for each in told["passed"]] == FORWARD
    assert told["conditions"][0]["status"] == "True"


@pytest.mark.parametrize(
    ("step", "way"),
    [
        ("Checking", ["Failed"]),
        ("SettingAside", ["RollingBack", "RolledBack"]),
        ("Loading", ["Dropping", "RollingBack", "RolledBack"]),
        ("Switching", ["SwitchingBack", "Dropping", "RollingBack", "RolledBack"]),
        ("Returning", ["LeavingAgain", "SwitchingBack", "Dropping", "RollingBack", "RolledBack"]),
        ("Validating", ["LeavingAgain", "SwitchingBack", "Dropping", "RollingBack", "RolledBack"]),
    ],
)
def test_a_failure_in_any_step_goes_back_and_says_why(step: str, way: list[str]) -> None:
    life = Life().until(step).fail()
    assert life.back() == way
    told = mirrored(life.restore, {}, 1, "2026-11-21T12:00:00Z")
    assert told["phase"] == "Failed"
    reasons = ("it broke", "the image cannot be pulled", "requests failed")
    assert any(reason in told["message"] for reason in reasons), told["message"]
    assert told["conditions"][0]["reason"] == way[-1]


@pytest.mark.parametrize("step", FORWARD)
def test_a_restore_that_is_deleted_goes_back_from_any_step(step: str) -> None:
    life = Life().until(step).look(STANDING, asked=False)
    way = life.back()
    assert way[-1] == ("Cancelled" if step == "Checking" else "RolledBack")
    assert ("SwitchingBack" in way) is (step in ("Switching", "Returning", "Validating"))
    assert DELETED in life.told


@pytest.mark.parametrize("step", [each for each in FORWARD if each != "Comparing"])
def test_every_step_waits_while_there_is_nothing_to_see(step: str) -> None:
    life = Life().until(step)
    before = life.status
    waiting = Seen(rollout=Rollout(message="1 of 2 pods are new"), job=JobState("running"), routers=True)
    assert life.look(waiting).at == step
    assert wake_in(life.restore, life.now) is not None
    life.status = before
    life.look(waiting, later=4000)
    assert life.at == steps.steps_of(life.restore.spec)[step].otherwise
    assert "took too long" in life.restore.progress.message


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        ({"rows": 5, "left_out": 1}, "1 are missing"),
        ({"rows": 0, "left_out": 7}, "the cache would be empty"),
        ({"rows": 9}, "-2 are missing"),
    ],
)
def test_numbers_that_do_not_agree_switch_nothing(loaded: Json, words: str) -> None:
    life = Life().until("Loading")
    life.look(replace(good("Loading"), said=told_by(loaded)))
    assert life.look(STANDING).at == "Dropping"
    assert words in life.restore.why


def test_what_a_job_said_is_asked_for_again_where_it_was_lost() -> None:
    lost = replace(STANDING, job=JobState("succeeded", "", 0))
    for step in ("Checking", "Loading"):
        life = Life().until(step).look(lost)
        assert (life.at, life.restore.progress.attempt) == (step, 2)


def test_a_reason_that_stays_is_not_tried_again() -> None:
    refused = Seen(
        JobState("failed", "no such backup", 1), told_by({"outcome": "failed", "reason": "BackupMissing"}, 1)
    )
    assert Life().look(refused).at == "Failed"


def test_the_store_of_an_external_milvus_is_not_known_to_milvus_backup() -> None:
    native = replace(good("Checking"), said=told_by({**SAVED, "engine": "milvus-backup"}))
    assert Life().look(native).at == "Failed"
    assert Life(where=MANAGED).look(native).at == "SettingAside"


def test_a_dry_run_ends_with_what_it_would_do() -> None:
    life = Life({"dryRun": True}).look(good("Checking"))
    assert life.at == "Checked"
    told = mirrored(life.restore, {}, 1, "2026-11-21T12:00:00Z")
    assert told["phase"] == "Succeeded"
    assert "7 entries" in told["message"]
    assert f"into the new collection {COLLECTION}" in told["message"]
    assert "collection" not in told
    assert hindrance(life.restore) is None


def test_a_stopped_router_is_aside_when_its_last_pod_has_gone() -> None:
    life = Life({"serving": "stopped"}).until("SettingAside")
    assert life.look(STANDING).at == "SettingAside"
    assert life.look(replace(STANDING, routers=False)).at == "Loading"


def test_a_router_that_hibernates_is_not_waited_for() -> None:
    asleep = Seen(hibernating=True, rollout=Rollout(done=True))
    life = Life().until("SettingAside").look(asleep).until("Returning").look(asleep).look(asleep)
    assert life.at == "Completed"
    assert "hibernates" in life.restore.progress.message


def test_an_alias_that_cannot_be_moved_back_is_told_with_the_command() -> None:
    life = Life().until("Validating").fail()
    life.until("SwitchingBack").fail()
    assert life.at == "GivingUp"
    assert life.look(STANDING).at == "RollbackFailed"
    message = mirrored(life.restore, {}, 1, "2026-11-21T12:00:00Z")["message"]
    assert "semantic-router cache switch --to semantic_cache_v1" in message


def test_a_collection_that_cannot_be_dropped_is_named() -> None:
    life = Life().until("Loading").fail()
    assert life.at == "Dropping"
    assert life.fail().back()[-1] == "RolledBack"
    assert f"Left behind: the collection {COLLECTION}" in life.told


def test_ready_is_false_from_the_moment_the_router_is_set_aside_until_the_end() -> None:
    life = Life()
    seen = {}
    while life.restore.running:
        seen[life.at] = hindrance(life.restore) is not None
        life.look(good(life.at), later=61)
    assert [step for step, told in seen.items() if not told] == ["Checking"]
    assert hindrance(life.restore) is None


def test_steps_lead_to_steps_or_to_outcomes() -> None:
    planned = steps.steps_of(RestoreSpec.model_validate(SPEC))
    outcomes = {"Completed", "Failed", "RolledBack", "RollbackFailed"}
    for step in planned.values():
        assert isinstance(step, Step)
        assert {step.then, step.otherwise} <= planned.keys() | outcomes
        assert step.name in steps.JOB_STEPS | steps.ROLLOUT_STEPS | {steps.COMPARING, steps.VALIDATING}


_LOOKS = st.lists(
    st.tuples(st.sampled_from(["good", "bad", "nothing", "gone"]), st.integers(min_value=0, max_value=400)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(_LOOKS)
def test_whatever_happens_it_ends_and_the_router_is_not_left_aside(looks: list[tuple[str, int]]) -> None:
    life = Life()
    asked, switched = True, False
    for what, seconds in looks:
        if not life.restore.running:
            break
        asked = asked and what != "gone"
        step = life.at
        seen = {"good": good(step), "bad": bad(step)}.get(what, Seen())
        life.look(seen, asked=asked, later=seconds)
        switched = switched or step == steps.SWITCHING
    for _ in range(200):
        if not life.restore.running:
            break
        life.look(replace(good(life.at), routers=False), asked=asked, later=61)
    assert life.restore.progress.ended
    assert not life.restore.aside
    if life.at == "RolledBack" and switched:
        # Nothing that may have been switched is left so.
        assert "SwitchingBack" in [each.step for each in life.restore.passed]
