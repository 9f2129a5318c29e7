"""Backups: failing, too old, empty, never tried, or without the store, the bucket or the kind that they need."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from semantic_router_operator.api.backup import Backup
from semantic_router_operator.api.validate import InvalidResource, parse
from semantic_router_operator.backup.result import parse_result
from semantic_router_operator.doctor.check import Check, Finding, Severity, Verdict
from semantic_router_operator.doctor.survey import Survey, conditions, labels, moment

_JOBS = "kubectl -n {namespace} get cronjobs,jobs,pods -l app.kubernetes.io/component=backup"
# Trials are weekly; one may be missed.
_TRIED_WITHIN = timedelta(days=15)

UNREACHABLE = Verdict(
    "BackupStorageUnreachable",
    Severity.ERROR,
    "The backups' object store does not answer, or not in a way that can be trusted.",
    "Correct spec.backup.s3.endpoint or caSecretRef, or let the backups' pods out to it; then make a backup by hand.",
    "kubectl semantic-router backup {name} -n {namespace}",
)
REFUSED = Verdict(
    "BackupStorageRefuses",
    Severity.ERROR,
    "The object store does not know the key, or the key may not read and write there.",
    "Put accesskey and secretkey into the Secret of spec.backup.s3.credentialsSecretRef, and grant them the bucket.",
    "kubectl -n {namespace} get semanticrouter {name} -o jsonpath='{{.spec.backup.s3.credentialsSecretRef.name}}'",
)
NO_BUCKET = Verdict(
    "BackupBucketMissing",
    Severity.ERROR,
    "The object store has no bucket of that name; backups never make one.",
    "Make the bucket, or correct spec.backup.s3.bucket.",
    "kubectl -n {namespace} get semanticrouter {name} -o jsonpath='{{.spec.backup.s3}}'",
)
FAILED = Verdict(
    "BackupFailed",
    Severity.ERROR,
    "The last backup has failed; the ones before it are kept.",
    "Put right what the sentence names, and make a backup by hand; the next one of the schedule tries again as well.",
    "kubectl semantic-router backup {name} -n {namespace}",
)
BLOCKED = Verdict(
    "BackupNameBlocked",
    Severity.ERROR,
    "An aborted backup holds the name: milvus-backup neither lists nor deletes it, and refuses to write there.",
    "Delete the objects below that name in the bucket, or let the next run take its own name.",
    _JOBS,
)
EMPTY = Verdict(
    "BackupEmpty",
    Severity.ERROR,
    "The cache is empty and was not before, or it is not where the backup looks: another bucket or root path.",
    "Restore a backup if entries were lost; else compare spec.backup with Milvus' own storage settings.",
    _JOBS,
)
TOO_OLD = Verdict(
    "BackupTooOld",
    Severity.ERROR,
    "No good backup has come of the schedule when it was due, and none has failed: no Job was made, or none ended.",
    "See whether the CronJob is suspended and whether its Jobs' pods run; make one by hand.",
    _JOBS,
)
NOT_RESTORABLE = Verdict(
    "BackupNotRestorable",
    Severity.ERROR,
    "The last backup was restored on trial and did not pass, so a restore of it may fail as well.",
    "Keep the older ones, make a new one by hand, and look at what the trial has said.",
    "kubectl semantic-router backup {name} -n {namespace}",
)
NEVER_TRIED = Verdict(
    "BackupNeverVerified",
    Severity.WARNING,
    "spec.backup.verify is weekly, and no backup has been restored on trial for two weeks.",
    "See whether the trial's CronJob runs.",
    "kubectl -n {namespace} get cronjobs,jobs -l app.kubernetes.io/instance={name}",
)
NO_SNAPSHOTS = Verdict(
    "SnapshotKindMissing",
    Severity.WARNING,
    "Snapshots of Milvus' volumes are asked for, and the cluster does not know the kind VolumeSnapshot.",
    "Install the external-snapshotter's CRDs and controller, or set spec.backup.snapshots.enabled to false.",
    "kubectl get crd volumesnapshots.snapshot.storage.k8s.io",
)
SNAPSHOT_FAILED = Verdict(
    "SnapshotFails",
    Severity.WARNING,
    "The storage driver could not make a snapshot of one of Milvus' volumes.",
    "Read what it says; a driver without snapshots, or a missing VolumeSnapshotClass, are the usual reasons.",
    "kubectl -n {namespace} describe volumesnapshots",
)
UNHEALTHY = Verdict(
    "BackupUnhealthy",
    Severity.ERROR,
    "There is no good backup of the age that the schedule promises.",
    "Read the sentence, and make one by hand once it is repaired.",
    "kubectl semantic-router backup {name} -n {namespace}",
)

_AWAY = ("AddressUnknown", "Unreachable", "NoAnswer", "CertificateRefused", "CertificateUnusable", "TLSNotSpoken")
_BY_REASON = {
    **dict.fromkeys((*_AWAY, "StorageFailing"), UNREACHABLE),
    **dict.fromkeys(("CredentialsMissing", "CredentialsRefused", "AccessDenied"), REFUSED),
    "BucketMissing": NO_BUCKET,
    "BackupNameBlocked": BLOCKED,
    "BackupEmpty": EMPTY,
    "WrongMilvusStorage": EMPTY,
    "TooOld": TOO_OLD,
    "VerifyFailed": NOT_RESTORABLE,
}


def _examine(survey: Survey) -> Iterator[Finding]:
    backup = _wanted(survey)
    if backup is None:
        return
    subject, healthy = f"SemanticRouter/{survey.name}", survey.condition("BackupHealthy")
    job, reason, said = _last_job(survey)
    if healthy.get("status") == "False":
        # The operator has counted every Job, also those that are gone.
        fallback = FAILED if _told(survey).get("failures") else UNHEALTHY
        verdict = _BY_REASON.get(str(healthy.get("reason")), fallback)
        yield verdict.found(survey, subject, str(healthy.get("message", "")))
    elif job:
        yield _BY_REASON.get(reason, FAILED).found(survey, f"Job/{job}", said)
    yield from _trials(survey, backup, subject)
    if backup.snapshots.enabled and "VolumeSnapshot" in survey.unserved:
        yield NO_SNAPSHOTS.found(survey, subject, "VolumeSnapshot of snapshot.storage.k8s.io is not served.")
    if message := (_told(survey).get("snapshots") or {}).get("message"):
        yield SNAPSHOT_FAILED.found(survey, subject, str(message))


def _trials(survey: Survey, backup: Backup, subject: str) -> Iterator[Finding]:
    told, raw = _told(survey), survey.resource or {}
    if backup.verify != "weekly" or backup.suspend or not told.get("lastTime") or told.get("verifyFailures"):
        return
    last = told.get("lastVerifiedTime") or raw["metadata"]["creationTimestamp"]
    if survey.now - moment(str(last)) > _TRIED_WITHIN:
        text = f"The last trial passed at {last}." if told.get("lastVerifiedTime") else "No trial has passed yet."
        yield NEVER_TRIED.found(survey, subject, text)


def _wanted(survey: Survey) -> Backup | None:
    """Return spec.backup with what profile and preset add; None where there is none, or the resource is invalid."""
    try:
        return parse(dict(survey.resource or {})).spec.backup
    except InvalidResource:
        return None


def _told(survey: Survey) -> dict[str, Any]:
    return ((survey.resource or {}).get("status") or {}).get("backup") or {}


def _last_job(survey: Survey) -> tuple[str, str, str]:
    """Return the newest backup Job where it has failed, with reason and words of its pod; else nothing."""
    jobs = [each for each in survey.all("Job") if labels(each).get("app.kubernetes.io/component") == "backup"]
    jobs = [each for each in jobs if labels(each).get("app.kubernetes.io/instance") == survey.name]
    jobs.sort(key=lambda each: str(each["metadata"]["creationTimestamp"]))
    failed = conditions(jobs[-1]).get("Failed", {}) if jobs else {}
    if failed.get("status") != "True":
        return "", "", ""
    name = str(jobs[-1]["metadata"]["name"])
    for pod in survey.all("Pod"):
        if labels(pod).get("batch.kubernetes.io/job-name", labels(pod).get("job-name")) != name:
            continue
        status = pod.get("status") or {}
        for state in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
            said = str(((state.get("state") or {}).get("terminated") or {}).get("message") or "")
            if result := parse_result(said):
                return name, result.reason or "", result.message[:300]
            if said:
                return name, "", " ".join(said.split())[-300:]
    return name, "", str(failed.get("message", ""))


CHECK = Check(
    "backups",
    "Backups fail",
    "The condition BackupHealthy and status.backup, the newest backup Job and the last words of its pod, and the kind"
    " VolumeSnapshot.",
    (
        UNREACHABLE, REFUSED, NO_BUCKET, FAILED, BLOCKED, EMPTY, TOO_OLD, NOT_RESTORABLE, NEVER_TRIED, NO_SNAPSHOTS,
        SNAPSHOT_FAILED, UNHEALTHY,
    ),
    _examine,
    frozenset({"Job"}),
)  # fmt: skip
