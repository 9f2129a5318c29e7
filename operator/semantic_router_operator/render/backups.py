"""Regular backups: the CronJobs, what their pods read and may, and the Job of a backup on demand."""

from typing import Any

from semantic_router_operator.api.semantic_cache_backup import SemanticCacheBackup
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.backup.config import Engine
from semantic_router_operator.render import backup_names, job_names, names
from semantic_router_operator.render.backup_config import ENGINES, backup_config_text, engine_of, uses_managed
from semantic_router_operator.render.backup_network import backup_policy
from semantic_router_operator.render.backup_pods import (
    executable_container,
    pod_settings,
    runner_container,
    runner_volumes,
)
from semantic_router_operator.render.deployment import resources_of
from semantic_router_operator.render.drill import DEFAULT_SCHEDULE, drill_pod
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.job_pods import CONFIG, WORK_DIR, RouterPod, config_files
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_config import milvus_in_use
from semantic_router_operator.render.router_config import ADMIN_TOKEN_FILE

Object = dict[str, Any]

# How many ended Jobs of a CronJob stay, with their pods' logs.
_HISTORY = 3
# One that could not begin at its time is begun within this time still.
STARTING_SECONDS = 3600
# A Job on demand is history in its resource by then.
_TTL_SECONDS = 86_400
_ARCHIVE = f"{WORK_DIR}/cache.gz"
_PREFIX = "router"
# What takes longer to come back is a failure that people are to hear of.
_PATIENCE_SECONDS = 600


def backup_objects(resource: SemanticRouter, facts: ClusterFacts) -> list[Object]:
    """Return everything of `spec.backup` for the resource as it runs; nothing without that section."""
    if resource.spec.backup is None or not resource.spec.cache.enabled:
        return []
    objects = [_config_map(resource), _service_account(resource), *backup_policy(resource), _cron_job(resource, facts)]
    return [*objects, _drill(resource, facts)] if resource.spec.backup.verify == "weekly" else objects


def job_of(resource: SemanticRouter, asked: SemanticCacheBackup, facts: ClusterFacts, name: str) -> Object:
    """Return the Job of a backup on demand. It belongs to the SemanticCacheBackup, and goes with it."""
    engine = engine_of(resource, asked.spec.engine)
    owner = {
        "apiVersion": asked.api_version,
        "kind": asked.kind,
        "name": asked.metadata.name,
        "uid": asked.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    described = {
        "name": job_name(asked),
        "namespace": asked.metadata.namespace,
        "labels": job_names.labels(resource, backup_names.COMPONENT),
        "ownerReferences": [owner],
    }
    spec = {**_job_spec(resource, facts, engine, name), "ttlSecondsAfterFinished": _TTL_SECONDS}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": described, "spec": spec}


def job_name(asked: SemanticCacheBackup) -> str:
    """Return the name of its Job: another one for each resource, also of the same name."""
    tail = f"-{asked.metadata.uid[:8]}"
    return asked.metadata.name[: 63 - len(tail)].rstrip("-.").replace(".", "-") + tail


def held_back(resource: SemanticRouter) -> bool:
    """Whether the schedule rests."""
    backup = resource.spec.backup
    return backup is None or backup.suspend or resource.hibernating or bool(obstacle(resource))


def obstacle(resource: SemanticRouter) -> str:
    """Return why no backup can be made of the resource as it runs; empty where nothing stands in the way."""
    if not resource.spec.cache.enabled:
        return "the cache is switched off (spec.cache.enabled)"
    if _held_by_pods(resource):
        if resource.spec.router.admin_token_secret_ref is None:
            return "the entries are in the pods' memory for now, and reading them needs spec.router.adminTokenSecretRef"
        if resource.replicas == 0:
            return "the entries are in the pods, and there are none (replicas: 0)"
    backup = resource.spec.backup
    if backup is not None and backup.s3 is None and not uses_managed(resource):
        return "the managed Milvus whose object store keeps the backups is not in use"
    return ""


def _held_by_pods(resource: SemanticRouter) -> bool:
    milvus = milvus_in_use(resource)
    return milvus is None or milvus.embedded is not None


def _config_map(resource: SemanticRouter) -> Object:
    engines = ENGINES if uses_managed(resource) else (engine_of(resource),)
    data = {_key(engine): backup_config_text(resource, engine=engine) for engine in engines}
    data |= config_files(resource, _PREFIX)
    described = _metadata(resource, backup_names.backup(resource))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}


