"""What volumes the cluster can make, and those that Milvus has."""

from typing import Any

from semantic_router_operator.cluster.errors import ApiError
from semantic_router_operator.cluster.objects import Objects
from semantic_router_operator.render.facts import Claim, StorageFacts

Json = dict[str, Any]
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


async def storage_facts(objects: Objects, namespace: str, name: str) -> StorageFacts | None:
    """The classes, and the claims of a resource's Milvus, by its name; None where the role does not allow to look.

    Raises ApiError.
    """
    try:
        classes = await objects.list_objects("storage.k8s.io/v1", "StorageClass", None)
        claims = await objects.list_objects("v1", "PersistentVolumeClaim", namespace)
    except ApiError as error:
        if error.status == 403:
            return None
        raise
    defaults = [each for each in classes if (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"]
    # Of several defaults Kubernetes takes the youngest.
    defaults.sort(key=lambda each: str(each["metadata"].get("creationTimestamp")), reverse=True)
    return StorageFacts(
        classes={each["metadata"]["name"]: each.get("allowVolumeExpansion") is True for each in classes},
        default=str(defaults[0]["metadata"]["name"]) if defaults else None,
        claims={
            each["metadata"]["name"]: Claim(
                str(each["spec"]["resources"]["requests"]["storage"]), str(each["spec"].get("storageClassName") or "")
            )
            for each in claims
            if f"{name}-" in each["metadata"]["name"]
        },
    )
