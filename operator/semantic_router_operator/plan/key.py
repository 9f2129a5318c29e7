"""Names of objects and the fixed words by which the operator recognises its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

GROUP = "semanticrouter.dev"
API_VERSION = f"{GROUP}/v1alpha1"
KIND = "SemanticRouter"
FIELD_MANAGER = "semantic-router-operator"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY = "semantic-router-operator"
SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
PAUSE_ANNOTATION = f"{GROUP}/pause"
ADOPT_ANNOTATION = f"{GROUP}/adopt"


@dataclass(frozen=True, order=True)
class ObjectKey:
    """Names one object; prints as `Deployment/name`."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def key_of(obj: Mapping[str, Any]) -> ObjectKey:
    metadata = obj["metadata"]
    return ObjectKey(obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"])


def owner_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The controlling ownerReference, if any."""
    for reference in obj["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return dict(reference)
    return None


def owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    owner = owner_of(obj)
    return owner is not None and owner.get("uid") == uid
