"""How many threads make a graph.

They yield to requests by their niceness, but not where a container's processor time is limited: what they use up
then stops every thread until the next period. One processor's worth is left to the requests there.
"""

import os
from pathlib import Path

# Version 2 of control groups; `max` or a quota, and the period, in microseconds.
_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def build_threads() -> int:
    """Return how many threads are for building, at least one."""
    try:
        limit = _LIMIT.read_text()
    except OSError:
        limit = ""
    return threads_within(limit, os.cpu_count() or 1)


def threads_within(limit: str, processors: int) -> int:
    """Return the same for the text of `cpu.max`, empty where there is none, and a number of processors."""
    match limit.split():
        case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
            return max(1, min(processors, int(quota) // int(period) - 1))
        case _:
            return processors
