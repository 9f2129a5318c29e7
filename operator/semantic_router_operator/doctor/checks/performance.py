"""Lookups in Milvus are slow, or find less than they should, for a reason that the settings tell."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Repair, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey
from semantic_router_operator.render.deployment import RESTART_ANNOTATION

# Brute force is as quick as a graph up to about here: docs/benchmarks.md.
_FLAT_ROWS = 20_000

NO_INDEX = Verdict(
    "IndexMissing",
    Severity.ERROR,
    "The collection has no index over its vectors, so every lookup compares with every row, or fails.",
    "Let the router make it again: it does so when it opens the collection.",
    "kubectl -n {namespace} rollout restart deployment/{name}",
)
FLAT = Verdict(
    "IndexFlat",
    Severity.WARNING,
    "A FLAT index compares with every row; the time of a lookup grows with their number.",
    "Choose HNSW in spec.milvus.collection.indexType; docs/milvus.md has the differences.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
NOT_LOADED = Verdict(
    "CollectionNotLoaded",
    Severity.ERROR,
    "The collection is not loaded into queryNodes, so it cannot be searched.",
    "Restart the routers, which load it; if it comes back, look at the queryNodes' memory.",
    "kubectl -n {namespace} rollout restart deployment/{name}",
)
WIDE_SEARCH = Verdict(
    "SearchTooWide",
    Severity.WARNING,
    "ef or nprobe is far above what recall needs, and every lookup pays for it.",
    "Measure recall on the real collection and take the value that it recommends.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router cache tune --config config/config.yaml",
)
NARROW_SEARCH = Verdict(
    "SearchTooNarrow",
    Severity.WARNING,
    "ef is below topk, which HNSW raises by itself or refuses, depending on the version.",
    "Set ef to at least topk.",
    "kubectl -n {namespace} exec deploy/{name} -- semantic-router cache tune --config config/config.yaml",
)
STRONG = Verdict(
    "ConsistencyStrong",
    Severity.NOTE,
    "With consistency level Strong every lookup waits until all writes are visible: up to 200 ms.",
    "Session is enough for a cache: a router sees its own writes at once, others' within a second.",
    "kubectl -n {namespace} edit semanticrouter {name}",
)
NO_REQUESTS = Verdict(
    "NoResources",
    Severity.NOTE,
    "Milvus runs without resource requests, so a busy node starves it first.",
    "Set spec.milvus.managed.resources.",
    "kubectl -n {namespace} top pods -l app.kubernetes.io/name=milvus",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    if survey.spec("milvus") is None:
        return
    subject = f"SemanticRouter/{survey.name}"
    state = survey.probed.milvus.collection if survey.probed and survey.probed.milvus else None
    if state is not None:
        rows = f"{state.rows} rows" if state.rows is not None else "an unknown number of rows"
        if state.index_type == "":
            text = f"It has {rows} and no index."
            yield NO_INDEX.found(survey, f"Collection/{state.real_name}", text, repair=_restart(survey))
        if state.index_type == "FLAT" and (state.rows or 0) >= _FLAT_ROWS:
            yield FLAT.found(survey, f"Collection/{state.real_name}", f"It has {rows} in a FLAT index.")
        if state.loaded is False:
            text, repair = "Its state is not Loaded.", None if state.index_type == "" else _restart(survey)
            yield NOT_LOADED.found(survey, f"Collection/{state.real_name}", text, repair=repair)
    search = survey.spec("milvus", "search") or {}
    params, topk = search.get("params") or {}, int(search.get("topk", 10))
    widest = max((int(params[key]) for key in ("ef", "nprobe") if key in params), default=0)
    if widest > max(512, 32 * topk):
        yield WIDE_SEARCH.found(survey, subject, f"spec.milvus.search.params is {dict(params)}, topk is {topk}.")
    if 0 < int(params.get("ef", 0)) < topk:
        yield NARROW_SEARCH.found(survey, subject, f"ef is {params['ef']}, topk is {topk}.")
    if search.get("consistencyLevel") == "Strong":
        yield STRONG.found(survey, subject, "spec.milvus.search.consistencyLevel is Strong.")
    milvus = survey.managed_milvus
    if milvus is not None and survey.spec("profile") == "production":
        components = (milvus.get("spec") or {}).get("components") or {}
        # Of all its pods; a profile sets them where the resource does not.
        if not (components.get("resources") or {}).get("requests"):
            text = (
                f"The profile is production, and Milvus/{survey.milvus_name} asks for nothing in components.resources."
            )
            yield NO_REQUESTS.found(survey, subject, text)


def _restart(survey: Survey) -> Repair | None:
    """Replace the routers one after another, none before another is ready, as `kubectl rollout restart` does."""
    if survey.one("Deployment", survey.name) is None:
        return None
    annotation = {RESTART_ANNOTATION: f"{survey.now:%Y-%m-%dT%H:%M:%SZ}"}
    patch: dict[str, object] = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    sentence = f"replace the pods of Deployment/{survey.name} one after another"
    return Repair("apps/v1", "Deployment", survey.name, patch, sentence)


CHECK = Check(
    "performance",
    "Lookups are slow",
    "The collection's index and load state, and the search settings: ef, nprobe, topk, consistency level, resources.",
    (NO_INDEX, FLAT, NOT_LOADED, WIDE_SEARCH, NARROW_SEARCH, STRONG, NO_REQUESTS),
    _examine,
)
