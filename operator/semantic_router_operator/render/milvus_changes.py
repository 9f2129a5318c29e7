"""What of a managed Milvus cannot change once it is made, and what is done instead.

What is asked for is compared with the `Milvus` resource that is there. A change that Milvus, its message stream or a
StatefulSet cannot follow is not passed on, and a sentence tells so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semantic_router_operator.api.milvus import ManagedMilvus, Storage
from semantic_router_operator.render.quantity import quantity

# What a new Milvus gets where the resource names no version.
DEFAULT_VERSION = "2.6.24"
# The first version with woodpecker, and with streaming nodes in place of index nodes.
STREAMING_SINCE = (2, 6)
# Milvus' makers support the upgrade from here only (README of their chart, "Upgrading from Milvus v2.5.x to v2.6.x").
_LAST_BEFORE_STREAMING = (2, 5, 16)


@dataclass(frozen=True, slots=True)
class Volume:
    size: str
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is sent. The sizes are those of the volumes' templates: a StatefulSet's cannot change, its claims can."""

    mode: str
    version: str
    message_stream: str
    storage: Volume
    etcd: Volume
    stream: Volume
    refused: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return f"v{self.version}"


def settled(managed: ManagedMilvus, existing: Mapping[str, Any] | None, *, fixed_store: bool = False) -> Settled:
    """Return what is sent for `managed`; `existing` is what was sent for the Milvus that is there.

    `fixed_store`: the object store's volume cannot grow.
    """
    wanted = managed.version.removeprefix("v") if managed.version is not None else None
    if existing is None:
        version = wanted or DEFAULT_VERSION
        return Settled(
            mode=managed.mode,
            version=version,
            message_stream=managed.message_stream or _usual_stream(managed.mode, version),
            storage=_new(managed.storage),
            etcd=_new(managed.etcd_storage),
            stream=_new(managed.stream_storage),
        )
    refused: list[str] = []
    mode = str(existing.get("mode") or managed.mode)
    if mode != managed.mode:
        reason = (
            "a Milvus keeps its mode, and while cache.backend is memory none is made beside it to copy entries into"
        )
        refused.append(_refusal("mode", mode, managed.mode, reason))
    version = _version(wanted, existing, refused)
    stream = str(_at(existing, "dependencies", "msgStreamType") or _usual_stream(mode, version))
    if managed.message_stream is not None and managed.message_stream != stream:
        refused.append(_refusal("messageStream", stream, managed.message_stream, "a Milvus keeps its message stream"))
    # A standalone's object store is a Deployment with a claim, which its chart lets grow; the templates of the others
    # cannot change, so there the operator lets the claims grow itself.
    return Settled(
        mode=mode,
        version=version,
        message_stream=stream,
        storage=_volume(
            managed.storage, _storage(existing), "storage", refused, template=mode == "cluster" or fixed_store
        ),
        etcd=_volume(managed.etcd_storage, _etcd(existing), "etcdStorage", refused, template=True),
        stream=_volume(managed.stream_storage, _stream(existing), "streamStorage", refused, template=True),
        refused=tuple(refused),
    )


def _version(wanted: str | None, existing: Mapping[str, Any], refused: list[str]) -> str:
    there = str(_at(existing, "components", "version") or "").removeprefix("v")
    if not there or wanted == there:
        return wanted or there or DEFAULT_VERSION
    if wanted is None:
        return there
    if version_number(wanted) < version_number(there):
        reason = "data that a newer Milvus has written may not be read by an older one"
        refused.append(_refusal("version", there, wanted, reason))
        return there
    if version_number(wanted)[:1] != version_number(there)[:1]:
        refused.append(_refusal("version", there, wanted, "a change of the major version needs a new Milvus"))
        return there
    if version_number(wanted) >= STREAMING_SINCE and version_number(there) < _LAST_BEFORE_STREAMING:
        reason = "the way to 2.6 leads over 2.5.16 or a later 2.5: set that first"
        refused.append(_refusal("version", there, wanted, reason))
        return there
    return wanted


def version_number(text: str) -> tuple[int, ...]:
    """Return a version for comparing; what is no version is the lowest."""
    parts = text.removeprefix("v").split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _usual_stream(mode: str, version: str) -> str:
    if mode == "cluster":
        return "pulsar"
    return "woodpecker" if version_number(version) >= STREAMING_SINCE else "rocksmq"


def _new(storage: Storage) -> Volume:
    return Volume(storage.size, storage.storage_class_name)


def _volume(wanted: Storage, there: Volume | None, field: str, refused: list[str], *, template: bool) -> Volume:
    if there is None:
        return _new(wanted)
    if wanted.storage_class_name != there.storage_class:
        reason = "the class of a volume cannot change"
        asked = wanted.storage_class_name or "the cluster's default"
        refused.append(_refusal(f"{field}.storageClassName", there.storage_class or "unset", asked, reason))
    if quantity(wanted.size) < quantity(there.size):
        refused.append(_refusal(f"{field}.size", there.size, wanted.size, "a volume can grow only"))
        return there
    return there if template else Volume(wanted.size, there.storage_class)


def _storage(existing: Mapping[str, Any]) -> Volume | None:
    return _of(_at(existing, "dependencies", "storage", "inCluster", "values", "persistence"), "storageClass")


def _etcd(existing: Mapping[str, Any]) -> Volume | None:
    return _of(_at(existing, "dependencies", "etcd", "inCluster", "values", "persistence"), "storageClass")


def _stream(existing: Mapping[str, Any]) -> Volume | None:
    pulsar = _at(existing, "dependencies", "pulsar", "inCluster", "values", "bookkeeper", "volumes", "ledgers")
    if pulsar is not None:
        return _of(pulsar, "storageClassName")
    claim = _at(existing, "dependencies", "rocksmq", "persistence", "persistentVolumeClaim", "spec")
    size = _at(claim, "resources", "requests", "storage")
    return Volume(str(size), claim.get("storageClassName")) if size is not None else None


def _of(values: Any, class_key: str) -> Volume | None:
    if not isinstance(values, Mapping) or values.get("size") is None:
        return None
    return Volume(str(values["size"]), values.get(class_key) or None)


def _at(tree: Any, *way: str) -> Any:
    found: Any = tree
    for key in way:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _refusal(field: str, there: str, wanted: str, reason: str) -> str:
    return (
        f"spec.milvus.managed.{field} stays {there} and does not become {wanted}: {reason}. Set it back to {there}, or "
        "move to a new resource."
    )
