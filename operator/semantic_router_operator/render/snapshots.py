"""VolumeSnapshots of a managed Milvus: one of each of its volumes, after a backup.

etcd, object store and message stream write on while they are cut, one a moment after the other. What comes of it is
what a crash of all machines would leave, and each snapshot says so. Each says as well what its claim was like, for
whoever makes the claim anew: labels and annotations are those by which Helm and milvus-operator know it again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from semantic_router_operator.api import GROUP
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.metadata import metadata
from semantic_router_operator.render.milvus_changes import Settled
from semantic_router_operator.render.milvus_volumes import rocksmq_claim

Object = dict[str, Any]

API_VERSION = "snapshot.storage.k8s.io/v1"
KIND = "VolumeSnapshot"
CLASS_KIND = "VolumeSnapshotClass"
BACKUP_LABEL = f"{GROUP}/backup"
CONSISTENCY_ANNOTATION = f"{GROUP}/consistency"
# JSON: the claim, the names of all claims that were cut with it, and what kind of Milvus they are of.
VOLUME_ANNOTATION = f"{GROUP}/volume"
_DEFAULT_CLASS = "snapshot.storage.kubernetes.io/is-default-class"
_HELM = "meta.helm.sh/"
_LONGEST_NAME = 253


def wanted(resource: SemanticRouter) -> bool:
    """Whether volumes are to be cut after a backup."""
    backup = resource.spec.backup
    return backup is not None and bool(backup.snapshots.enabled)


def claims_of(resource: SemanticRouter, message_stream: str, claims: Iterable[str]) -> list[str]:
    """Return those among the names of a namespace's PersistentVolumeClaims that are volumes of the managed Milvus."""
    milvus = names.milvus(resource)
    beginnings = (f"export-{milvus}-minio-", f"data-{milvus}-etcd-", f"{milvus}-pulsar-")
    whole = [f"{milvus}-minio", *([rocksmq_claim(milvus)] if message_stream == "rocksmq" else [])]
    return sorted(name for name in claims if name in whole or name.startswith(beginnings))


def snapshots_of(
    resource: SemanticRouter, final: Settled, claims: Sequence[Object], backup: str, classes: Mapping[str, str]
) -> list[Object]:
    """Return the snapshots that belong to a backup; `final` is what the Milvus is like, `claims` those of the
    namespace, `classes` the VolumeSnapshotClass for each StorageClass where one is known."""
    found = {str(each["metadata"]["name"]): each for each in claims}
    volumes = claims_of(resource, final.message_stream, found)
    milvus = {
        "name": names.milvus(resource),
        "mode": final.mode,
        "version": final.version,
        "messageStream": final.message_stream,
    }
    return [
        _snapshot(resource, found[name], {"volumes": volumes, "milvus": milvus}, backup, classes) for name in volumes
    ]


def _snapshot(
    resource: SemanticRouter, claim: Object, beside: Object, backup: str, classes: Mapping[str, str]
) -> Object:
    suffix, name = f"-{backup.replace('_', '-').lower()}", str(claim["metadata"]["name"])
    volume = json.dumps({"claim": _recorded(claim), **beside}, sort_keys=True, separators=(",", ":"))
    annotations = {CONSISTENCY_ANNOTATION: "crash-consistent", VOLUME_ANNOTATION: volume}
    described = metadata(resource, name[: _LONGEST_NAME - len(suffix)] + suffix, annotations)
    described["labels"] = {**described["labels"], "app.kubernetes.io/component": "snapshot", BACKUP_LABEL: backup}
    spec: Object = {"source": {"persistentVolumeClaimName": name}}
    asked = resource.spec.backup.snapshots.class_name if resource.spec.backup is not None else None
    chosen = asked or classes.get(str(claim["spec"].get("storageClassName") or ""))
    if chosen:
        spec["volumeSnapshotClassName"] = chosen
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": described, "spec": spec}


def _recorded(claim: Object) -> Object:
    """What is needed to make the claim anew."""
    head, spec = claim["metadata"], claim["spec"]
    annotations = {key: text for key, text in (head.get("annotations") or {}).items() if key.startswith(_HELM)}
    kept = {key: spec[key] for key in ("accessModes", "volumeMode", "storageClassName") if spec.get(key)}
    size = str(spec["resources"]["requests"]["storage"])
    return {"name": head["name"], "labels": head.get("labels") or {}, "annotations": annotations, "size": size, **kept}


def cut_together(snapshot: Mapping[str, Any]) -> list[str]:
    """Return the names of all claims that were to be cut with this one; none where the snapshot does not say."""
    try:
        said = json.loads((snapshot["metadata"].get("annotations") or {})[VOLUME_ANNOTATION])
        return [str(each) for each in said["volumes"]]
    except (KeyError, TypeError, ValueError):
        return []


def default_classes(storage_classes: Iterable[Object], snapshot_classes: Iterable[Object]) -> dict[str, str]:
    """Return the VolumeSnapshotClass for each StorageClass: the default one of its driver, where there is exactly one.

    Of several the snapshot controller takes none
    (https://kubernetes.io/docs/concepts/storage/volume-snapshot-classes/).
    """
    drivers: dict[str, list[str]] = {}
    for each in snapshot_classes:
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
            drivers.setdefault(str(each["driver"]), []).append(str(each["metadata"]["name"]))
    return {
        str(each["metadata"]["name"]): drivers[str(each["provisioner"])][0]
        for each in storage_classes
        if len(drivers.get(str(each["provisioner"]), ())) == 1
    }
