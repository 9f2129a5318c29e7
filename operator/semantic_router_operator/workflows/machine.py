"""A workflow as data: named steps, each tried so often and for so long. What is the case -> where it stands next.

Nothing here acts. A handler stores the progress in the resource's status before it acts on it, and every action may be
repeated; so a kill at any point is followed by the same step again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Between two attempts of a step: doubled with each, up to the longest.
FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `then` and `otherwise` name the step, or the outcome, that follows success and failure for good.

    `untimed` steps wait as long as it takes, and the workflow's time runs from the end of the last of them. `seconds`
    is a limit of the step's own, which holds instead of the workflow's.
    """

    name: str
    then: str
    otherwise: str
    attempts: int = 1
    untimed: bool = False
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The step goes on."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The step is done."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt has failed; `final`: another one would fail as well."""

    message: str
    final: bool = False


Verdict = Waiting | Succeeded | Failed


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a workflow stands. `step` is empty once it has ended, `outcome` until then."""

    step: str
    since: datetime
    attempt: int = 1
    retry_at: datetime | None = None
    deadline: datetime | None = None
    outcome: str = ""
    message: str = ""

    @property
    def ended(self) -> bool:
        return bool(self.outcome)

    @property
    def trying(self) -> int:
        """The attempt that something is done for: while one is waited for, the one before."""
        return self.attempt if self.retry_at is None else self.attempt - 1


def advance(
    steps: Mapping[str, Step], progress: Progress, verdict: Verdict, now: datetime, limit: timedelta
) -> Progress:
    """Return where the workflow stands after `verdict` on its current step; the same object where nothing changes.

    `limit` is the time for all steps that are timed.
    """
    if progress.ended:
        return progress
    step = steps[progress.step]
    if isinstance(verdict, Succeeded):
        return enter(steps, progress, step.then, now, limit, verdict.message)
    if _late(step, progress, now):
        said = f": {verdict.message}" if verdict.message else ""
        return enter(steps, progress, step.otherwise, now, limit, f"{step.name} took too long{said}")
    if progress.retry_at is not None:
        return progress if now < progress.retry_at else replace(progress, retry_at=None)
    if isinstance(verdict, Waiting):
        return progress if verdict.message == progress.message else replace(progress, message=verdict.message)
    if verdict.final or progress.attempt >= step.attempts:
        return enter(steps, progress, step.otherwise, now, limit, verdict.message)
    pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (progress.attempt - 1))
    retry_at = now + timedelta(seconds=pause)
    return replace(progress, attempt=progress.attempt + 1, retry_at=retry_at, message=verdict.message)


def enter(
    steps: Mapping[str, Step], progress: Progress, name: str, now: datetime, limit: timedelta, message: str
) -> Progress:
    """Return the progress at the beginning of step `name`, or at its end where that is an outcome."""
    following = steps.get(name)
    if following is None:
        return Progress("", now, deadline=progress.deadline, outcome=name, message=message)
    deadline = progress.deadline
    if deadline is None and not following.untimed:
        deadline = now + limit
    return Progress(name, now, deadline=deadline, message=message)


def due(steps: Mapping[str, Step], progress: Progress, now: datetime) -> float | None:
    """Seconds until time alone changes something; None where it never does."""
    if progress.ended:
        return None
    step = steps[progress.step]
    times = (_end(step, progress), progress.retry_at)
    left = [max(0.0, (time - now).total_seconds()) for time in times if time is not None]
    return min(left, default=None)


def _late(step: Step, progress: Progress, now: datetime) -> bool:
    end = _end(step, progress)
    return end is not None and now >= end


def _end(step: Step, progress: Progress) -> datetime | None:
    if step.seconds is not None:
        return progress.since + timedelta(seconds=step.seconds)
    return None if step.untimed else progress.deadline
