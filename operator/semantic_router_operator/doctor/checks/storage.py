"""Volumes: no default class, claims that stay pending, a full disk, an object store that does not answer."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Json, Survey, conditions, moment, waited

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_PENDING_SECONDS = 60.0
# Events stay for an hour; what was cured in between is no trouble any more.
_RECENT_SECONDS = 900.0
_FULL = (
    "no space left on device",
    "No space left on device",
    "database or disk is full",
    "disk quota exceeded",
    "XMinioStorageFull",
    "mvcc: database space exceeded",
)

NO_DEFAULT = Verdict(
    "NoDefaultStorageClass",
    Severity.ERROR,
    "A claim names no StorageClass and the cluster has no default one, so no volume is ever made.",
    "Mark a class as the default, or name one in storageClassName.",
    "kubectl annotate storageclass CLASS storageclass.kubernetes.io/is-default-class=true",
)
NO_CLASS = Verdict(
    "StorageClassMissing",
    Severity.ERROR,
    "A claim names a StorageClass that the cluster does not have.",
    "Install it, or name another; a claim's class cannot change, so delete the claim where it holds no data.",
    "kubectl get storageclass",
)
PENDING = Verdict(
    "ClaimPending",
    Severity.ERROR,
    "The provisioner of the StorageClass makes no volume.",
    "See what it says, and whether its pods run.",
    "kubectl -n {namespace} describe pvc {claim}",
)
FULL = Verdict(
    "VolumeFull",
    Severity.ERROR,
    "A volume is full; Milvus then refuses writes, and answers are not kept.",
    "Grow it (the StorageClass has to allow it), or shorten spec.cache.ttlSeconds.",
    "kubectl -n {namespace} get pvc",
)
RESIZE = Verdict(
    "ResizeStuck",
    Severity.WARNING,
    "A volume was to grow and has not: its class does not allow it, or the file system waits for a restart.",
    "See what the claim says; where the class cannot, move to a new claim.",
    "kubectl -n {namespace} describe pvc {claim}",
)
OBJECT_STORE = Verdict(
    "ObjectStoreFailing",
    Severity.ERROR,
    "Milvus does not reach its object store, or has the wrong bucket or key.",
    "See whether MinIO's pods run and whether bucket and credentials are those of the store.",
    "kubectl -n {namespace} get pods -l release={milvus}-minio",
)


def _examine(survey: Survey) -> Iterator[Finding]:
    classes = {each["metadata"]["name"]: each for each in survey.all("StorageClass")}
    default = [name for name, each in classes.items() if _is_default(each)]
    for claim in survey.all("PersistentVolumeClaim"):
        if not _ours(survey, claim):
            continue
        name = claim["metadata"]["name"]
        wanted = claim["spec"].get("storageClassName")
        phase = (claim.get("status") or {}).get("phase")
        if phase == "Pending" and "StorageClass" not in survey.unreadable:
            if wanted is None and not default:
                yield NO_DEFAULT.found(survey, f"PersistentVolumeClaim/{name}", "It is Pending and names no class.")
                continue
            if wanted and wanted not in classes:
                has = ", ".join(sorted(classes)) or "none"
                yield NO_CLASS.found(
                    survey, f"PersistentVolumeClaim/{name}", f"It names {wanted}; the cluster has: {has}."
                )
                continue
        if phase == "Pending" and waited(claim, survey.now) > _PENDING_SECONDS:
            events = survey.events_of("PersistentVolumeClaim", name)
            said = str(events[-1].get("message", "")) if events else f"Pending for {waited(claim, survey.now):.0f} s."
            if not (events and events[-1].get("reason") == "WaitForFirstConsumer"):
                yield PENDING.found(survey, f"PersistentVolumeClaim/{name}", said, claim=name)
        for kind in ("FileSystemResizePending", "ControllerResizeError", "NodeResizeError"):
            if conditions(claim).get(kind, {}).get("status") == "True":
                said = str(conditions(claim)[kind].get("message") or kind)
                yield RESIZE.found(survey, f"PersistentVolumeClaim/{name}", said, claim=name)
    yield from _full(survey)
    yield from _object_store(survey)


def _full(survey: Survey) -> Iterator[Finding]:
    for subject, said in (*_events(survey), *survey.router_words(), *_last_words(survey), *_milvus(survey)):
        if any(words in said for words in _FULL):
            yield FULL.found(survey, subject, said[:300])
            return


def _events(survey: Survey) -> Iterator[tuple[str, str]]:
    ours = {("Pod", each["metadata"]["name"]) for each in survey.pods()}
    # The operator's Events about the resource outlast what comes and goes: reads of a full disk go on well.
    ours.add(("SemanticRouter", survey.name))
    claims = survey.all("PersistentVolumeClaim")
    ours |= {("PersistentVolumeClaim", each["metadata"]["name"]) for each in claims if _ours(survey, each)}
    for event in survey.all("Event"):
        about = event.get("involvedObject") or {}
        last = event.get("lastTimestamp") or event.get("eventTime")
        old = last is not None and (survey.now - moment(str(last))).total_seconds() > _RECENT_SECONDS
        if (about.get("kind"), about.get("name")) in ours and not old:
            yield f"{about['kind']}/{about['name']}", str(event.get("message", ""))


def _last_words(survey: Survey) -> Iterator[tuple[str, str]]:
    for pod in survey.pods():
        status = pod.get("status") or {}
        # A pod that was evicted.
        yield f"Pod/{pod['metadata']['name']}", str(status.get("message") or "")
        for state in status.get("containerStatuses") or ():
            for when in ("state", "lastState"):
                ended = (state.get(when) or {}).get("terminated") or {}
                yield f"Pod/{pod['metadata']['name']}", str(ended.get("message") or "")


def _milvus(survey: Survey) -> Iterator[tuple[str, str]]:
    yield f"SemanticRouter/{survey.name}", str(survey.condition("MilvusReady").get("message", ""))


def _object_store(survey: Survey) -> Iterator[Finding]:
    milvus = survey.one("Milvus", survey.milvus_name)
    storage = conditions(milvus).get("StorageReady", {}) if milvus else {}
    if storage.get("status") == "False":
        yield OBJECT_STORE.found(
            survey,
            f"Milvus/{survey.milvus_name}",
            str(storage.get("message") or storage.get("reason") or "StorageReady is False."),
        )


def _ours(survey: Survey, claim: Json) -> bool:
    # A StatefulSet's claims bear its template's labels, which some charts leave out.
    return survey.is_ours(claim) or str(claim["metadata"]["name"]).startswith(f"{survey.name}-")


def _is_default(storage_class: Json) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"


CHECK = Check(
    "storage",
    "Storage",
    "StorageClasses, claims and their Events, what Milvus says of its object store, and words of a full disk.",
    (NO_DEFAULT, NO_CLASS, PENDING, FULL, RESIZE, OBJECT_STORE),
    _examine,
    frozenset({"PersistentVolumeClaim"}),
)
