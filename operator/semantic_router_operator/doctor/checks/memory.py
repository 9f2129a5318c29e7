"""Pods that were killed because they need more memory than their limit."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Json, Survey

ROUTER = Verdict(
    "RouterOutOfMemory",
    Severity.ERROR,
    "The router was killed at its memory limit; the cache in memory grows with maxMemoryEntries (3.3 kB an entry).",
    "Raise the limit, or lower spec.cache.maxMemoryEntries.",
    "kubectl -n {namespace} patch semanticrouter {name} --type merge"
    ' -p \'{{"spec":{{"router":{{"resources":{{"limits":{{"memory":"2Gi"}}}}}}}}}}\'',
)
MILVUS = Verdict(
    "MilvusOutOfMemory",
    Severity.ERROR,
    "A component of Milvus was killed at its memory limit; queryNodes hold every loaded vector and its index.",
    "Raise its memory limit, add queryNodes, or choose an index on disk (DISKANN).",
    "kubectl -n {namespace} top pods -l app.kubernetes.io/name=milvus",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for verdict, pods in ((ROUTER, survey.of_router("Pod")), (MILVUS, survey.milvus_pods())):
        for pod in pods:
            for container, restarts in _killed(pod):
                yield verdict.found(
                    survey,
                    f"Pod/{pod['metadata']['name']}",
                    f"Container {container} was OOMKilled; {restarts} restarts so far.",
                )


def _killed(pod: Json) -> Iterator[tuple[str, int]]:
    status = pod.get("status") or {}
    for state in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        for when in ("state", "lastState"):
            if ((state.get(when) or {}).get("terminated") or {}).get("reason") == "OOMKilled":
                yield str(state.get("name")), int(state.get("restartCount") or 0)
                break


CHECK = Check(
    "out-of-memory",
    "Out of memory",
    "Why containers of the router and of Milvus ended.",
    (ROUTER, MILVUS),
    _examine,
    frozenset({"Pod"}),
)