def _service_account(resource: SemanticRouter) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(resource, backup_names.backup(resource)),
        "automountServiceAccountToken": False,
    }


def _cron_job(resource: SemanticRouter, facts: ClusterFacts) -> Object:
    backup = resource.spec.backup
    schedule = backup.schedule if backup is not None else ""
    spec = _job_spec(resource, facts, engine_of(resource), None)
    return _timed(resource, backup_names.backup(resource), backup_names.COMPONENT, schedule, spec)


def _drill(resource: SemanticRouter, facts: ClusterFacts) -> Object:
    backup = resource.spec.backup
    schedule = (backup.verify_schedule if backup is not None else None) or DEFAULT_SCHEDULE
    pod = drill_pod(resource, facts, _key(engine_of(resource)), _PREFIX)
    spec = _of_one_pod(resource, backup_names.DRILL_COMPONENT, pod)
    return _timed(resource, backup_names.drill(resource), backup_names.DRILL_COMPONENT, schedule, spec)


def _timed(resource: SemanticRouter, name: str, component: str, schedule: str, job_spec: Object) -> Object:
    """Return a CronJob of the resource's backups; two of its Jobs never run at a time."""
    backup = resource.spec.backup
    labels = job_names.labels(resource, component)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {**_metadata(resource, name), "labels": labels},
        "spec": {
            "schedule": schedule,
            "timeZone": backup.time_zone if backup is not None else "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "suspend": held_back(resource),
            "startingDeadlineSeconds": STARTING_SECONDS,
            "successfulJobsHistoryLimit": _HISTORY,
            "failedJobsHistoryLimit": _HISTORY,
            "jobTemplate": {"metadata": {"labels": labels}, "spec": job_spec},
        },
    }


def _job_spec(resource: SemanticRouter, facts: ClusterFacts, engine: Engine, name: str | None) -> Object:
    volumes = runner_volumes(resource, backup_names.backup(resource), _key(engine))
    if engine == "export":
        router = RouterPod(resource, facts, _PREFIX, backup_names.backup(resource), data=False)
        before, volumes = _export(resource, router), [*router.volumes, *volumes]
    else:
        before = executable_container(resource)
    named = ("--name", name) if name is not None else ()
    pod = {
        **pod_settings(resource),
        "initContainers": [before],
        "containers": [runner_container(resource, facts, "backup", "run", *named, *_patience(resource))],
        "volumes": volumes,
    }
    return _of_one_pod(resource, backup_names.COMPONENT, pod)


def _of_one_pod(resource: SemanticRouter, component: str, pod: Object) -> Object:
    """Return the spec of a Job with this pod."""
    return {
        # What passes by itself is tried again within the pod (--patience); another pod would meet the rest, too.
        "backoffLimit": 0,
        "activeDeadlineSeconds": resource.spec.backup.deadline_seconds if resource.spec.backup is not None else None,
        "template": {"metadata": {"labels": job_names.labels(resource, component)}, "spec": pod},
    }


def _export(resource: SemanticRouter, router: RouterPod) -> Object:
    """Entries in memory, and those of Milvus Lite, can only be had from the running pods: they alone hold them."""
    arguments = ["cache", "export", _ARCHIVE, *_patience(resource)]
    if _held_by_pods(resource):
        arguments += ["--every-address", "--token-file", ADMIN_TOKEN_FILE, "--url"]
    else:
        arguments += ["--config", CONFIG]
    backup = resource.spec.backup
    resources = resources_of(backup.resources) if backup is not None else {}
    return {**router.container("export", *arguments), "resources": resources}


def _patience(resource: SemanticRouter) -> tuple[str, str]:
    """For how long export and runner, one after the other, begin again: half of the Job's time is left for the work."""
    deadline = resource.spec.backup.deadline_seconds if resource.spec.backup is not None else 0
    return "--patience", str(min(_PATIENCE_SECONDS, deadline // 4))


def _key(engine: Engine) -> str:
    return f"{engine}.yaml"


def _metadata(resource: SemanticRouter, name: str) -> Object:
    return {**metadata(resource, name), "labels": {**names.labels(resource), **_component()}}


def _component() -> dict[str, str]:
    return {"app.kubernetes.io/component": backup_names.COMPONENT}
