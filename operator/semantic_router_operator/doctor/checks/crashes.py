"""Pods whose containers end again and again, or cannot be started at all."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.checks import collection, embedder, image_pull
from semantic_router_operator.doctor.survey import Survey
from semantic_router_operator.plan.pods import trouble

# Other checks know these better.
_TOLD_ELSEWHERE = frozenset({"OOMKilled", "Unschedulable", *image_pull.REASONS})
_EXPLAINED = ("Container check-config", collection.FOREIGN, embedder.WORDS)

CRASHES = Verdict(
    "ContainerFails",
    Severity.ERROR,
    "A container ends soon after its start, or cannot be started; its last words tell why.",
    "Put right what it names.",
    "kubectl -n {namespace} logs {pod} --all-containers --previous --tail=30",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for pod in survey.pods():
        found = trouble([pod])
        if found is None or found.reason in _TOLD_ELSEWHERE or any(words in found.message for words in _EXPLAINED):
            continue
        name = pod["metadata"]["name"]
        yield CRASHES.found(survey, f"Pod/{name}", f"{found.reason}: {found.message}", pod=name)


CHECK = Check(
    "crashes",
    "A container does not stay up",
    "The states of the containers of the router, of Milvus and of what Milvus depends on.",
    (CRASHES,),
    _examine,
    frozenset({"Pod"}),
)
