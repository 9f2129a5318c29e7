"""The volumes of a managed Milvus: whether they can be made, how much they will hold, and their growth.

A StatefulSet's template of claims cannot change, so its claims are let grow one by one, as
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims has it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from semantic_router_operator.api.milvus import ManagedMilvus, Storage
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts, StorageFacts
from semantic_router_operator.render.milvus_changes import Settled, settled
from semantic_router_operator.render.quantity import quantity

Object = dict[str, Any]

# An entry: question, answer and the rest of its row, as stored answers of a few hundred tokens take.
_ENTRY_BYTES = 8 * 1024
# float32, and the index beside it.
_VECTOR_FACTOR = 4 * 2
# The default embedder's; others are between 384 and 4096.
_DIMENSION = 384
# Segments before and after compaction, the log of writes, and what is deleted and not yet removed.
_COPIES = 3


@dataclass(frozen=True, slots=True)
class Growth:
    """Claims to apply, each with nothing but its new size, and a sentence for each volume that cannot grow."""

    claims: tuple[Object, ...] = ()
    refused: tuple[str, ...] = ()


def volume_problem(managed: ManagedMilvus, storage: StorageFacts | None) -> str:
    """Return why the volumes of a new Milvus could not be made; empty where nothing is known against it."""
    if storage is None:
        return ""
    for field, wanted in _fields(managed).items():
        name = wanted.storage_class_name
        if name is not None and name not in storage.classes:
            there = ", ".join(sorted(storage.classes)) or "none at all"
            return (
                f"spec.milvus.managed.{field}.storageClassName {name} does not exist; there is {there} (kubectl get "
                "storageclass)."
            )
        if name is None and storage.default is None:
            return (
                f"The cluster has no default StorageClass: set spec.milvus.managed.{field}.storageClassName, or mark a "
                "class with the annotation storageclass.kubernetes.io/is-default-class=true."
            )
    return ""


def estimated_bytes(resource: SemanticRouter) -> Decimal:
    """Return what the cache may come to in the object store, once it holds as many entries as its memory may."""
    entries = resource.spec.cache.max_memory_entries
    return Decimal(entries * (_ENTRY_BYTES + _DIMENSION * _VECTOR_FACTOR) * _COPIES)


def tight(resource: SemanticRouter, managed: ManagedMilvus) -> str:
    """Return a warning where the object store is smaller than the estimate; empty where it is not."""
    # Of four drives, erasure coding leaves two for data.
    room = quantity(managed.storage.size) * (2 if managed.clustered else 1)
    need = estimated_bytes(resource)
    if need <= room:
        return ""
    return (
        f"{resource.spec.cache.max_memory_entries} entries (spec.cache.maxMemoryEntries) may come to "
        f"{need / 2**30:.0f} GiB, and spec.milvus.managed.storage.size leaves room for {room / 2**30:.0f} GiB."
    )


def growth(resource: SemanticRouter, managed: ManagedMilvus, facts: ClusterFacts) -> Growth:
    """Return what is to be done where a size has grown since the Milvus was made."""
    there = facts.milvus.get(names.milvus(resource))
    if there is None or facts.storage is None:
        return Growth()
    final = settled(managed, there)
    found: list[Object] = []
    refused: list[str] = []
    if final.message_stream == "rocksmq" and quantity(managed.stream_storage.size) > quantity(final.stream.size):
        refused.append(
            f"spec.milvus.managed.streamStorage.size stays {final.stream.size} and does not become "
            f"{managed.stream_storage.size}: the volume of rocksmq does not grow. Set it back to {final.stream.size}."
        )
    for field, wanted in _fields(managed).items():
        for name, claim in sorted(facts.storage.claims.items()):
            if not belongs(name, field, names.milvus(resource), final):
                continue
            if quantity(claim.size) >= quantity(wanted.size):
                continue
            if not facts.storage.classes.get(claim.storage_class, False):
                refused.append(
                    f"spec.milvus.managed.{field}.size stays {claim.size} and does not become {wanted.size}: "
                    f"StorageClass {claim.storage_class or 'unset'} of PersistentVolumeClaim/{name} does not allow "
                    "volumes to grow (allowVolumeExpansion). Set it back, or have the class allow it."
                )
                break
            if not (field == "storage" and final.mode == "standalone"):
                found.append(_sized(name, resource.metadata.namespace, wanted.size))
    return Growth(tuple(found), tuple(refused))


def _fields(managed: ManagedMilvus) -> dict[str, Storage]:
    fields = {"storage": managed.storage, "etcdStorage": managed.etcd_storage}
    if managed.clustered or managed.message_stream == "rocksmq":
        # Pulsar's, or rocksmq's where it is asked for by name.
        fields["streamStorage"] = managed.stream_storage
    return fields


def belongs(claim: str, field: str, milvus: str, final: Settled) -> bool:
    """Whether it is a volume of that field, by the names that milvus-operator and the charts give."""
    if field == "storage":
        return claim == f"{milvus}-minio" if final.mode == "standalone" else claim.startswith(f"export-{milvus}-minio-")
    return claim.startswith(f"data-{milvus}-etcd-" if field == "etcdStorage" else f"{milvus}-pulsar-")


def field_of(claim: str, milvus: str, final: Settled) -> str:
    """Return the field that says what the volume is like; empty for one that a Milvus of this kind does not have."""
    if final.message_stream == "rocksmq" and claim == rocksmq_claim(milvus):
        return "streamStorage"
    fields = ("storage", "etcdStorage", *(("streamStorage",) if final.message_stream == "pulsar" else ()))
    return next((field for field in fields if belongs(claim, field, milvus, final)), "")


def rocksmq_claim(milvus: str) -> str:
    """Return the name of the claim that milvus-operator makes for rocksmq."""
    return f"{milvus}-data"


def _sized(name: str, namespace: str, size: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"resources": {"requests": {"storage": size}}},
    }
