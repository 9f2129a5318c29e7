"""The metadata of every object that belongs to a resource."""

from typing import Any

from semantic_router_operator.api import GROUP
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names

# On objects that outlive their resource: the name of the one that may take them over.
RETAINED_ANNOTATION = f"{GROUP}/retained-for"


def claim_metadata(resource: SemanticRouter, name: str, deletion_policy: str) -> dict[str, Any]:
    """Return the metadata of a volume's claim. A retained one has no owner: nobody deletes it but a person."""
    if deletion_policy == "Delete":
        return metadata(resource, name)
    described = metadata(resource, name, {RETAINED_ANNOTATION: resource.metadata.name})
    described.pop("ownerReferences", None)
    return described


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
