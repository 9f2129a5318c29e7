"""What was observed -> whether the current step of a migration waits, is done, or has failed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from semantic_router_operator.api.lifecycle import Validation
from semantic_router_operator.workflows import migration_steps as steps
from semantic_router_operator.workflows.machine import Failed, Progress, Succeeded, Verdict, Waiting
from semantic_router_operator.workflows.placement import Placement

# The exit codes of the router's cache commands that another attempt would not change: wrong use or configuration, a
# collection of another kind, models that are too unlike.
_FINAL_EXIT_CODES = frozenset({2, 3})
# Fewer failures tell nothing about a rate; from the second number on there is no need to wait for the window's end.
_LEAST_FAILURES = 5
_MANY_FAILURES = 25


@dataclass(frozen=True, slots=True)
class JobState:
    """The Job of the current step and attempt. `message` is its last log line or what keeps it from starting."""

    state: Literal["absent", "running", "succeeded", "failed"] = "absent"
    message: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """The Deployment against what is rendered for the current step.

    `done`: every pod is of that template and ready, and none of an older one is left. `failed`: why it never will be.
    """

    done: bool = False
    failed: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests since the pods' start, and those among them that failed (5xx)."""

    requests: int = 0
    failures: int = 0

    @property
    def ratio(self) -> float:
        return self.failures / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class PodReport:
    """What one pod says of itself; `problem` is why it says nothing."""

    name: str
    problem: str = ""
    backend: str = ""
    store_available: bool = True
    traffic: Traffic = Traffic()
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that verdicts depend on. `obstacle`: what the target lacks before anything can be tried there."""

    obstacle: str = ""
    job: JobState = JobState()
    rollout: Rollout = Rollout()
    pods: tuple[PodReport, ...] = ()

    @property
    def traffic(self) -> Traffic:
        """Of all pods together."""
        return Traffic(sum(p.traffic.requests for p in self.pods), sum(p.traffic.failures for p in self.pods))


class Watched(Protocol):
    """Pods and what they say of themselves."""

    @property
    def rollout(self) -> Rollout: ...
    @property
    def pods(self) -> tuple[PodReport, ...]: ...
    @property
    def traffic(self) -> Traffic: ...


def verdict(
    progress: Progress, target: Placement, validation: Validation, baseline: Traffic, seen: Observation, now: datetime
) -> Verdict:
    """Judge the current step. `baseline` is the traffic of the pods before the switch."""
    if progress.step in (steps.SWITCHING, steps.ROLLING_BACK):
        return rolled_out(seen.rollout)
    if progress.step == steps.VALIDATING:
        window_ends = progress.since + timedelta(seconds=validation.window_seconds)
        return validated(target, validation, baseline, seen, ended=now >= window_ends)
    if seen.obstacle and progress.step != steps.RESTORING_MODEL:
        return Waiting(seen.obstacle)
    return Succeeded() if progress.step == steps.PROVISIONING else worked(seen.job)


def worked(job: JobState) -> Verdict:
    """Judge a step that is a Job's."""
    if job.state == "succeeded":
        return Succeeded(job.message)
    if job.state == "failed":
        return Failed(job.message or f"exit code {job.exit_code}", final=job.exit_code in _FINAL_EXIT_CODES)
    return Waiting(job.message)


def rolled_out(rollout: Rollout) -> Verdict:
    """Judge a step that is a rollout of the router's pods."""
    if rollout.done:
        return Succeeded(rollout.message)
    return Failed(rollout.failed, final=True) if rollout.failed else Waiting(rollout.message)


def validated(target: Placement, validation: Validation, baseline: Traffic, seen: Watched, *, ended: bool) -> Verdict:
    """Judge pods that are on trial. `ended`: whether the time for it is over."""
    traffic = seen.traffic
    allowed = max(validation.max_error_ratio, baseline.ratio)
    said = f"{traffic.failures} of {traffic.requests} requests failed since the switch"
    failing = traffic.ratio > allowed and traffic.failures >= (_LEAST_FAILURES if ended else _MANY_FAILURES)
    if failing:
        return Failed(f"{said}; {allowed:.2%} are allowed, before it {baseline.ratio:.2%} did", final=True)
    if not ended:
        return Waiting(f"Requests are watched for {validation.window_seconds} s.")
    if seen.rollout.failed:
        return Failed(seen.rollout.failed, final=True)
    # Pods come and go for other reasons as well; what lasts ends by the step's own limit.
    if not seen.rollout.done:
        return Waiting(seen.rollout.message or "Not all pods are ready.")
    silent = next((pod for pod in seen.pods if pod.problem), None)
    if silent is not None:
        return Waiting(f"Pod/{silent.name} tells nothing: {silent.problem}")
    for pod in seen.pods:
        if pod.backend != target.backend:
            return Failed(f"Pod/{pod.name} runs backend {pod.backend}, not {target.backend}", final=True)
        if target.store and not pod.store_available:
            return Failed(f"Pod/{pod.name} does not reach Milvus", final=True)
    return Succeeded(f"{said}, {sum(pod.hits for pod in seen.pods)} were answered from the cache")
