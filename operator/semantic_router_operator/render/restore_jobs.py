"""The Jobs of a restore: the runner checks and fetches what was saved, the router's own commands bring it into a
collection and move the alias."""

from dataclasses import dataclass
from typing import Any, Literal

from semantic_router_operator.api.backup import Backup, S3Storage
from semantic_router_operator.api.semantic_cache_restore import BackupChoice
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import job_names, names
from semantic_router_operator.render.backup_config import backup_config_text
from semantic_router_operator.render.backup_network import backup_egress
from semantic_router_operator.render.backup_pods import executable_container, runner_container, runner_volumes
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.job_pods import CONFIG, WORK_DIR, RouterPod, config_files
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.network import policy
from semantic_router_operator.render.objects import render

Object = dict[str, Any]
Task = Literal["check", "load", "switch", "drop"]

COMPONENT = "restore"
_ARCHIVE = f"{WORK_DIR}/cache.gz"
_PREFIX = "router"
_BACKUP_KEY = "backup.yaml"
_MILVUS_BACKUP = "milvus-backup"


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """One Job: what it does in which attempt of which restore, and for how long at most.

    `choice` is the backup that was asked for, `name` and `engine` what a check has found. `to` is the collection that
    is filled, dropped, or put behind the alias; empty: the alias is removed. `back`: it is the way back.
    """

    restore: str
    task: Task
    attempt: int
    seconds: int
    choice: BackupChoice
    storage: S3Storage | None
    name: str
    engine: str
    to: str
    back: bool = False


def job_name(resource: SemanticRouter, plan: RestorePlan) -> str:
    """Return the Job's name: another one for each attempt."""
    what = f"{plan.task}-back" if plan.back else plan.task
    return job_names.named(resource, f"restore-{what}-{plan.restore}-{plan.attempt}")


def restore_job(resource: SemanticRouter, facts: ClusterFacts, plan: RestorePlan) -> Object:
    """Return the Job. `resource` has the placement that is restored into."""
    armed = _armed(resource)
    # The router is stopped where its volume has to be opened; otherwise that is not its own.
    router = RouterPod(resource, facts, _PREFIX, job_names.restore_files(resource), data=plan.task != "check")
    before, work = _containers(armed, facts, router, plan)
    by_router = plan.task in ("switch", "drop") or (plan.task == "load" and plan.engine != _MILVUS_BACKUP)
    volumes = runner_volumes(armed, job_names.restore_files(resource), _BACKUP_KEY, plan.storage)
    spec: Object = {
        **_settings(router),
        "initContainers": before,
        "containers": [work],
        "volumes": [*(router.volumes if by_router else []), *volumes],
    }
    labels = job_names.labels(resource, COMPONENT)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata(resource, job_name(resource, plan)), "labels": labels},
        "spec": {
            # Whether and when it is tried again is the restore's to decide.
            "backoffLimit": 0,
            "activeDeadlineSeconds": plan.seconds,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def restore_files(resource: SemanticRouter, plan: RestorePlan) -> list[Object]:
    """Return the ConfigMap that the Jobs read; pods' own ones are those of a router that is set aside."""
    data = {**config_files(resource, _PREFIX), _BACKUP_KEY: backup_config_text(_armed(resource), plan.storage)}
    described = {
        **metadata(resource, job_names.restore_files(resource)),
        "labels": job_names.labels(resource, COMPONENT),
    }
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}]


def restore_policy(resource: SemanticRouter, facts: ClusterFacts, plan: RestorePlan) -> list[Object]:
    """Return the NetworkPolicy of the Jobs' pods: nobody calls them, and they call what routers and backups call."""
    wanted = resource.spec.network_policy
    if wanted is None or not wanted.enabled:
        return []
    backup = resource.spec.backup
    rules = backup_egress(resource, plan.storage or (backup.s3 if backup is not None else None))
    for each in render(resource, facts):
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == names.deployment(resource):
            rules += [rule for rule in each["spec"]["egress"] if rule not in rules]
    pods = {**job_names.selector(resource), "app.kubernetes.io/component": COMPONENT}
    found = policy(resource, job_names.restore_files(resource), pods, ingress=[], egress=rules)
    found["metadata"]["labels"] = job_names.labels(resource, COMPONENT)
    return [found]


def _containers(
    resource: SemanticRouter, facts: ClusterFacts, router: RouterPod, plan: RestorePlan
) -> tuple[list[Object], Object]:
    """Return the init containers and the one that does the work."""

    def runner(name: str, *arguments: str) -> Object:
        return runner_container(resource, facts, name, *arguments, storage=plan.storage)

    if plan.task == "check":
        which = ["--backup", plan.choice.name or "latest"]
        if plan.choice.before is not None:
            which += ["--before", plan.choice.before]
        return [], runner("check", "check", *which)
    if plan.task == "switch":
        return [], router.container("switch", "cache", "switch", "--config", CONFIG, "--to", plan.to)
    if plan.task == "drop":
        return [], router.container("drop", "cache", "drop", "--config", CONFIG, "--collection", plan.to)
    if plan.engine == _MILVUS_BACKUP:
        return [executable_container(resource)], runner("load", "restore", "--name", plan.name, "--into", plan.to)
    return [runner("fetch", "fetch", "--name", plan.name, _ARCHIVE)], router.container("load", *_load(plan.to))


def _load(collection: str) -> tuple[str, ...]:
    return ("cache", "restore", _ARCHIVE, "--config", CONFIG, "--into", collection)


def _settings(router: RouterPod) -> Object:
    """Return what the pod has of a router's pod: where that may run, it may."""
    return {
        **router.settings,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # MILVUS_PORT and MINIO_PORT of Services with such names are milvus-backup's own variables.
        "enableServiceLinks": False,
    }


def _armed(resource: SemanticRouter) -> SemanticRouter:
    """Return the resource with what the runner has to know, also where no backups are made of it."""
    if resource.spec.backup is not None:
        return resource
    spec = resource.spec.model_copy(update={"backup": Backup()})
    return resource.model_copy(update={"spec": spec})
