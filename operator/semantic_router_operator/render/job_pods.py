"""The pods of Jobs that do a router's work: its image with the very environment, files and volumes of its pods."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.deployment import deployment
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.milvus_config import milvus_config_text
from semantic_router_operator.render.router_config import router_config, router_config_text

Object = dict[str, Any]

WORK_DIR = "/work"
CONFIG = "/app/config/config.yaml"
# Where the kubelet reads what a container says at its end; it mounts the file also on a read-only file system.
RESULT = "/dev/termination-log"
RESULT_VARIABLE = "SEMANTIC_ROUTER_RESULT_FILE"
WORK_VOLUME: Object = {"name": "work", "emptyDir": {}}


def config_files(resource: SemanticRouter, prefix: str) -> dict[str, str]:
    """Return what a Job's ConfigMap holds for a `RouterPod` of this prefix."""
    files = {f"{prefix}-config.yaml": router_config_text(router_config(resource))}
    text = milvus_config_text(resource)
    return files if text is None else files | {f"{prefix}-milvus.yaml": text}


class RouterPod:
    """What a router's pod has, for containers of a Job. `prefix` tells its volumes from those of another one in the
    same pod, `files` is the ConfigMap with its configuration (`config_files`). `data`: whether it has the router's own
    volume, which no two pods may have open."""

    def __init__(self, resource: SemanticRouter, facts: ClusterFacts, prefix: str, files: str, *, data: bool) -> None:
        spec = deployment(resource, facts, {})["spec"]["template"]["spec"]
        self._prefix = prefix
        self._files = files
        self._data = data
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
            "env": [*router["env"], {"name": RESULT_VARIABLE, "value": RESULT}],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [
                *({**mount, "name": f"{self._prefix}-{mount['name']}"} for mount in router["volumeMounts"]),
                {"name": "work", "mountPath": WORK_DIR},
            ],
        }

    def _volume(self, resource: SemanticRouter, volume: Object) -> Object:
        name = f"{self._prefix}-{volume['name']}"
        if volume["name"] == "config":
            items = [{"key": f"{self._prefix}-config.yaml", "path": "config.yaml"}]
            if milvus_config_text(resource) is not None:
                items.append({"key": f"{self._prefix}-milvus.yaml", "path": "semantic-cache/milvus.yaml"})
            return {"name": name, "configMap": {"name": self._files, "items": items}}
        if volume["name"] == "data" and not self._data:
            return {"name": name, "emptyDir": {}}
        return {**volume, "name": name}
