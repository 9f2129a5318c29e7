"""A restore that has failed, or that waits for a person."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

FAILED = Verdict(
    "RestoreFailed",
    Severity.WARNING,
    "The last restore has failed; the router serves what it served before.",
    "Put right what the sentence names, and ask for the restore again: an ended one is history.",
    "kubectl semantic-router restore {name} -n {namespace}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    ours = [
        each
        for each in survey.all("SemanticCacheRestore")
        if ((each.get("spec") or {}).get("routerRef") or {}).get("name") == survey.name
    ]
    ours.sort(key=lambda each: str(each["metadata"]["creationTimestamp"]))
    status = (ours[-1].get("status") or {}) if ours else {}
    if status.get("phase") == "Failed":
        yield FAILED.found(
            survey, f"SemanticCacheRestore/{ours[-1]['metadata']['name']}", str(status.get("message", ""))
        )


CHECK = Check(
    "restores",
    "A restore has failed",
    "The newest SemanticCacheRestore of the router.",
    (FAILED,),
    _examine,
)
