"""VolumeSnapshots of a managed Milvus: one of each of its volumes, after a backup.

etcd, object store and message stream write on while they are cut, one a moment after the other. What comes of it is
what a crash of all machines would leave, and each snapshot says so. `volumeSnapshotClassName` is left out where none is
chosen: the cluster then takes its default for the volume's driver
(https://kubernetes.io/docs/concepts/storage/volume-snapshots/).
"""

from collections.abc import Iterable
from typing import Any

from semantic_router_operator.api import GROUP
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.metadata import metadata

Object = dict[str, Any]

API_VERSION = "snapshot.storage.k8s.io/v1"
KIND = "VolumeSnapshot"
BACKUP_LABEL = f"{GROUP}/backup"
CONSISTENCY_ANNOTATION = f"{GROUP}/consistency"
_LONGEST_NAME = 253


def wanted(resource: SemanticRouter) -> bool:
    """Whether volumes are to be cut after a backup."""
    backup = resource.spec.backup
    return backup is not None and bool(backup.snapshots.enabled)


def claims_of(resource: SemanticRouter, claims: Iterable[str]) -> list[str]:
    """Return those among the names of a namespace's PersistentVolumeClaims that are volumes of the managed Milvus."""
    milvus = names.milvus(resource)
    beginnings = (
        f"export-{milvus}-minio-",
        f"data-{milvus}-etcd-",
        f"{milvus}-pulsar-",
        f"{milvus}-milvus-",
    )
    return sorted(name for name in claims if name == f"{milvus}-minio" or name.startswith(beginnings))


def snapshot(resource: SemanticRouter, claim: str, backup: str) -> Object:
    """Return the snapshot of one volume that belongs to a backup."""
    suffix = f"-{backup.replace('_', '-').lower()}"
    described = metadata(
        resource, claim[: _LONGEST_NAME - len(suffix)] + suffix, {CONSISTENCY_ANNOTATION: "crash-consistent"}
    )
    described["labels"] = {**described["labels"], "app.kubernetes.io/component": "snapshot", BACKUP_LABEL: backup}
    spec: Object = {"source": {"persistentVolumeClaimName": claim}}
    chosen = resource.spec.backup.snapshots.class_name if resource.spec.backup is not None else None
    if chosen is not None:
        spec["volumeSnapshotClassName"] = chosen
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": described, "spec": spec}
