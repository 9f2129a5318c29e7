"""Has the volumes of a managed Milvus cut after a backup, and removes the snapshots that are too many."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.cluster.connection import Connection
from semantic_router_operator.cluster.discovery import Discovery
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.informer import Informer
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.plan.key import SELECTOR, key_of, owned_by
from semantic_router_operator.render import names
from semantic_router_operator.render.facts import ClusterFacts
from semantic_router_operator.render.milvus import managed_of
from semantic_router_operator.render.milvus_changes import settled
from semantic_router_operator.render.snapshots import (
    API_VERSION,
    CLASS_KIND,
    KIND,
    default_classes,
    snapshots_of,
    wanted,
)
from semantic_router_operator.workflows.snapshots import due, surplus

Json = dict[str, Any]
Key = tuple[str, str]

log = structlog.get_logger()


class Snapshotter:
    """`changed` is called with a snapshot of ours that has changed."""

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        objects: Objects,
        namespaces: tuple[str, ...],
        changed: Callable[[Json], None],
    ) -> None:
        self._objects = objects
        self.informers = {
            namespace: Informer(connection, discovery, API_VERSION, KIND, namespace or None, SELECTOR, changed)
            for namespace in (namespaces or ("",))
        }

    def existing(self, key: Key, uid: str) -> list[Json]:
        """The snapshots of a resource."""
        informer = self.informers.get(key[0]) or self.informers[""]
        return [each for each in informer.of_instance(*key) if owned_by(each, uid)]

    async def carry_on(
        self, resource: SemanticRouter, told: Mapping[str, Any], facts: ClusterFacts, now: datetime
    ) -> None:
        """Cut volumes where a backup has just become complete; `told` is status.backup. Raises ApiError.

        A snapshot's name follows from its backup, so that a pass which is cut short is made up for by the next one.
        """
        backup, managed = resource.spec.backup, managed_of(resource)
        if backup is None or managed is None or not wanted(resource):
            return
        key = (resource.metadata.namespace, resource.metadata.name)
        there = self.existing(key, resource.metadata.uid)
        try:
            if name := due(told, there, now):
                claims = await self._objects.list_objects("v1", "PersistentVolumeClaim", key[0])
                final = settled(managed, facts.milvus.get(names.milvus(resource)))
                for cut in snapshots_of(resource, final, claims, name, await self._classes()):
                    await self._objects.create(cut)
            kept = managed.from_snapshots.backup if managed.from_snapshots is not None else ""
            for each in surplus(there, backup.snapshots.keep, kept):
                await self._objects.delete(key_of(each), each["metadata"]["uid"])
        except UnknownKindError:
            return  # The condition Degraded says that the kind is missing.
        except ApiError as error:
            if not error.refusal:
                raise
            log.warning("snapshot_refused", namespace=key[0], name=key[1], reason=error.message)

    async def _classes(self) -> dict[str, str]:
        """The VolumeSnapshotClass for each StorageClass; nothing where the role does not allow to look, which leaves it
        to the snapshot controller."""
        try:
            storage = await self._objects.list_objects("storage.k8s.io/v1", "StorageClass", None)
            return default_classes(storage, await self._objects.list_objects(API_VERSION, CLASS_KIND, None))
        except UnknownKindError:
            return {}
        except ApiError as error:
            if error.status != 403:
                raise
            return {}
