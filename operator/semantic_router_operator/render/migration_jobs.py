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
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_config import milvus_config_text
from semantic_router_operator.render.network import pods_of, policy, tcp
from semantic_router_operator.render.objects import render
from semantic_router_operator.render.router_config import ADMIN_TOKEN_FILE, router_config, router_config_text

Object = dict[str, Any]
Task = Literal["verify", "copy", "copy-from-pods", "reembed", "restore-model"]

_WORK_DIR = "/work"
_ARCHIVE = f"{_WORK_DIR}/cache.gz"
_CONFIG = "/app/config/config.yaml"
# Where the kubelet reads what a container says at its end; it mounts the file also on a read-only file system.
_RESULT = "/dev/termination-log"
_RESULT_VARIABLE = "SEMANTIC_ROUTER_RESULT_FILE"
# A Job's name is a label's value of its pods.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One Job: what it does in which attempt of which migration, and for how long at most."""

    migration: str
    task: Task
    attempt: int
    seconds: int


def job_name(resource: SemanticRouter, plan: JobPlan) -> str:
    """Return the Job's name: another one for each attempt."""
    tail = f"-{plan.task}-{plan.migration}-{plan.attempt}"
    return resource.metadata.name[: _LONGEST_NAME - len(tail)].rstrip("-.") + tail


def migration_job(source: SemanticRouter, target: SemanticRouter, facts: ClusterFacts, plan: JobPlan) -> Object:
    """Return the Job. `source` and `target` are the resource with the one and the other placement."""
    pod = _Pod(source, facts, "from") if plan.task == "restore-model" else _Pod(target, facts, "to")
    first = _Pod(source, facts, "from") if plan.task in _EXPORT else None
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


def _before(first: "_Pod | None", pod: "_Pod", task: Task) -> list[Object]:
    """What runs before the work: the entries are fetched, or the way is looked at step by step, so that the pod says
    whether it is the name, the port, the certificate or the login that is wrong."""
    if first is not None:
        return [first.container("export", *_EXPORT[task])]
    return [pod.container("connect", "check-connection", "--config", _CONFIG)] if task == "verify" else []


_COMMANDS: Mapping[Task, tuple[str, ...]] = {
    "verify": ("cache", "verify", "--config", _CONFIG),
    "copy": ("cache", "import", _ARCHIVE, "--config", _CONFIG),
    "copy-from-pods": ("cache", "import", _ARCHIVE, "--config", _CONFIG),
    "reembed": ("cache", "reembed", "--config", _CONFIG),
    "restore-model": ("cache", "reembed", "--config", _CONFIG),
}
_EXPORT: Mapping[Task, tuple[str, ...]] = {
    "copy": ("cache", "export", _ARCHIVE, "--config", _CONFIG),
    "copy-from-pods": ("cache", "export", _ARCHIVE, "--every-address", "--token-file", ADMIN_TOKEN_FILE, "--url"),
}


def migration_files(source: SemanticRouter, target: SemanticRouter) -> list[Object]:
    """Return the ConfigMap with the configurations of both sides; pods' own ones change at the switch."""
    data: dict[str, str] = {}
    for prefix, side in (("from", source), ("to", target)):
        data[f"{prefix}-config.yaml"] = router_config_text(router_config(side))
        text = milvus_config_text(side)
        if text is not None:
            data[f"{prefix}-milvus.yaml"] = text
    described = {**metadata(target, job_names.files(target)), "labels": job_names.labels(target)}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}]


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


class _Pod:
    """What a router's pod of one side has, under names that do not meet those of the other side."""

    def __init__(self, resource: SemanticRouter, facts: ClusterFacts, prefix: str) -> None:
        template = next(each for each in render(resource, facts) if each["kind"] == "Deployment")["spec"]["template"]
        spec = template["spec"]
        self._prefix = prefix
        self._router = next(each for each in spec["containers"] if each["name"] == "router")
        self._url = f"http://{names.metrics_service(resource)}.{resource.metadata.namespace}.svc:{names.ADMIN_PORT}"
        kept = ("serviceAccountName", "imagePullSecrets", "securityContext", "nodeSelector", "tolerations",
                "priorityClassName", "runtimeClassName")  # fmt: skip
        self.settings = {key: spec[key] for key in kept if key in spec}
        self.volumes = [self._volume(resource, each) for each in spec["volumes"]]

    def container(self, name: str, *arguments: str) -> Object:
        """Return the container that runs the router's command line with these arguments."""
        router = self._router
        copied = ("image", "imagePullPolicy", "envFrom", "resources", "securityContext")
        return {
            "name": name,
            **{key: router[key] for key in copied if key in router},
            "args": [*arguments, self._url] if arguments[-1] == "--url" else list(arguments),
            "env": [*router["env"], {"name": _RESULT_VARIABLE, "value": _RESULT}],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [
                *({**mount, "name": f"{self._prefix}-{mount['name']}"} for mount in router["volumeMounts"]),
                {"name": "work", "mountPath": _WORK_DIR},
            ],
        }

    def _volume(self, resource: SemanticRouter, volume: Object) -> Object:
        name = f"{self._prefix}-{volume['name']}"
        if volume["name"] == "config":
            items = [{"key": f"{self._prefix}-config.yaml", "path": "config.yaml"}]
            if milvus_config_text(resource) is not None:
                items.append({"key": f"{self._prefix}-milvus.yaml", "path": "semantic-cache/milvus.yaml"})
            return {"name": name, "configMap": {"name": job_names.files(resource), "items": items}}
        if volume["name"] == "data":
            # Milvus Lite's file is open in the router's pod, and nowhere else at the same time.
            return {"name": name, "emptyDir": {}}
        return {**volume, "name": name}


def _volumes(*pods: _Pod) -> list[Object]:
    return [*(volume for pod in pods for volume in pod.volumes), {"name": "work", "emptyDir": {}}]
