"""The embedding model is another one than the one that made the vectors in Milvus."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

_WORDS = ("cache reembed",)

MISMATCH = Verdict(
    "EmbedderMismatch",
    Severity.ERROR,
    "The vectors in the collection were made by another embedding model; they cannot be compared with today's.",
    "Make them anew beside the old ones, and switch; or name another collection to begin with an empty one.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router cache reembed --config config/config.yaml",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    seen: list[tuple[str, str]] = [
        (f"Pod/{each.name}", f"{each.problem} {each.reload_problem}") for each in survey.router_states
    ]
    for pod in survey.of_router("Pod"):
        for state in (pod.get("status") or {}).get("containerStatuses") or ():
            ended = (state.get("state") or {}).get("terminated") or (state.get("lastState") or {}).get("terminated")
            seen.append((f"Pod/{pod['metadata']['name']}", str((ended or {}).get("message") or "")))
    for subject, text in seen:
        if any(words in text for words in _WORDS):
            yield MISMATCH.found(survey, subject, " ".join(text.split())[-300:])
            return


CHECK = Check(
    "embedder",
    "The embedding model has changed",
    "What routers say of the collection when they open it.",
    (MISMATCH,),
    _examine,
    frozenset({"Pod"}),
)
