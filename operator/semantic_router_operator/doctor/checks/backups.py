"""Backups: too old, failing, empty, or blocked by the name of an aborted one."""

from collections.abc import Iterator

from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, conditions, labels

FAILED = Verdict(
    "BackupFailed",
    Severity.ERROR,
    "The last backup has failed; the ones before it are kept.",
    "Read its log; the next run tries again.",
    "kubectl -n {namespace} logs job/{job} --tail=50",
)
BLOCKED = Verdict(
    "BackupNameBlocked",
    Severity.ERROR,
    "An aborted backup holds the name: milvus-backup neither lists nor deletes it, and refuses to write there.",
    "Delete the objects below that name in the bucket, or let the next run take its own name.",
    "kubectl -n {namespace} logs job/{job} --tail=50",
)
EMPTY = Verdict(
    "BackupEmpty",
    Severity.ERROR,
    "A backup ended well and holds no rows: bucket or root path are not those of this Milvus.",
    "Compare spec.backup with Milvus' own storage settings.",
    "kubectl -n {namespace} logs job/{job} --tail=50",
)
UNHEALTHY = Verdict(
    "BackupUnhealthy",
    Severity.ERROR,
    "There is no good backup of the age that the schedule promises.",
    "Read the sentence, and start one by hand once it is repaired.",
    "kubectl -n {namespace} get cronjobs,jobs -l app.kubernetes.io/component=backup",
)

_BLOCKED = ("already exist", "backup name", "BackupNameBlocked")
_EMPTY = ("empty backup", "no binlog", "holds no rows")


def _examine(survey: Survey) -> Iterator[Finding]:
    if survey.spec("backup") is None:
        return
    jobs = [each for each in survey.all("Job") if labels(each).get("app.kubernetes.io/component") == "backup"]
    jobs = [each for each in jobs if labels(each).get("app.kubernetes.io/instance") == survey.name]
    jobs.sort(key=lambda each: str(each["metadata"]["creationTimestamp"]))
    failed = conditions(jobs[-1]).get("Failed", {}) if jobs else {}
    if failed.get("status") == "True":
        name = jobs[-1]["metadata"]["name"]
        text = _last_words(survey, name) or str(failed.get("message", ""))
        verdict = BLOCKED if _any(_BLOCKED, text) else EMPTY if _any(_EMPTY, text) else FAILED
        yield verdict.found(survey, f"Job/{name}", text, job=name)
        return
    healthy = survey.condition("BackupHealthy")
    if healthy.get("status") == "False":
        text = str(healthy.get("message", ""))
        yield UNHEALTHY.found(survey, f"SemanticRouter/{survey.name}", text)


def _last_words(survey: Survey, job: str) -> str:
    for pod in survey.all("Pod"):
        if labels(pod).get("job-name") == job or labels(pod).get("batch.kubernetes.io/job-name") == job:
            for state in (pod.get("status") or {}).get("containerStatuses") or ():
                said = ((state.get("state") or {}).get("terminated") or {}).get("message")
                if said:
                    return " ".join(str(said).split())[-300:]
    return ""


def _any(words: tuple[str, ...], text: str) -> bool:
    return any(each in text for each in words)


CHECK = Check(
    "backups",
    "Backups fail",
    "The newest backup Job, the last words of its pod, and the condition BackupHealthy.",
    (FAILED, BLOCKED, EMPTY, UNHEALTHY),
    _examine,
    frozenset({"Job"}),
)
