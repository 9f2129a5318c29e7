"""The CustomResourceDefinitions, generated from the models.

Kubernetes wants a structural schema: no references, no titles, no unions but int-or-string, list types for server-side
apply (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/). The schema
carries no defaults: they depend on the profile, and what the API server does not write into the spec it cannot fight
over with the operator.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantic_router_operator.api import GROUP, VERSION
from semantic_router_operator.api.base import ApiModel, rules
from semantic_router_operator.api.semantic_cache_backup import BackupSpec, BackupStatus
from semantic_router_operator.api.semantic_cache_restore import RestoreSpec, RestoreStatus
from semantic_router_operator.api.semantic_router import Spec
from semantic_router_operator.api.status import Status

Column = dict[str, Any]

_KEPT = frozenset(
    {
        "description", "enum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
        "minimum", "pattern", "required", "type", "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource. `longest_name` is what the names of its objects leave room for."""

    name: str
    singular: str
    short: str
    description: str
    spec: type[ApiModel]
    status: type[ApiModel]
    longest_name: int
    columns: tuple[Column, ...]
    subresources: Mapping[str, Any] = field(default_factory=lambda: {"status": {}})
    categories: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()

    @property
    def plural(self) -> str:
        return f"{self.singular}s"

    @property
    def crd_name(self) -> str:
        """The name of the CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


_READY = ".status.conditions[?(@.type=='Ready')]"
_PHASE: Column = {"name": "Phase", "type": "string", "jsonPath": ".status.phase"}
_ROUTER: Column = {"name": "Router", "type": "string", "jsonPath": ".spec.routerRef.name"}
_BACKUP: Column = {"name": "Backup", "type": "string", "jsonPath": ".status.backupName"}
_ROWS: Column = {"name": "Rows", "type": "integer", "jsonPath": ".status.rows"}
_AGE: Column = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_MESSAGE: Column = {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1}

SEMANTIC_ROUTER = Kind(
    name="SemanticRouter",
    singular="semanticrouter",
    short="sr",
    description="One gateway that routes by meaning and answers repeated questions from its cache.",
    spec=Spec,
    status=Status,
    longest_name=40,  # It becomes the name of a Service.
    categories=("all",),
    subresources={
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.router.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    },
    columns=(
        {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
        {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
        {"name": "Backend", "type": "string", "jsonPath": ".status.backend"},
        {"name": "Pods", "type": "integer", "jsonPath": ".status.readyReplicas", "description": "Pods that are ready."},
        {"name": "Endpoint", "type": "string", "jsonPath": ".status.endpoint"},
        _AGE,
        {"name": "Message", "type": "string", "jsonPath": f"{_READY}.message", "priority": 1},
        {"name": "Epoch", "type": "string", "jsonPath": ".status.configEpoch", "priority": 1},
    ),
    rules=(
        (
            "!has(self.spec.milvus) || !has(self.spec.milvus.managed) || !self.metadata.name.contains('etcd')",
            "a resource with spec.milvus.managed must not have etcd in its name: milvus-operator tells pods apart "
            "by it",
        ),
    ),
)  # fmt: skip
SEMANTIC_CACHE_BACKUP = Kind(
    name="SemanticCacheBackup",
    singular="semanticcachebackup",
    short="scb",
    description="One backup of a router's cache, made when this is created. An ended one is history; to delete it "
    "deletes no data.",
    spec=BackupSpec,
    status=BackupStatus,
    longest_name=200,
    columns=(
        _ROUTER,
        _PHASE,
        _BACKUP,
        {"name": "Engine", "type": "string", "jsonPath": ".status.engine", "priority": 1},
        _ROWS,
        {"name": "Bytes", "type": "integer", "jsonPath": ".status.bytes"},
        _AGE,
        _MESSAGE,
    ),
)
SEMANTIC_CACHE_RESTORE = Kind(
    name="SemanticCacheRestore",
    singular="semanticcacherestore",
    short="scr",
    description="One restore of a backup into a router's cache, begun when this is created. An ended one is history.",
    spec=RestoreSpec,
    status=RestoreStatus,
    longest_name=200,
    columns=(
        _ROUTER,
        _PHASE,
        {"name": "Step", "type": "string", "jsonPath": ".status.step"},
        _BACKUP,
        _ROWS,
        _AGE,
        _MESSAGE,
    ),
)
KINDS = (SEMANTIC_ROUTER, SEMANTIC_CACHE_BACKUP, SEMANTIC_CACHE_RESTORE)


def definitions() -> dict[str, dict[str, Any]]:
    """Return the CustomResourceDefinition of each kind as a Kubernetes object, by its name."""
    return {each.crd_name: definition(each) for each in KINDS}


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind as a Kubernetes object."""
    names: dict[str, Any] = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "shortNames": [kind.short],
    }
    if kind.categories:
        names["categories"] = list(kind.categories)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name, "labels": {"app.kubernetes.io/name": "semantic-router-operator"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _root(kind)},
                    "subresources": copy.deepcopy(dict(kind.subresources)),
                    "additionalPrinterColumns": [dict(each) for each in kind.columns],
                }
            ],
        },
    }


def _root(kind: Kind) -> dict[str, Any]:
    name = {"type": "string", "maxLength": kind.longest_name}
    return {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": name}},
            "spec": structural(kind.spec.model_json_schema(by_alias=True, mode="validation")),
            "status": structural(kind.status.model_json_schema(by_alias=True, mode="validation")),
        },
        **(rules(*kind.rules) if kind.rules else {}),
    }


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn pydantic's JSON schema into a structural one. Raises ValueError for what Kubernetes cannot express."""
    return _node(schema, schema.get("$defs", {}))


def _node(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    resolved = _resolved(schema, definitions)
    node = {key: value for key, value in resolved.items() if key in _KEPT}
    if "description" in schema:
        # What a field says of itself tells more than what its type says.
        node["description"] = schema["description"]
    if resolved.get("x-kubernetes-int-or-string"):
        node["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        return node
    if "const" in resolved:
        node["enum"] = [resolved["const"]]
        node.setdefault("type", "string")
    if "properties" in resolved:
        node["properties"] = {name: _node(child, definitions) for name, child in resolved["properties"].items()}
    if isinstance(resolved.get("additionalProperties"), dict):
        node["additionalProperties"] = _node(resolved["additionalProperties"], definitions)
    if node.get("type") == "array":
        node["items"] = _node(resolved["items"], definitions)
        key = resolved.get("x-map-key")
        if key:
            node["x-kubernetes-list-type"] = "map"
            node["x-kubernetes-list-map-keys"] = [key]
        else:
            node["x-kubernetes-list-type"] = "atomic"
    if "type" not in node:
        raise ValueError(f"a field has no single type: {schema}")
    return node


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and take `X or nothing` for X: in Kubernetes every field that is not required may be left
    out."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return {**_resolved(target, definitions), **{key: value for key, value in schema.items() if key != "$ref"}}
    if "anyOf" in schema and not schema.get("x-kubernetes-int-or-string"):
        alternatives = [each for each in schema["anyOf"] if each.get("type") != "null"]
        if len(alternatives) != 1:
            raise ValueError(f"a union cannot be expressed: {schema}")
        return {
            **_resolved(alternatives[0], definitions),
            **{key: value for key, value in schema.items() if key != "anyOf"},
        }
    return schema
