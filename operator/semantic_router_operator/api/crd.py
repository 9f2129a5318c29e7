"""The CustomResourceDefinition, generated from the models.

Kubernetes wants a structural schema: no references, no titles, no unions but int-or-string, list types for server-side
apply (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/). The schema
carries no defaults: they depend on the profile, and what the API server does not write into the spec it cannot fight
over with the operator.
"""

from typing import Any

from semantic_router_operator.api import GROUP, VERSION
from semantic_router_operator.api.base import rules
from semantic_router_operator.api.semantic_router import Spec
from semantic_router_operator.api.status import Status

PLURAL = "semanticrouters"
CRD_NAME = f"{PLURAL}.{GROUP}"

_KEPT = frozenset(
    {
        "description", "enum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
        "minimum", "pattern", "required", "type", "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
    }
)  # fmt: skip


def semantic_router_crd() -> dict[str, Any]:
    """Return the definition of SemanticRouter as a Kubernetes object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME, "labels": {"app.kubernetes.io/name": "semantic-router-operator"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": "SemanticRouter",
                "listKind": "SemanticRouterList",
                "plural": PLURAL,
                "singular": "semanticrouter",
                "shortNames": ["sr"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _root()},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.router.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": _columns(),
                }
            ],
        },
    }


def _root() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "One gateway that routes by meaning and answers repeated questions from its cache.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            # The name becomes that of a Service.
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 40}}},
            "spec": structural(Spec.model_json_schema(by_alias=True, mode="validation")),
            "status": structural(Status.model_json_schema(by_alias=True, mode="validation")),
        },
        **rules(
            (
                "!has(self.spec.milvus) || !has(self.spec.milvus.managed) || !self.metadata.name.contains('etcd')",
                "a resource with spec.milvus.managed must not have etcd in its name: milvus-operator tells pods apart "
                "by it",
            )
        ),
    }


def _columns() -> list[dict[str, Any]]:
    ready = ".status.conditions[?(@.type=='Ready')]"
    return [
        {"name": "Ready", "type": "string", "jsonPath": f"{ready}.status"},
        {"name": "Reason", "type": "string", "jsonPath": f"{ready}.reason"},
        {"name": "Backend", "type": "string", "jsonPath": ".status.backend"},
        {"name": "Pods", "type": "integer", "jsonPath": ".status.readyReplicas", "description": "Pods that are ready."},
        {"name": "Endpoint", "type": "string", "jsonPath": ".status.endpoint"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Message", "type": "string", "jsonPath": f"{ready}.message", "priority": 1},
        {"name": "Epoch", "type": "string", "jsonPath": ".status.configEpoch", "priority": 1},
    ]


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
