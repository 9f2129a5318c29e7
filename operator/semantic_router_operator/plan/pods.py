"""Why a pod does not run, in its own words: what its containers' states and its conditions say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.render.deployment import CHECKSUM_ANNOTATION

Json = Mapping[str, Any]
LONGEST_TEXT = 300
# Waiting for these is no failure.
_HARMLESS = frozenset({"ContainerCreating", "PodInitializing", ""})


@dataclass(frozen=True)
class Trouble:
    """`reason` as Kubernetes names it (ImagePullBackOff, OOMKilled, CrashLoopBackOff, Unschedulable, ...)."""

    reason: str
    message: str


def outdated(pods: Iterable[Json], deployment: Json | None) -> frozenset[str]:
    """Names of the pods that were made for other files than this Deployment's pods start with: a rollout replaces them.

    A ConfigMap's change reaches them all the same, and they may refuse what was never meant for them: a file that only
    the pods to come have mounted, say. A pod that does not say what it was made for is not one of them.
    """
    wanted = _checksum(deployment["spec"].get("template") or {}) if deployment is not None else ""
    return frozenset(str(pod["metadata"]["name"]) for pod in pods if wanted and _checksum(pod) not in ("", wanted))


def trouble(pods: Iterable[Json]) -> Trouble | None:
    """The first failing pod's reason, by pod name; None when none fails. Pods on their way out do not count."""
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        if pod["metadata"].get("deletionTimestamp"):
            continue
        found = _of_containers(pod) or _of_scheduling(pod)
        if found is not None:
            return found
    return None


def _checksum(pod: Json) -> str:
    """That of a pod, or of a template for one."""
    return str(((pod.get("metadata") or {}).get("annotations") or {}).get(CHECKSUM_ANNOTATION, ""))


def _of_containers(pod: Json) -> Trouble | None:
    status = pod.get("status") or {}
    for state in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        now = state.get("state") or {}
        waiting = now.get("waiting") or {}
        ended = now.get("terminated") or (state.get("lastState") or {}).get("terminated") or {}
        reason = str(waiting.get("reason") or "")
        failed_now = bool((now.get("terminated") or {}).get("exitCode"))
        if reason in _HARMLESS and not failed_now:
            continue
        where = f"Container {state.get('name')} of Pod/{pod['metadata']['name']}"
        if ended.get("reason") == "OOMKilled":
            text = (
                f"{where} needs more memory than its limit and was killed; raise spec.router.resources.limits.memory."
            )
            return Trouble("OOMKilled", text)
        if reason == "CrashLoopBackOff" or failed_now:
            line = _last_line(str(ended.get("message") or ""))
            said = f"; last log line: {line}" if line else f"; see kubectl logs {pod['metadata']['name']} --previous"
            return Trouble(reason or "Failed", f"{where} ended with exit code {ended.get('exitCode')}{said}")
        said = str(waiting.get("message") or "").strip()[:LONGEST_TEXT]
        return Trouble(reason, f"{where} cannot start: {said or reason}")
    return None


def _of_scheduling(pod: Json) -> Trouble | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            text = str(condition.get("message") or "")[:LONGEST_TEXT]
            return Trouble("Unschedulable", f"Pod/{pod['metadata']['name']} finds no node: {text}")
    return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:LONGEST_TEXT] if lines else ""
