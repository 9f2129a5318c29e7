"""The volumes that a managed Milvus begins with, where they are to come from the snapshots of a backup.

The claims are made before the Milvus is: a StatefulSet takes claims of its names as they are, and Helm those that bear
its labels and annotations. A Milvus of another name, mode, message stream or version could not read what is in them:
its bucket, its root in etcd and the members of etcd and of the message stream bear the name.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.api.milvus import ManagedMilvus, Storage
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.milvus_changes import Settled, settled
from semantic_router_operator.render.milvus_volumes import field_of
from semantic_router_operator.render.quantity import quantity
from semantic_router_operator.render.snapshots import BACKUP_LABEL, KIND, VOLUME_ANNOTATION, claims_of

Object = dict[str, Any]
_FIELD = "spec.milvus.managed.fromSnapshots"
_INSTEAD = f"Remove {_FIELD} to begin with an empty Milvus."
_LIST = f"kubectl get volumesnapshots -L {BACKUP_LABEL}"
_HELM_NAMESPACE = "meta.helm.sh/release-namespace"


@dataclass(frozen=True, slots=True)
class Recovery:
    """`claims` are to be made, then the Milvus; where there is a `reason`, nothing yet, and `message` says why."""

    claims: tuple[Object, ...] = ()
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Volume:
    """A snapshot, and what it says of its claim."""

    snapshot: Mapping[str, Any]
    claim: Mapping[str, Any]
    together: Sequence[str]
    milvus: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{KIND}/{self.snapshot['metadata']['name']}"

    @property
    def status(self) -> Mapping[str, Any]:
        return self.snapshot.get("status") or {}

    @property
    def source(self) -> Object:
        group = "snapshot.storage.k8s.io"
        return {"apiGroup": group, "kind": KIND, "name": str(self.snapshot["metadata"]["name"])}


def recovery(
    resource: SemanticRouter,
    managed: ManagedMilvus,
    snapshots: Sequence[Mapping[str, Any]],
    claims: Sequence[Mapping[str, Any]],
) -> Recovery:
    """Return what is to be done for a Milvus that is not there yet. `snapshots` are those of all backups, `claims` the
    PersistentVolumeClaims, both of the namespace."""
    backup = managed.from_snapshots.backup if managed.from_snapshots is not None else ""
    there = [each for each in snapshots if _backup(each) == backup and not each["metadata"].get("deletionTimestamp")]
    if not there:
        others = ", ".join(sorted({_backup(each) for each in snapshots} - {backup})) or "none"
        text = f"There is no {KIND} of the backup {backup}; there is {others} ({_LIST}). Correct {_FIELD}.backup. "
        return Recovery((), "SnapshotsMissing", text + _INSTEAD)
    volumes: dict[str, _Volume] = {}
    for found in there:
        each = _volume(found)
        if each is None or str(each.claim["name"]) in volumes:
            said = "does not say of which claim it is" if each is None else "is not the only one of its claim"
            text = f"{KIND}/{found['metadata']['name']} {said} (annotation {VOLUME_ANNOTATION}). {_INSTEAD}"
            return Recovery((), "SnapshotsUnusable", text)
        volumes[str(each.claim["name"])] = each
    final = settled(managed, None)
    for reason, problem in (
        ("SnapshotsUnfit", _unfit(names.milvus(resource), final, backup, volumes)),
        ("SnapshotsMissing", _missing(names.milvus(resource), final, backup, volumes)),
        ("SnapshotFailed", _failed(volumes)),
        ("SnapshotsNotReady", _not_ready(backup, volumes)),
        ("VolumeTooSmall", _too_small(names.milvus(resource), managed, final, volumes)),
    ):
        if problem:
            return Recovery((), reason, problem)
    existing = {str(each["metadata"]["name"]): each for each in claims}
    for name in sorted({*claims_of(resource, final.message_stream, existing)}):
        if problem := _in_the_way(existing[name], volumes.get(name)):
            return Recovery((), "VolumeInTheWay", problem)
    return Recovery(
        tuple(
            _claim(resource, managed, final, volume) for name, volume in sorted(volumes.items()) if name not in existing
        )
    )


def _backup(snapshot: Mapping[str, Any]) -> str:
    return str((snapshot["metadata"].get("labels") or {}).get(BACKUP_LABEL, ""))


def _volume(snapshot: Mapping[str, Any]) -> _Volume | None:
    """Return what the snapshot says; None where it says nothing, or what is none of ours."""
    try:
        said = json.loads((snapshot["metadata"].get("annotations") or {})[VOLUME_ANNOTATION])
        volume = _Volume(snapshot, said["claim"], [str(each) for each in said["volumes"]], said["milvus"])
        quantity(str(volume.claim["size"]))
        usable = volume.claim["name"] in volume.together and volume.claim["accessModes"] and volume.milvus["name"]
    except (KeyError, TypeError, ValueError):
        return None
    return volume if usable else None


def _unfit(milvus: str, final: Settled, backup: str, volumes: Mapping[str, _Volume]) -> str:
    saved = next(iter(volumes.values())).milvus
    asked = {"mode": final.mode, "version": final.version, "messageStream": final.message_stream}
    if saved["name"] != milvus:
        return (
            f"The snapshots of {backup} are of Milvus/{saved['name']}, and this one is Milvus/{milvus}: its bucket and "
            f"its etcd would not know them. Restore the backup itself, by a SemanticCacheRestore. {_INSTEAD}"
        )
    for field, value in asked.items():
        if saved.get(field) != value:
            return (
                f"The snapshots of {backup} are of a Milvus with {field} {saved.get(field)}, and this one is to have "
                f"{value}: set spec.milvus.managed.{field} to {saved.get(field)}. {_INSTEAD}"
            )
    stranger = next((name for name in sorted(volumes) if not field_of(name, milvus, final)), "")
    return (
        f"A {final.mode} Milvus has no volume {stranger}, of which there is a snapshot. {_INSTEAD}" if stranger else ""
    )


def _missing(milvus: str, final: Settled, backup: str, volumes: Mapping[str, _Volume]) -> str:
    expected = {name for each in volumes.values() for name in each.together}
    expected |= {f"data-{milvus}-etcd-0", f"export-{milvus}-minio-0" if final.mode == "cluster" else f"{milvus}-minio"}
    missing = sorted(expected - volumes.keys())
    if not missing:
        return ""
    return (
        f"There is no {KIND} of {', '.join(missing)} from the backup {backup}, and volumes of different times do not "
        f"fit. Name another backup ({_LIST}) in {_FIELD}.backup, or restore it by a SemanticCacheRestore. {_INSTEAD}"
    )


def _failed(volumes: Mapping[str, _Volume]) -> str:
    for _, each in sorted(volumes.items()):
        said = (each.status.get("error") or {}).get("message")
        if said and not each.status.get("readyToUse"):
            told = " ".join(str(said).split())[:300].rstrip(".")
            return f"{each.name}: {told}. See the snapshot controller, or name another backup ({_LIST}). {_INSTEAD}"
    return ""


def _not_ready(backup: str, volumes: Mapping[str, _Volume]) -> str:
    waiting = [each for _, each in sorted(volumes.items()) if not each.status.get("readyToUse")]
    if not waiting:
        return ""
    return (
        f"{len(volumes) - len(waiting)} of {len(volumes)} snapshots of {backup} are ready to use; Milvus is made after "
        f"that. {waiting[0].name} is waited for: kubectl describe tells how far it is."
    )


def _too_small(milvus: str, managed: ManagedMilvus, final: Settled, volumes: Mapping[str, _Volume]) -> str:
    """A volume cannot be smaller than its snapshot; and the charts would shrink one that is larger than their size."""
    for name, each in sorted(volumes.items()):
        field, least = field_of(name, milvus, final), str(each.status.get("restoreSize") or each.claim["size"])
        asked = _storage(managed, field).size
        if quantity(asked) < quantity(least):
            return (
                f"PersistentVolumeClaim/{name} was cut at {least}, and spec.milvus.managed.{field}.size is {asked}: "
                f"set it to {least} or more."
            )
    return ""


def _in_the_way(claim: Mapping[str, Any], volume: _Volume | None) -> str:
    name = f"PersistentVolumeClaim/{claim['metadata']['name']}"
    if claim["metadata"].get("deletionTimestamp"):
        return f"{name} is being deleted; it is made anew after that. A pod that still uses it holds it up."
    source = claim["spec"].get("dataSource") or {}
    if volume is not None and (source.get("kind"), source.get("name")) == (KIND, volume.source["name"]):
        return ""
    if volume is None:
        return f"{name} is there, and no snapshot of the backup is of it: delete it where nothing uses it. {_INSTEAD}"
    return (
        f"{name} is there, and was not made from {volume.name}. No volume is ever replaced: look what is in it, then "
        f"delete it and what uses it. {_INSTEAD}"
    )


def _claim(resource: SemanticRouter, managed: ManagedMilvus, final: Settled, volume: _Volume) -> Object:
    """Return the claim as it was. It has no owner, as those of the charts have none: what becomes of it is
    milvus-operator's to decide, which finds it by its labels."""
    namespace, said = resource.metadata.namespace, volume.claim
    asked = _storage(managed, field_of(str(said["name"]), names.milvus(resource), final))
    annotations = {
        key: namespace if key == _HELM_NAMESPACE else str(text) for key, text in (said.get("annotations") or {}).items()
    }
    spec: Object = {
        "accessModes": list(said["accessModes"]),
        "resources": {"requests": {"storage": asked.size}},
        "dataSource": volume.source,
    }
    if said.get("volumeMode"):
        spec["volumeMode"] = said["volumeMode"]
    if chosen := asked.storage_class_name or said.get("storageClassName"):
        spec["storageClassName"] = chosen
    described: Object = {"name": said["name"], "namespace": namespace, "labels": dict(said.get("labels") or {})}
    if annotations:
        described["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": described, "spec": spec}


def _storage(managed: ManagedMilvus, field: str) -> Storage:
    return {"storage": managed.storage, "etcdStorage": managed.etcd_storage}.get(field, managed.stream_storage)
