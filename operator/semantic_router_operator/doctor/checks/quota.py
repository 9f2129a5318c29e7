"""Pods that the cluster refuses or finds no place for."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, conditions

QUOTA = Verdict(
    "QuotaExceeded",
    Severity.ERROR,
    "A ResourceQuota or LimitRange of the namespace refuses further pods.",
    "Raise the quota, or lower replicas or requests.",
    "kubectl -n {namespace} describe resourcequota",
)
REFUSED = Verdict(
    "PodsRefused",
    Severity.ERROR,
    "The cluster refuses the pods: a policy, a missing ServiceAccount or a webhook.",
    "Read the reason in the cluster's own words, and change what it names.",
    "kubectl -n {namespace} describe {kind} {name}",
)
UNSCHEDULABLE = Verdict(
    "Unschedulable",
    Severity.ERROR,
    "No node has room for the pod, or none that it may run on.",
    "Add nodes, lower its requests, or loosen its node selector, affinity and tolerations.",
    "kubectl -n {namespace} describe pod {name}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for each in filter(survey.is_ours, (*survey.all("Deployment"), *survey.all("StatefulSet"))):
        failure = conditions(each).get("ReplicaFailure", {})
        name, kind = each["metadata"]["name"], each.get("kind", "Deployment")
        said = str(failure.get("message", ""))
        if failure.get("status") != "True":
            # A StatefulSet tells of a refusal by an Event only.
            refusals = [e for e in survey.events_of(kind, name) if e.get("reason") == "FailedCreate"]
            ready = int((each.get("status") or {}).get("readyReplicas") or 0)
            if not refusals or ready >= int(each["spec"].get("replicas", 1)):
                continue
            said = str(refusals[-1].get("message", ""))
        verdict = QUOTA if "quota" in said or "LimitRange" in said or "limit" in said.split(":")[0] else REFUSED
        yield verdict.found(survey, f"{kind}/{name}", said, kind=kind.lower(), name=name)
    for pod in survey.pods():
        scheduled = conditions(pod).get("PodScheduled", {})
        if scheduled.get("reason") == "Unschedulable" and "PersistentVolumeClaim" not in str(scheduled.get("message")):
            name = pod["metadata"]["name"]
            yield UNSCHEDULABLE.found(survey, f"Pod/{name}", str(scheduled.get("message", "")), name=name)


CHECK = Check(
    "quota",
    "Pods are refused or find no node",
    "What Deployments, StatefulSets and the scheduler say about pods that are not made or not placed.",
    (QUOTA, REFUSED, UNSCHEDULABLE),
    _examine,
    frozenset({"Pod", "Deployment"}),
)
