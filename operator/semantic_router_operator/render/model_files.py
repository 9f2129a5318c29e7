"""The embedding model's files: where they are mounted, and the claim that keeps them."""

from typing import Any

from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.render import names
from semantic_router_operator.render.metadata import claim_metadata

Object = dict[str, Any]

MODEL_DIR = "/models"
_VOLUME = "model"


def loads_model(resource: SemanticRouter) -> bool:
    """Return whether pods load the model from the network: only sentence-transformers does, without files given."""
    embedding = resource.spec.cache.embedding
    given = embedding.files is not None and embedding.files.claim_name is not None
    return embedding.backend == "sentence-transformers" and not given


def model_path(resource: SemanticRouter) -> str | None:
    """Return the model's folder in the pod, or None where the router knows it."""
    files = resource.spec.cache.embedding.files
    if files is None or files.claim_name is None:
        return None
    return f"{MODEL_DIR}/{files.path}" if files.path is not None else MODEL_DIR


def model_claim(resource: SemanticRouter) -> Object | None:
    """Return the claim for models that pods load, or None where there is none of our own."""
    files = resource.spec.cache.embedding.files
    if files is None or files.storage is None:
        return None
    spec: Object = {
        "accessModes": [files.storage.access_mode],
        "resources": {"requests": {"storage": files.storage.size}},
    }
    if files.storage.storage_class_name is not None:
        spec["storageClassName"] = files.storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": claim_metadata(resource, names.model_claim(resource), files.storage.deletion_policy),
        "spec": spec,
    }


def model_environment(resource: SemanticRouter, scratch: str) -> list[Object]:
    """Return where sentence-transformers keeps what it loads: in the claim, else in a folder that may be written."""
    if not loads_model(resource):
        return []
    kept = resource.spec.cache.embedding.files is not None
    return [{"name": "HF_HOME", "value": MODEL_DIR if kept else f"{scratch}/huggingface"}]


def model_mounts(resource: SemanticRouter) -> list[Object]:
    files = resource.spec.cache.embedding.files
    if files is None:
        return []
    mount: Object = {"name": _VOLUME, "mountPath": MODEL_DIR}
    return [mount if files.storage is not None else {**mount, "readOnly": True}]


def model_volumes(resource: SemanticRouter) -> list[Object]:
    files = resource.spec.cache.embedding.files
    if files is None:
        return []
    claim: Object = {"claimName": files.claim_name or names.model_claim(resource)}
    if files.claim_name is not None:
        claim["readOnly"] = True
    return [{"name": _VOLUME, "persistentVolumeClaim": claim}]
