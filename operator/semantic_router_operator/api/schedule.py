"""When a CronJob runs, as Kubernetes reads its schedule: for what the status says, and before the API server refuses.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/: five fields, names of months and weekdays, or one
of the words that begin with @. Weekdays are 0 to 6, without what other crons add (L, #, W, 7).
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# What no schedule of Kubernetes holds, though other crons read it.
_FOREIGN = re.compile(r"L$|LW|#|W$|(^|[,\-])7")
# Runs that the longest pause is looked for among: a year of daily ones.
_LOOKED_AT = 400
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def schedule_problem(schedule: str) -> str:
    """Return what is wrong with a schedule; empty for one that Kubernetes takes and that comes to pass."""
    fields = _fields(schedule).upper().split()
    if len(fields) != 5:
        return "must be five fields (minute, hour, day of month, month, weekday) or a word such as @daily"
    if any(_FOREIGN.search(fields[place]) for place in (2, 4)):
        return "must be as Kubernetes writes it: weekdays from 0 (Sunday) to 6, and neither L, W nor #"
    try:
        next(CronSim(" ".join(fields), _FIRST))
    except CronSimError as error:
        return f"is no schedule ({error})"
    except StopIteration:
        return "never comes to pass"
    return ""


def time_zone_problem(name: str) -> str:
    """Return what is wrong with the name of a time zone; nothing where this machine knows none at all."""
    if _zone(name) is not None or not available_timezones():
        return ""
    return "is not in the time zone database; write it as in Europe/Berlin"


def next_run(schedule: str, time_zone: str, after: datetime) -> datetime | None:
    """Return the first time of a schedule after a moment, in UTC; None where that cannot be told."""
    zone = _zone(time_zone)
    if zone is None:
        return None
    try:
        return next(CronSim(_fields(schedule), after.astimezone(zone))).astimezone(UTC)
    except (CronSimError, StopIteration):
        return None


def longest_pause(schedule: str) -> timedelta:
    """Return the longest time between two runs."""
    longest, times = timedelta(), CronSim(_fields(schedule), _FIRST)
    before = next(times)
    for _, time in zip(range(_LOOKED_AT), times, strict=False):
        longest, before = max(longest, time - before), time
    return longest


def _fields(schedule: str) -> str:
    return _WORDS.get(schedule, schedule)


def _zone(name: str) -> tzinfo | None:
    if name in ("Etc/UTC", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
