"""The embedding model is another one than the one that made the vectors in Milvus."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

# The router's words for it: cache/milvus/collection.py.
WORDS = "cache reembed"

MISMATCH = Verdict(
    "EmbedderMismatch",
    Severity.ERROR,
    "The vectors in the collection were made by another embedding model; they cannot be compared with today's.",
    "Make them anew beside the old ones, and switch; or name another collection to begin with an empty one.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router cache reembed --config config/config.yaml",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    for subject, said in survey.router_words():
        if WORDS in said:
            yield MISMATCH.found(survey, subject, said)
            return


CHECK = Check(
    "embedder",
    "The embedding model has changed",
    "What routers say of the collection when they open it.",
    (MISMATCH,),
    _examine,
    frozenset({"Pod"}),
)
