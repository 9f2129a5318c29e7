"""From objects as the API server holds them to what a restore's verdicts depend on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from semantic_router_operator.workflows.job_result import Said, last_words, said_by
from semantic_router_operator.workflows.migration_objects import JOB_NAME_LABEL
from semantic_router_operator.workflows.migration_observing import job_state, of_component, rollout_state
from semantic_router_operator.workflows.migration_verdicts import JobState, Rollout

Json = Mapping[str, Any]


def job_seen(job: Json | None, pods: Sequence[Json]) -> tuple[JobState, Said]:
    """How far a restore's Job is, and the last words of its pod."""
    state = job_state(job, of_component(pods, "restore"))
    if job is None or state.state not in ("succeeded", "failed"):
        return state, Said()
    name = job["metadata"]["name"]
    said = last_words(said_by(pod for pod in pods if (pod["metadata"].get("labels") or {}).get(JOB_NAME_LABEL) == name))
    # A message that is JSON is not for people.
    return (replace(state, message=said.message) if said.message else state), said


def rollout_seen(deployment: Json | None, desired: Json | None, pods: Sequence[Json]) -> Rollout:
    """Whether every pod runs the template that is desired now, and there are as many as are desired."""
    if deployment is not None and desired is not None:
        there, wanted = int(deployment["spec"].get("replicas", 1)), desired["spec"].get("replicas")
        # An autoscaler says how many, but never none.
        if there != wanted if wanted is not None else there == 0:
            return Rollout(message="The Deployment has not been scaled yet.")
    return rollout_state(deployment, desired, of_component(pods, "router"))
