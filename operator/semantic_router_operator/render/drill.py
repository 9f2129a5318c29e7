"""The drill: the newest backup is restored into a collection of its own, compared, and that is dropped again."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import backup_names
from semantic_router_operator.render.backup_config import engine_of
from semantic_router_operator.render.backup_pods import (
    executable_container,
    pod_settings,
    runner_container,
    runner_volumes,
)
from semantic_router_operator.render.deployment import resources_of
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.job_pods import CONFIG, WORK_DIR, RouterPod
from semantic_router_operator.render.milvus_config import milvus_in_use

Object = dict[str, Any]

DEFAULT_SCHEDULE = "30 4 * * 0"
_ARCHIVE = f"{WORK_DIR}/cache.gz"


def drill_pod(resource: SemanticRouter, facts: ClusterFacts, key: str, prefix: str) -> Object:
    """Return the pod. `key` of the backups' ConfigMap is the runner's file, `prefix` that of the router's files in it.

    The router serves meanwhile. Entries of Milvus Lite come into a file of the drill's own; a backup of entries in
    memory is read through to its end and compared with its checksums.
    """
    config_map, milvus = backup_names.backup(resource), milvus_in_use(resource)
    check = runner_container(resource, facts, "check", "check", "--backup", "latest")
    volumes = runner_volumes(resource, config_map, key)
    if milvus is None:
        return {**pod_settings(resource), "containers": [check], "volumes": volumes}
    scratch = f"{milvus.collection.name}_drill"
    if engine_of(resource) == "milvus-backup":
        before = executable_container(resource)
        trial = runner_container(resource, facts, "trial", "restore", "--name", "latest", "--into", scratch, "--trial")
    else:
        router = RouterPod(resource, facts, prefix, config_map, data=False)
        before = runner_container(resource, facts, "fetch", "fetch", "--name", "latest", _ARCHIVE)
        trial = router.container(
            "trial", "cache", "restore", _ARCHIVE, "--config", CONFIG, "--into", scratch, "--trial"
        )
        backup = resource.spec.backup
        trial["resources"] = resources_of(backup.resources) if backup is not None else {}
        volumes = [*router.volumes, *volumes]
    return {
        **pod_settings(resource),
        "initContainers": [check, before],
        "containers": [trial],
        "volumes": volumes,
    }
