"""From objects as the API server holds them to what a migration's verdicts depend on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from semantic_router_operator.plan.pods import trouble
from semantic_router_operator.workflows.migration_objects import JOB_NAME_LABEL
from semantic_router_operator.workflows.migration_verdicts import JobState, Rollout

Json = Mapping[str, Any]
CHECKSUM_ANNOTATION = "semanticrouter.dev/checksum"
# Reasons of a pod that waiting does not mend.
_HOPELESS = frozenset({"CrashLoopBackOff", "OOMKilled", "Failed", "Error"})


def job_state(job: Json | None, pods: Iterable[Json]) -> JobState:
    """How far a Job is, with the last line that its pod has said."""
    if job is None:
        return JobState()
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(JOB_NAME_LABEL) == job["metadata"]["name"]]
    conditions = {each["type"]: each for each in (job.get("status") or {}).get("conditions") or ()}
    code, line = _last_words(own)
    if conditions.get("Complete", {}).get("status") == "True":
        return JobState("succeeded", line, 0)
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        return JobState("failed", line or str(failed.get("message") or failed.get("reason") or ""), code)
    waiting = trouble(own)
    return JobState("running", waiting.message if waiting is not None else "")


def rollout_state(deployment: Json | None, desired: Json | None, pods: Iterable[Json]) -> Rollout:
    """Whether every pod runs the template that is desired now."""
    if deployment is None or desired is None:
        return Rollout(message="The router's Deployment is not there yet.")
    metadata, spec, status = deployment["metadata"], deployment["spec"], deployment.get("status") or {}
    if _checksum(deployment) != _checksum(desired):
        return Rollout(message="The Deployment has not been changed yet.")
    if int(status.get("observedGeneration", 0)) < int(metadata.get("generation", 0)):
        return Rollout(message="The Deployment has not been looked at yet.")
    wanted = int(spec.get("replicas", 1))
    updated, ready, total = (int(status.get(key, 0)) for key in ("updatedReplicas", "readyReplicas", "replicas"))
    if updated == wanted and ready == wanted and total == wanted:
        return Rollout(done=True, message=f"{ready} pods are ready")
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    failing = trouble(pods)
    if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        stuck = str(conditions["Progressing"].get("message") or "The rollout makes no progress.")
        return Rollout(failed=failing.message if failing is not None else stuck)
    if failing is not None and failing.reason in _HOPELESS:
        return Rollout(failed=failing.message)
    return Rollout(message=f"{updated} of {wanted} pods are new, {ready} ready, {total} in all.")


def addresses(pods: Iterable[Json]) -> list[tuple[str, str]]:
    """Name and address of each pod that is not leaving, by name; the address is empty where it has none yet."""
    return sorted(
        (str(pod["metadata"]["name"]), str((pod.get("status") or {}).get("podIP") or ""))
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
    )


def of_component(pods: Iterable[Json], component: str) -> list[Json]:
    """The pods of the router, or those of its migration's Jobs."""
    return [
        pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/component") == component
    ]


def _last_words(pods: Sequence[Json]) -> tuple[int | None, str]:
    """The exit code and the last line of the container that failed, else of the one that came last."""
    code, line = None, ""
    for pod in pods:
        status = pod.get("status") or {}
        for state in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            ended = (state.get("state") or {}).get("terminated")
            if ended is None:
                continue
            lines = [each.strip() for each in str(ended.get("message") or "").splitlines() if each.strip()]
            code, line = int(ended.get("exitCode", 0)), lines[-1][:300] if lines else ""
            if code != 0:
                return code, line
    return code, line


def _checksum(deployment: Json) -> str:
    annotations = deployment["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(annotations.get(CHECKSUM_ANNOTATION, ""))
