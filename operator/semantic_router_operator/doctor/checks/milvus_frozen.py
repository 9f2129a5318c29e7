"""milvus-operator's status is frozen: it tells of an older version of the resource, possibly that all is well."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Repair, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, moment

_PAUSE = "milvus.io/pause-reconcile"
# It looks every 30 s, every 60 s once healthy.
_FROZEN_SECONDS = 180.0

PAUSED = Verdict(
    "MilvusPaused",
    Severity.WARNING,
    "milvus-operator was told to leave this Milvus alone; changes and repairs wait, and its status stands still.",
    "Remove the annotation.",
    "kubectl -n {namespace} annotate milvus {milvus} milvus.io/pause-reconcile-",
)
FROZEN = Verdict(
    "MilvusStatusFrozen",
    Severity.ERROR,
    "milvus-operator has not taken the newest version of the resource; Helm errors stand only in its log.",
    "Read its log for this name, and correct the values that it complains about.",
    "kubectl -n milvus-operator logs deployment/milvus-operator --tail=200 | grep {milvus}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    milvus = survey.managed_milvus
    if milvus is None:
        return
    metadata, status = milvus["metadata"], milvus.get("status") or {}
    subject = f"Milvus/{survey.milvus_name}"
    if (metadata.get("annotations") or {}).get(_PAUSE) == "true":
        repair = Repair(
            milvus.get("apiVersion", "milvus.io/v1beta1"), "Milvus", survey.milvus_name,
            {"metadata": {"annotations": {_PAUSE: None}}},
            f"remove the annotation {_PAUSE} of {subject}",
        )  # fmt: skip
        yield PAUSED.found(survey, subject, f"The annotation {_PAUSE} is true.", repair=repair)
        return
    generation, seen = int(metadata.get("generation", 0)), int(status.get("observedGeneration") or 0)
    written = [moment(str(each["time"])) for each in metadata.get("managedFields") or () if each.get("time")]
    since = (survey.now - max(written, default=survey.now)).total_seconds()
    if status and seen < generation and since > _FROZEN_SECONDS:
        text = f"Generation {generation} is {since:.0f} s old, its status ({status.get('status')}) tells of {seen}."
        yield FROZEN.found(survey, subject, text)


CHECK = Check(
    "milvus-frozen",
    "The status of Milvus stands still",
    "The generation that milvus-operator's status speaks about, and its pause annotation.",
    (PAUSED, FROZEN),
    _examine,
    frozenset({"Milvus"}),
)
