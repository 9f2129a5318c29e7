"""Schedules of CronJobs: which there are, and when they run."""

from datetime import UTC, datetime, timedelta

import pytest

from semantic_router_operator.api.schedule import longest_pause, next_run, schedule_problem, time_zone_problem

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("0 2 * * 0", "2026-11-22T02:00"),
        ("0 2 * * *", "2026-11-22T02:00"),
        ("0 */6 * * *", "2026-11-21T18:00"),
        ("0 12 * * *", "2026-11-22T12:00"),
        ("30 4 1 JAN *", "2027-01-01T04:30"),
        ("15 3 * * MON-FRI", "2026-11-23T03:15"),
        ("@daily", "2026-11-22T00:00"),
        ("@weekly", "2026-11-22T00:00"),
    ],
)
def test_the_next_run(schedule: str, following: str) -> None:
    assert schedule_problem(schedule) == ""
    assert next_run(schedule, "Etc/UTC", NOON) == datetime.fromisoformat(f"{following}+00:00")


def test_a_schedule_is_of_its_time_zone() -> None:
    winter = next_run("0 2 * * *", "Europe/Berlin", NOON)
    assert winter == datetime(2026, 11, 22, 1, tzinfo=UTC)
    summer = next_run("0 2 * * *", "Europe/Berlin", NOON + timedelta(days=240))
    assert summer is not None
    assert summer.hour == 0


@pytest.mark.parametrize("schedule", ["0 2 * *", "61 2 * * *", "0 24 * * *", "0 2 L * *", "0 2 * * 7", "0 2 * * 5#2"])
def test_what_kubernetes_refuses_is_refused(schedule: str) -> None:
    assert schedule_problem(schedule)


def test_a_day_that_never_comes() -> None:
    assert schedule_problem("0 2 31 2 *")


def test_time_zones() -> None:
    assert time_zone_problem("Europe/Berlin") == ""
    assert "time zone database" in time_zone_problem("Europe/Atlantis")
    assert next_run("0 2 * * *", "Europe/Atlantis", NOON) is None


@pytest.mark.parametrize(("schedule", "hours"), [("0 2 * * 0", 168), ("0 */6 * * *", 6), ("0 8,20 * * MON-FRI", 60)])
def test_the_longest_pause(schedule: str, hours: int) -> None:
    assert longest_pause(schedule) == timedelta(hours=hours)
