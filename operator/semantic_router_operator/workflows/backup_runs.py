"""Ended Jobs of backups, as far as they can be read: what each came to, in its pod's own words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from semantic_router_operator.backup.result import Result
from semantic_router_operator.workflows.job_result import Said, last_words, said_by

Json = Mapping[str, Any]
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
COMPONENT_LABEL = "app.kubernetes.io/component"
# The end of a Job may be told before the last words of its pod; after this time there are none to come.
_PATIENCE = timedelta(seconds=30)
_TOO_LATE = "DeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Run:
    """One ended Job. `result` is None where its pod has left none."""

    job: str
    ended: datetime
    failed: bool
    reason: str = ""
    message: str = ""
    result: Result | None = None


def runs_of(component: str, jobs: Iterable[Json], pods: Iterable[Json], now: datetime) -> list[Run]:
    """Return the ended Jobs of a component, the one that ended first comes first.

    None after one whose pod's words are still to come: whoever counts them goes by their order.
    """
    own_pods, found = [*pods], list[Run]()
    ended = [(time, job) for job in jobs if _label(job, COMPONENT_LABEL) == component and (time := ended_at(job))]
    for _, job in sorted(ended, key=lambda each: (each[0], str(each[1]["metadata"]["name"]))):
        run = run_of(job, own_pods, now)
        if run is None:
            break
        found.append(run)
    return found


def running(component: str, jobs: Iterable[Json]) -> list[str]:
    """Return the names of the Jobs of a component that have not ended."""
    return sorted(
        str(job["metadata"]["name"])
        for job in jobs
        if _label(job, COMPONENT_LABEL) == component and ended_at(job) is None
    )


def unread(component: str, jobs: Iterable[Json], pods: Sequence[Json], now: datetime) -> bool:
    """Whether a Job of a component has ended whose pod's words are still to come."""
    own = (job for job in jobs if _label(job, COMPONENT_LABEL) == component)
    return any(ended_at(job) is not None and run_of(job, pods, now) is None for job in own)


def ended_at(job: Json) -> datetime | None:
    """Return when a Job ended, None while it runs."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            time = (job.get("status") or {}).get("completionTime") or condition.get("lastTransitionTime")
            return datetime.fromisoformat(str(time))
    return None


def run_of(job: Json, pods: Sequence[Json], now: datetime) -> Run | None:
    """Return what a Job came to, None while it runs or its pod's words are still to come."""
    ended = ended_at(job)
    if ended is None:
        return None
    name = str(job["metadata"]["name"])
    said = said_by(pod for pod in pods if _label(pod, JOB_NAME_LABEL) == name)
    if not said and now < ended + _PATIENCE:
        return None
    words = last_words(said)
    failure = next((each for each in job["status"]["conditions"] if each.get("type") == "Failed"), None)
    if failure is not None and failure.get("status") == "True":
        return _failed(name, ended, words, failure)
    if words.result is not None and words.result.outcome == "failed":
        return Run(name, ended, True, words.reason or "Failed", words.message, words.result)
    return Run(name, ended, False, "", words.message, words.result)


def _failed(name: str, ended: datetime, words: Said, failure: Json) -> Run:
    if failure.get("reason") == _TOO_LATE:
        text = "it took longer than spec.backup.deadlineSeconds allows, and was ended"
        return Run(name, ended, True, _TOO_LATE, text)
    told = words.message or str(failure.get("message") or "its pod has left no word")
    return Run(name, ended, True, words.reason or "Failed", told, words.result)


def _label(obj: Json, label: str) -> str:
    return str((obj["metadata"].get("labels") or {}).get(label, ""))
