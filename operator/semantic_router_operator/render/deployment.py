"""The router's Deployment."""

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any

from semantic_router_operator.api.base import SecretKeyRef
from semantic_router_operator.api.router import Image, Resources
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.mentions import mentions
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_config import (
    DATA_DIR,
    TLS_DIR,
    credentials_secret,
    milvus_in_use,
    tls_secret,
)
from semantic_router_operator.render.model_files import model_environment, model_mounts, model_volumes
from semantic_router_operator.render.router_config import (
    ACCESS_KEYS_FILE,
    ADMIN_TOKEN_FILE,
    DRAIN_DELAY_SECONDS,
    SECRETS_DIR,
)
from semantic_router_operator.render.template import render_template

CHECKSUM_ANNOTATION = "semanticrouter.dev/checksum"
# Stands in the pod template where `kubectl rollout restart` writes it, so that a restart survives reconciling.
RESTART_ANNOTATION = "kubectl.kubernetes.io/restartedAt"

CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# From the end of the drain to the end of the process.
_GRACE_MARGIN_SECONDS = 10


def deployment(resource: SemanticRouter, facts: ClusterFacts, files: dict[str, str]) -> dict[str, Any]:
    """Return the Deployment. `files` are the texts whose change needs a restart."""
    router = resource.spec.router
    template = router.pod_template
    return render_template(
        "deployment.yaml.j2",
        metadata=metadata(resource, names.deployment(resource)),
        replicas=resource.replicas,
        selector=names.selector(resource),
        strategy=_strategy(resource),
        progress_deadline_seconds=router.rollout.progress_deadline_seconds,
        pod_labels={**template.labels, **names.labels(resource)},
        pod_annotations={**template.annotations, CHECKSUM_ANNOTATION: _checksum(resource, facts, files)},
        service_account=template.service_account_name or names.deployment(resource),
        grace_seconds=DRAIN_DELAY_SECONDS + router.drain_seconds + _GRACE_MARGIN_SECONDS,
        pull_secrets=[{"name": ref.name} for ref in router.image.pull_secrets],
        image=image_reference(router.image, facts.default_image),
        pull_policy=router.image.pull_policy,
        env=[*_environment(resource), *template.env],
        env_from=list(template.env_from),
        resources=resources_of(router.resources or Resources()),
        container_security=CONTAINER_SECURITY,
        volume_mounts=[*_volume_mounts(resource), *template.volume_mounts],
        volumes=[*_volumes(resource), *template.volumes],
        scheduling=_scheduling(resource),
    )


def image_reference(image: Image, default: str) -> str:
    """Return the image's name; a digest wins over a tag, and what is not set comes from the operator's default."""
    repository, separator, tag = default.rpartition(":")
    if not separator or "/" in tag:
        repository, tag = default, ""
    name = image.repository or repository
    if image.digest is not None:
        return f"{name}@{image.digest}"
    chosen = image.tag or ("" if image.repository else tag)
    return f"{name}:{chosen}" if chosen else name


def _strategy(resource: SemanticRouter) -> dict[str, Any]:
    milvus = resource.spec.milvus
    if milvus is not None and milvus.embedded is not None and milvus.embedded.storage is not None:
        # Milvus Lite's file opens in one process: the old pod must be gone before the new one starts.
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def _checksum(resource: SemanticRouter, facts: ClusterFacts, files: dict[str, str]) -> str:
    """Return a name of everything that a pod reads at its start only."""
    secrets = {name: facts.secret_versions.get(name, "") for name in sorted(_secrets_read_at_start(resource))}
    read: list[object] = [files, secrets]
    if mentioned := mentions(resource):
        versions = {"Secret": facts.secret_versions, "ConfigMap": facts.config_map_versions}
        read.append({f"{each.kind}/{each.name}": versions[each.kind].get(each.name, "") for each in mentioned})
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:16]


def referenced_secrets(resource: SemanticRouter) -> dict[str, frozenset[str]]:
    """Return the Secrets that the pod needs, and the keys that must be in them."""
    needed = _secrets_read_at_start(resource)
    for ref, _ in _secret_files(resource):
        needed.setdefault(ref.name, set()).add(ref.key)
    return {name: frozenset(keys) for name, keys in needed.items()}


def _secret_files(resource: SemanticRouter) -> list[tuple[SecretKeyRef, str]]:
    """Return the keys of Secrets that the router reads again whenever they change, with their files' names."""
    files = (
        (resource.spec.access.keys_secret_ref, ACCESS_KEYS_FILE),
        (resource.spec.router.admin_token_secret_ref, ADMIN_TOKEN_FILE),
    )
    return [(ref, PurePosixPath(file).name) for ref, file in files if ref is not None]


