"""The collection: missing where it may not be made, another schema, another metric than the resource asks for."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey

# The router's words for it: cache/milvus/collection.py.
FOREIGN = "was not made by this router"

MISSING = Verdict(
    "CollectionMissing",
    Severity.ERROR,
    "The collection does not exist and spec.milvus.collection.autoCreate forbids making it.",
    "Create it, correct its name, or set autoCreate to true.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
METRIC = Verdict(
    "MetricDiffers",
    Severity.WARNING,
    "The collection's index compares vectors by another metric than the resource asks for; the collection's counts.",
    "Set spec.milvus.collection.metricType to it, or move the entries into a new collection.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router cache reembed --help",
)
SCHEMA = Verdict(
    "SchemaDiffers",
    Severity.ERROR,
    "A collection of that name has other fields than the cache's; it was made by hand or by another program.",
    "Set spec.milvus.collection.name to another name, or rename what is there as the sentence says.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    state = survey.probed.milvus if survey.probed else None
    wanted = survey.spec("milvus", "collection") or {}
    name = wanted.get("name", "semantic_cache")
    if state is not None and state.authenticated and not state.reason:
        if state.collection is None:
            if wanted.get("autoCreate") is False:
                yield MISSING.found(survey, f"Collection/{name}", "Milvus does not know it.")
        elif state.collection.metric_type not in (None, wanted.get("metricType", "IP")):
            text = (
                f"Its index compares by {state.collection.metric_type}, {wanted.get('metricType', 'IP')} is asked for."
            )
            yield METRIC.found(survey, f"Collection/{name}", text)
    for subject, said in survey.router_words():
        if FOREIGN in said:
            yield SCHEMA.found(survey, subject, said)
            return


CHECK = Check(
    "collection",
    "The collection is missing or of another schema",
    "What a probe with the router's credentials sees of the collection, and what the routers say of it.",
    (MISSING, METRIC, SCHEMA),
    _examine,
)
