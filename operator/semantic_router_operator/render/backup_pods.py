"""The pods of backups, and of restores: the runner of the operator's image, and where its files come from.

Nothing of Kubernetes is asked by them, so they have no token, and a ServiceAccount without any right.
"""

from typing import Any

from semantic_router_operator.api.backup import Backup, S3Storage
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import backup_names, names
from semantic_router_operator.render.backup_config import (
    CA_DIR,
    CONFIG_DIR,
    CONFIG_FILE,
    ca_of_store,
    credentials_of_store,
    uses_managed,
)
from semantic_router_operator.render.deployment import CONTAINER_SECURITY, resources_of
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.job_pods import RESULT, RESULT_VARIABLE, WORK_DIR
from semantic_router_operator.render.milvus_config import TLS_DIR, credentials_secret, milvus_in_use, tls_secret

Object = dict[str, Any]

MILVUS_BACKUP_IMAGE = "milvusdb/milvus-backup:v0.5.16"
_EXECUTABLE = f"{WORK_DIR}/bin/milvus-backup"
_POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_settings(resource: SemanticRouter) -> Object:
    """Return what each of these pods has beside its containers and volumes: where a router's pod may run, it may."""
    router = resource.spec.router
    scheduling = {
        "nodeSelector": router.scheduling.node_selector,
        "tolerations": list(router.scheduling.tolerations),
        "priorityClassName": router.scheduling.priority_class_name,
        "runtimeClassName": router.scheduling.runtime_class_name,
        "imagePullSecrets": [{"name": ref.name} for ref in router.image.pull_secrets],
    }
    return {
        "serviceAccountName": backup_names.backup(resource),
        "automountServiceAccountToken": False,
        # MILVUS_PORT and MINIO_PORT of Services with such names are milvus-backup's own variables.
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": _POD_SECURITY,
        **{key: value for key, value in scheduling.items() if value},
    }


def runner_container(
    resource: SemanticRouter, facts: ClusterFacts, name: str, *arguments: str, storage: S3Storage | None = None
) -> Object:
    """Return the container that runs `semantic-router-operator backup` with these arguments and the config file.

    `storage` takes the place of the resource's own, as in `runner_volumes`.
    """
    mounts = [
        {"name": "runner-config", "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": "work", "mountPath": WORK_DIR},
        {"name": "runner-tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
    ]
    if ca_of_store(resource, storage) is not None:
        mounts.append({"name": "runner-ca", "mountPath": CA_DIR, "readOnly": True})
    if _milvus_tls(resource) is not None:
        mounts.append({"name": "runner-milvus-tls", "mountPath": TLS_DIR, "readOnly": True})
    return {
        "name": name,
        "image": facts.operator_image,
        "args": ["backup", *arguments, "--config", CONFIG_FILE],
        "env": [*_environment(resource, storage), {"name": RESULT_VARIABLE, "value": RESULT}],
        "resources": resources_of(_backup(resource).resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts,
    }


def executable_container(resource: SemanticRouter) -> Object:
    """Return the init container that takes the program out of milvus-backup's own image."""
    backup = _backup(resource)
    return {
        "name": "milvus-backup",
        "image": backup.image or MILVUS_BACKUP_IMAGE,
        "command": ["/bin/sh", "-c", f"mkdir -p {WORK_DIR}/bin && cp /app/milvus-backup {_EXECUTABLE}"],
        "resources": resources_of(backup.resources),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "work", "mountPath": WORK_DIR}],
    }


def runner_volumes(
    resource: SemanticRouter, config_map: str, key: str, storage: S3Storage | None = None
) -> list[Object]:
    """Return the volumes of `runner_container`; its file is `key` of the ConfigMap."""
    items = [{"key": key, "path": "backup.yaml"}]
    volumes: list[Object] = [
        {"name": "runner-config", "configMap": {"name": config_map, "items": items}},
        {"name": "work", "emptyDir": {"sizeLimit": _backup(resource).work_storage}},
        {"name": "runner-tmp", "emptyDir": {}},
    ]
    if (authority := ca_of_store(resource, storage)) is not None:
        volumes.append({"name": "runner-ca", "secret": {"secretName": authority, "items": [_same("ca.crt")]}})
    if (tls := _milvus_tls(resource)) is not None:
        files = [_same(key) for key in tls[1]]
        volumes.append({"name": "runner-milvus-tls", "secret": {"secretName": tls[0], "items": files}})
    return volumes


def backup_secrets(resource: SemanticRouter) -> dict[str, frozenset[str]]:
    """Return the Secrets that the pods of its backups need beside those of a router's pod, with their keys."""
    if resource.spec.backup is None:
        return {}
    keys = frozenset(("accesskey", "secretkey"))
    needed = {credentials_of_store(resource): keys}
    if uses_managed(resource):
        needed[backup_names.minio_secret(resource)] = keys
    if (authority := ca_of_store(resource)) is not None:
        needed[authority] = needed.get(authority, frozenset()) | {"ca.crt"}
    return needed


def _environment(resource: SemanticRouter, storage: S3Storage | None) -> list[Object]:
    store = credentials_of_store(resource, storage)
    variables = [
        _from_secret("AWS_ACCESS_KEY_ID", store, "accesskey"),
        _from_secret("AWS_SECRET_ACCESS_KEY", store, "secretkey"),
    ]
    if not uses_managed(resource):
        return variables
    minio = backup_names.minio_secret(resource)
    variables += [
        _from_secret("MILVUS_STORAGE_ACCESS_KEY_ID", minio, "accesskey"),
        _from_secret("MILVUS_STORAGE_SECRET_ACCESS_KEY", minio, "secretkey"),
    ]
    if credentials_secret(milvus_in_use(resource), resource) is not None:
        # milvus-backup describes databases and imports binlogs, which the router's own user may not; as root it works
        # in all versions: https://github.com/zilliztech/milvus-backup/issues/1183
        variables += [
            {"name": "MILVUS_USERNAME", "value": "root"},
            _from_secret("MILVUS_PASSWORD", names.milvus_root_secret(resource), "password"),
        ]
    return variables


def _milvus_tls(resource: SemanticRouter) -> tuple[str, tuple[str, ...]] | None:
    return tls_secret(milvus_in_use(resource), resource) if uses_managed(resource) else None


def _backup(resource: SemanticRouter) -> Backup:
    if resource.spec.backup is None:
        raise ValueError("the resource has no spec.backup")
    return resource.spec.backup


def _from_secret(variable: str, secret: str, key: str) -> Object:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _same(key: str) -> Object:
    return {"key": key, "path": key}