def _secrets_read_at_start(resource: SemanticRouter) -> dict[str, set[str]]:
    needed: dict[str, set[str]] = {}
    for provider in resource.spec.providers:
        if provider.api_key_secret_ref is not None:
            needed.setdefault(provider.api_key_secret_ref.name, set()).add(provider.api_key_secret_ref.key)
    embedding = resource.spec.cache.embedding.api_key_secret_ref
    if embedding is not None:
        needed.setdefault(embedding.name, set()).add(embedding.key)
    milvus = milvus_in_use(resource)
    credentials, files = credentials_secret(milvus, resource), tls_secret(milvus, resource)
    if credentials is not None:
        needed.setdefault(credentials, set()).update(("username", "password"))
    if files is not None:
        needed.setdefault(files[0], set()).update(files[1])
    return needed


def _environment(resource: SemanticRouter) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = [
        {"name": "SEMANTIC_ROUTER_DATA_DIR", "value": DATA_DIR},
        *model_environment(resource, DATA_DIR),
    ]

    def from_secret(variable: str, name: str, key: str) -> None:
        variables.append({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})

    for provider in resource.spec.providers:
        ref = provider.api_key_secret_ref
        if ref is not None:
            from_secret(names.provider_key_variable(provider.name), ref.name, ref.key)
    embedding = resource.spec.cache.embedding.api_key_secret_ref
    if embedding is not None:
        from_secret(names.EMBEDDING_KEY_VARIABLE, embedding.name, embedding.key)
    credentials = credentials_secret(milvus_in_use(resource), resource)
    if credentials is not None:
        from_secret("MILVUS_USERNAME", credentials, "username")
        from_secret("MILVUS_PASSWORD", credentials, "password")
    return variables


def resources_of(resources: Resources) -> dict[str, Any]:
    """Return a container's resources, without what is not set."""
    sections = {"requests": resources.requests, "limits": resources.limits}
    dumped = {name: section.model_dump(by_alias=True, exclude_none=True) for name, section in sections.items()}
    return {name: values for name, values in dumped.items() if values}


def _volume_mounts(resource: SemanticRouter) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": "/app/config", "readOnly": True},
        {"name": "data", "mountPath": DATA_DIR},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
    ]
    if tls_secret(milvus_in_use(resource), resource) is not None:
        mounts.append({"name": "milvus-tls", "mountPath": TLS_DIR, "readOnly": True})
    if _secret_files(resource):
        mounts.append({"name": "secrets", "mountPath": SECRETS_DIR, "readOnly": True})
    return [*mounts, *model_mounts(resource)]


def _volumes(resource: SemanticRouter) -> list[dict[str, Any]]:
    """One projected volume holds both files, so that a reload sees them change together."""
    sources = [_projected(names.router_config(resource), "config.yaml", "config.yaml")]
    if milvus_in_use(resource) is not None:
        sources.append(_projected(names.milvus_config(resource), "milvus.yaml", "semantic-cache/milvus.yaml"))
    volumes: list[dict[str, Any]] = [{"name": "config", "projected": {"sources": sources}}]
    milvus = resource.spec.milvus
    if milvus is not None and milvus.embedded is not None and milvus.embedded.storage is not None:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": names.data_claim(resource)}})
    else:
        volumes.append({"name": "data", "emptyDir": {}})
    volumes.append({"name": "tmp", "emptyDir": {}})
    tls = tls_secret(milvus_in_use(resource), resource)
    if tls is not None:
        items = [{"key": key, "path": key} for key in tls[1]]
        volumes.append({"name": "milvus-tls", "secret": {"secretName": tls[0], "items": items}})
    files = _secret_files(resource)
    if files:
        sources = [{"secret": {"name": ref.name, "items": [{"key": ref.key, "path": path}]}} for ref, path in files]
        volumes.append({"name": "secrets", "projected": {"sources": sources}})
    return [*volumes, *model_volumes(resource)]


def _projected(config_map: str, key: str, path: str) -> dict[str, Any]:
    return {"configMap": {"name": config_map, "items": [{"key": key, "path": path}]}}


def _scheduling(resource: SemanticRouter) -> dict[str, Any]:
    scheduling = resource.spec.router.scheduling
    spread: list[dict[str, Any]] | None = (
        list(scheduling.topology_spread_constraints) if scheduling.topology_spread_constraints is not None else None
    )
    if spread is None:
        # Over nodes first; over zones as well, where the nodes name theirs. Pods of an older template do not count.
        spread = [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": names.selector(resource)},
                "matchLabelKeys": ["pod-template-hash"],
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ]
    values = {
        "nodeSelector": scheduling.node_selector,
        "tolerations": list(scheduling.tolerations),
        "affinity": scheduling.affinity,
        "topologySpreadConstraints": spread,
        "priorityClassName": scheduling.priority_class_name,
        "runtimeClassName": scheduling.runtime_class_name,
    }
    return {key: value for key, value in values.items() if value}
