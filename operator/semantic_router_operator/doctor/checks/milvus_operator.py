"""milvus-operator: not installed, or stuck."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Json, Survey, conditions, waited

# A standalone and a cluster both came up in 93 s where images were there; pulling them takes minutes.
_UNTOUCHED_SECONDS = 180.0

NOT_INSTALLED = Verdict(
    "MilvusOperatorMissing",
    Severity.ERROR,
    "spec.milvus.managed needs milvus-operator, and the cluster does not know the kind Milvus.",
    "Install milvus-operator; the router serves from memory until Milvus is there.",
    "helm install milvus-operator -n milvus-operator --create-namespace"
    " https://github.com/zilliztech/milvus-operator/releases/download/v1.3.8/milvus-operator-1.3.8.tgz",
)
PROBE_LOCK = Verdict(
    "MilvusOperatorProbeLock",
    Severity.ERROR,
    "A Milvus with an external etcd and no endpoints has taken milvus-operator's probe lock, and from then on every"
    " new Milvus stays Pending.",
    "Correct or delete that Milvus, then restart milvus-operator.",
    "kubectl -n milvus-operator rollout restart deployment/milvus-operator",
)
UNTOUCHED = Verdict(
    "MilvusUntouched",
    Severity.ERROR,
    "milvus-operator has not looked at the Milvus resource: it does not run, or it is stuck.",
    "Look at its log, and restart it.",
    "kubectl -n milvus-operator logs deployment/milvus-operator --tail=50",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    if survey.spec("milvus", "managed") is not None and "Milvus" in survey.unserved:
        yield NOT_INSTALLED.found(
            survey, "CustomResourceDefinition/milvuses.milvus.io", "It is not there, and spec.milvus.managed is set."
        )
        return
    milvus = survey.one("Milvus", survey.milvus_name)
    if milvus is None or waited(milvus, survey.now) < _UNTOUCHED_SECONDS:
        return
    if (milvus.get("status") or {}).get("status", "Pending") != "Pending" or conditions(milvus):
        return
    guilty = [each for each in survey.all("Milvus") if _blocks_probes(each)]
    seconds = f"It has no condition after {waited(milvus, survey.now):.0f} s."
    if guilty:
        name = guilty[0]["metadata"]["name"]
        yield PROBE_LOCK.found(
            survey, f"Milvus/{survey.milvus_name}", f"{seconds} Milvus/{name} has no etcd endpoints."
        )
    else:
        yield UNTOUCHED.found(survey, f"Milvus/{survey.milvus_name}", seconds)


def _blocks_probes(milvus: Json) -> bool:
    etcd = ((milvus.get("spec") or {}).get("dependencies") or {}).get("etcd") or {}
    return bool(etcd.get("external")) and not etcd.get("endpoints")


CHECK = Check(
    "milvus-operator",
    "Milvus is not made",
    "The kind Milvus, the resource's conditions, and other Milvus resources that are known to block milvus-operator.",
    (NOT_INSTALLED, PROBE_LOCK, UNTOUCHED),
    _examine,
)
