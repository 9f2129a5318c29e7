"""The Jobs of a migration: the router's image with the very environment, files and volumes of a router's pod.

Source and target may have different credentials, certificates and models, so each has a container of its own; what
goes from one to the other is an archive on a volume of the pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import job_names, names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.job_pods import CONFIG, WORK_DIR, WORK_VOLUME, RouterPod, config_files
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.network import pods_of, policy, tcp
from semantic_router_operator.render.objects import render
from semantic_router_operator.render.router_config import ADMIN_TOKEN_FILE

Object = dict[str, Any]
Task = Literal["verify", "copy", "copy-from-pods", "reembed", "restore-model"]

_ARCHIVE = f"{WORK_DIR}/cache.gz"


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One Job: what it does in which attempt of which migration, and for how long at most."""

    migration: str
    task: Task
    attempt: int
    seconds: int


def job_name(resource: SemanticRouter, plan: JobPlan) -> str:
    """Return the Job's name: another one for each attempt."""
    return job_names.named(resource, f"{plan.task}-{plan.migration}-{plan.attempt}")


def migration_job(source: SemanticRouter, target: SemanticRouter, facts: ClusterFacts, plan: JobPlan) -> Object:
    """Return the Job. `source` and `target` are the resource with the one and the other placement."""
    pod = _pod(source, facts, "from") if plan.task == "restore-model" else _pod(target, facts, "to")
    first = _pod(source, facts, "from") if plan.task in _EXPORT else None
    spec: Object = {
        **pod.settings,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "initContainers": _before(first, pod, plan.task),
        "containers": [pod.container(plan.task, *_COMMANDS[plan.task])],
        "volumes": _volumes(*([first] if first is not None else []), pod),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata(target, job_name(target, plan)), "labels": job_names.labels(target)},
        "spec": {
            # Whether and when it is tried again is the migration's to decide, with the pods of that time.
            "backoffLimit": 0,
            "activeDeadlineSeconds": plan.seconds,
            "template": {"metadata": {"labels": job_names.labels(target)}, "spec": spec},
        },
    }


def _before(first: RouterPod | None, pod: RouterPod, task: Task) -> list[Object]:
    """What runs before the work: the entries are fetched, or the way is looked at step by step, so that the pod says
    whether it is the name, the port, the certificate or the login that is wrong."""
    if first is not None:
        return [first.container("export", *_EXPORT[task])]
    return [pod.container("connect", "check-connection", "--config", CONFIG)] if task == "verify" else []


_COMMANDS: Mapping[Task, tuple[str, ...]] = {
    "verify": ("cache", "verify", "--config", CONFIG),
    "copy": ("cache", "import", _ARCHIVE, "--config", CONFIG),
    "copy-from-pods": ("cache", "import", _ARCHIVE, "--config", CONFIG),
    "reembed": ("cache", "reembed", "--config", CONFIG),
    "restore-model": ("cache", "reembed", "--config", CONFIG),
}
_EXPORT: Mapping[Task, tuple[str, ...]] = {
    "copy": ("cache", "export", _ARCHIVE, "--config", CONFIG),
    "copy-from-pods": ("cache", "export", _ARCHIVE, "--every-address", "--token-file", ADMIN_TOKEN_FILE, "--url"),
}


def migration_files(source: SemanticRouter, target: SemanticRouter) -> list[Object]:
    """Return the ConfigMap with the configurations of both sides; pods' own ones change at the switch."""
    data = config_files(source, "from") | config_files(target, "to")
    described = {**metadata(target, job_names.files(target)), "labels": job_names.labels(target)}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}]


def _pod(resource: SemanticRouter, facts: ClusterFacts, prefix: str) -> RouterPod:
    # Milvus Lite's file is open in the router's pod, and nowhere else at the same time.
    return RouterPod(resource, facts, prefix, job_names.files(resource), data=False)


def migration_policy(source: SemanticRouter, target: SemanticRouter) -> list[Object]:
    """Return the NetworkPolicy of the Jobs' pods: nobody calls them, and they call what either side's routers call."""
    wanted = target.spec.network_policy
    if wanted is None or not wanted.enabled:
        return []
    rules: list[Object] = [{"to": [pods_of(names.selector(target))], "ports": tcp(names.ADMIN_PORT)}]
    for side in (source, target):
        for each in render(side, ClusterFacts()):
            if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == names.deployment(side):
                rules += [rule for rule in each["spec"]["egress"] if rule not in rules]
    found = policy(target, job_names.files(target), job_names.selector(target), ingress=[], egress=rules)
    found["metadata"]["labels"] = job_names.labels(target)
    return [found]


def _volumes(*pods: RouterPod) -> list[Object]:
    return [*(volume for pod in pods for volume in pod.volumes), WORK_VOLUME]
