"""Something is not as it should be, and no other check knows why: that is said, too."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey
from semantic_router_operator.plan.diagnosis import unready

# A migration has no time limit but its own, and a condition of its own.
_LONG = frozenset({"Migrating"})

UNEXPLAINED = Verdict(
    "NotExplained",
    Severity.WARNING,
    "A condition of the resource is not as it should be, and no check of the doctor has found a reason.",
    "Read what the condition says, and what its pods say; a bundle shows it to somebody else.",
    "kubectl semantic-router bundle {name} -n {namespace}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    conditions = (survey.resource or {}).get("status", {}).get("conditions") or ()
    found = unready(conditions)
    if found is None or found.reason in _LONG or found.patience(survey.now) > 0:
        return
    kind = next(each["type"] for each in conditions if each["reason"] == found.reason)
    text = f"{kind} ({found.reason}): {survey.condition(kind).get('message', '')}"
    yield UNEXPLAINED.found(survey, f"SemanticRouter/{survey.name}", text)


CHECK = Check(
    "unexplained",
    "Not ready, and nothing else is found",
    "The conditions Ready, Degraded and BackupHealthy, once all other checks have been made.",
    (UNEXPLAINED,),
    _examine,
    last_resort=True,
)
