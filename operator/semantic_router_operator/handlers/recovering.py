"""Makes the volumes of a managed Milvus from snapshots, before there is a Milvus."""

from semantic_router_operator.api.milvus import ManagedMilvus
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.cluster.errors import ApiError, UnknownKindError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.plan.conditions import Condition
from semantic_router_operator.plan.key import key_of
from semantic_router_operator.render.milvus_recovery import recovery
from semantic_router_operator.render.snapshots import API_VERSION, BACKUP_LABEL, KIND


async def recovered(objects: Objects, resource: SemanticRouter, managed: ManagedMilvus) -> Condition | None:
    """Return why the Milvus cannot be made yet; None once all its volumes are there. Raises ApiError.

    Everything is looked at anew each time, and a claim is only ever created: a pass that was cut short goes on.
    """
    namespace = resource.metadata.namespace
    try:
        snapshots = await objects.list_objects(API_VERSION, KIND, namespace, {"labelSelector": BACKUP_LABEL})
        claims = await objects.list_objects("v1", "PersistentVolumeClaim", namespace)
    except UnknownKindError as error:
        return _not("SnapshotsMissing", f"spec.milvus.managed.fromSnapshots: {error}")
    except ApiError as error:
        if not error.refusal:
            raise
        return _not("SnapshotsMissing", error.explained("A look at snapshots and claims"))
    found = recovery(resource, managed, snapshots, claims)
    if found.reason:
        return _not(found.reason, found.message)
    for claim in found.claims:
        try:
            if not await objects.create(claim):
                return _not("VolumeInTheWay", f"{key_of(claim)} has just been made by somebody else; it is looked at.")
        except ApiError as error:
            if not error.refusal:
                raise
            return _not("VolumeRefused", error.explained(str(key_of(claim))))
    return None


def _not(reason: str, message: str) -> Condition:
    return Condition("MilvusReady", "False", reason, message)
