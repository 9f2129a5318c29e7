"""The metadata of every object that belongs to a resource."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names


def metadata(resource: SemanticRouter, name: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """Return name, namespace, labels and the owner reference, by which the object goes when the resource goes."""
    result: dict[str, Any] = {
        "name": name,
        "namespace": resource.metadata.namespace,
        "labels": names.labels(resource),
    }
    if annotations:
        result["annotations"] = dict(annotations)
    if resource.metadata.uid:
        result["ownerReferences"] = [
            {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "name": resource.metadata.name,
                "uid": resource.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return result
