"""The core of all workflows: it ends, whatever is observed, and a kill between two looks changes nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from semantic_router_operator.workflows.machine import (
    Failed,
    Progress,
    Step,
    Succeeded,
    Verdict,
    Waiting,
    advance,
    due,
    enter,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIMIT = timedelta(hours=1)
STEPS = {
    "Waiting": Step("Waiting", "Working", "GivenUp", untimed=True),
    "Working": Step("Working", "Done", "Undoing", attempts=3),
    "Undoing": Step("Undoing", "Undone", "Undone", seconds=600),
}
OUTCOMES = {"Done", "GivenUp", "Undone"}
VERDICTS: st.SearchStrategy[Verdict] = st.one_of(
    st.builds(Waiting, st.sampled_from(["", "a", "b"])),
    st.builds(Succeeded, st.sampled_from(["", "done"])),
    st.builds(Failed, st.just("no"), st.booleans()),
)


def _at(step: str) -> Progress:
    return enter(STEPS, Progress("", NOW), step, NOW, LIMIT, "")


def test_success_leads_on() -> None:
    progress = advance(STEPS, _at("Waiting"), Succeeded("there"), NOW, LIMIT)
    assert (progress.step, progress.attempt, progress.message) == ("Working", 1, "there")
    assert progress.deadline == NOW + LIMIT
    assert advance(STEPS, progress, Succeeded(), NOW, LIMIT).outcome == "Done"


def test_an_untimed_step_waits_as_long_as_it_takes() -> None:
    progress = _at("Waiting")
    assert due(STEPS, progress, NOW) is None
    later = advance(STEPS, progress, Waiting("still not there"), NOW + timedelta(days=30), LIMIT)
    assert (later.step, later.message) == ("Waiting", "still not there")


def test_attempts_have_growing_pauses_and_an_end() -> None:
    progress, pauses, now = _at("Working"), [], NOW
    while progress.step == "Working":
        following = advance(STEPS, progress, Failed("no route"), now, LIMIT)
        if following.retry_at is not None and following.attempt > progress.attempt:
            pauses.append((following.retry_at - now).total_seconds())
            assert advance(STEPS, following, Failed("of the attempt before"), now, LIMIT) is following
            now = following.retry_at
        progress = following
    assert pauses == [5, 10]
    assert (progress.step, progress.message) == ("Undoing", "no route")


def test_what_another_attempt_would_not_change_is_not_tried_again() -> None:
    assert advance(STEPS, _at("Working"), Failed("wrong", final=True), NOW, LIMIT).step == "Undoing"


def test_the_deadline_is_told() -> None:
    progress = advance(STEPS, _at("Working"), Waiting("the pod starts"), NOW + LIMIT, LIMIT)
    assert (progress.step, progress.message) == ("Undoing", "Working took too long: the pod starts")
    assert advance(STEPS, progress, Waiting(), NOW + LIMIT + timedelta(seconds=600), LIMIT).outcome == "Undone"


def test_success_counts_also_when_it_is_late() -> None:
    assert advance(STEPS, _at("Working"), Succeeded(), NOW + 2 * LIMIT, LIMIT).outcome == "Done"


@given(st.lists(st.tuples(VERDICTS, st.integers(0, 900)), max_size=60))
def test_every_sequence_ends_and_stays_ended(seen: list[tuple[Verdict, int]]) -> None:
    now = NOW
    progress = advance(STEPS, _at("Waiting"), Succeeded(), now, LIMIT)
    for verdict, seconds in seen:
        now += timedelta(seconds=seconds)
        progress = advance(STEPS, progress, verdict, now, LIMIT)
        assert bool(progress.step) is not bool(progress.outcome)
    for _ in range(4):
        wait = due(STEPS, progress, now)
        now += timedelta(seconds=wait or 0)
        progress = advance(STEPS, progress, Waiting(), now, LIMIT)
    assert progress.outcome in OUTCOMES
    assert advance(STEPS, progress, Failed("late news"), now, LIMIT) is progress
