"""From a raw object to a `SemanticRouter`, or to a list of what is wrong with it.

The API server has checked the object already, perhaps by an older schema; nothing is taken on trust here.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from semantic_router_operator.api.base import camel_case
from semantic_router_operator.api.milvus import ManagedMilvus
from semantic_router_operator.api.problems import InvalidResource as InvalidResource
from semantic_router_operator.api.problems import Problem as Problem
from semantic_router_operator.api.profiles import with_preset
from semantic_router_operator.api.routing import SIGNAL_FIELDS
from semantic_router_operator.api.sections import section_problems
from semantic_router_operator.api.semantic_cache_backup import SemanticCacheBackup
from semantic_router_operator.api.semantic_cache_restore import SemanticCacheRestore
from semantic_router_operator.api.semantic_router import SemanticRouter

Model = TypeVar("Model", bound=BaseModel)

_LONGEST_VALUE = 80
# User name and password in an address: the one place where a secret may stand by mistake.
_CREDENTIALS = re.compile(r"//\S*@")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}")


def parse(raw: Mapping[str, Any]) -> SemanticRouter:
    """Return the resource with its profile's preset filled in. Raises InvalidResource."""
    spec = raw.get("spec")
    if spec is not None and not isinstance(spec, Mapping):
        raise InvalidResource([Problem("spec", "must be an object")])
    resource = _validated(SemanticRouter, {**raw, "spec": with_preset(dict(spec or {}))})
    problems = [*_references(resource), *section_problems(resource), *_variables(resource)]
    if problems:
        raise InvalidResource(problems)
    return resource


def parse_backup(raw: Mapping[str, Any]) -> SemanticCacheBackup:
    """Return the backup on demand. Raises InvalidResource."""
    return _validated(SemanticCacheBackup, raw)


def parse_restore(raw: Mapping[str, Any]) -> SemanticCacheRestore:
    """Return the restore. Raises InvalidResource."""
    return _validated(SemanticCacheRestore, raw)


def _validated(model: type[Model], raw: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise InvalidResource([_problem(finding) for finding in error.errors()]) from None


def _problem(finding: Any) -> Problem:
    path = ""
    for part in finding["loc"]:
        path += f"[{part}]" if isinstance(part, int) else (f".{part}" if path else str(part))
    message = "unknown field" if finding["type"] == "extra_forbidden" else str(finding["msg"])
    value = finding.get("input")
    shown = repr(value) if isinstance(value, str | int | float | bool) else ""
    return Problem(path, message.removeprefix("Value error, "), _CREDENTIALS.sub("//…@", shown)[:_LONGEST_VALUE])


def _variables(resource: SemanticRouter) -> list[Problem]:
    """Find `${NAME}` in texts: the router would put in its environment, where the keys of providers are."""
    texts = resource.spec.model_dump(
        mode="json", by_alias=True, exclude_none=True, include={"providers", "models", "routing", "cache", "access"}
    )
    problems: list[Problem] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, child in value.items():
                walk(child, f"{path}.{key}")
        elif isinstance(value, list):
            for number, child in enumerate(value):
                walk(child, f"{path}[{number}]")
        elif isinstance(value, str) and _VARIABLE.search(value):
            problems.append(Problem(path, "must not hold ${NAME}; the router reads its environment for that", value))

    walk(texts, "spec")
    return problems


def _references(resource: SemanticRouter) -> list[Problem]:
    """Check across sections what the CRD's CEL rules check as well."""
    spec = resource.spec
    problems: list[Problem] = []
    providers = {provider.name for provider in spec.providers}
    models = {model.name for model in spec.models}
    for number, model in enumerate(spec.models):
        if model.provider not in providers:
            problems.append(Problem(f"spec.models[{number}].provider", "is not one of spec.providers", model.provider))
        for place, fallback in enumerate(model.fallbacks):
            if fallback not in models or fallback == model.name:
                problems.append(
                    Problem(f"spec.models[{number}].fallbacks[{place}]", "is not another of spec.models", fallback)
                )
    if spec.routing.default_model is not None and spec.routing.default_model not in models:
        problems.append(Problem("spec.routing.defaultModel", "is not one of spec.models", spec.routing.default_model))
    for path, chosen, needed in (
        ("spec.routing.escalation.model", spec.routing.escalation, True),
        # Without models of its own the router takes those that its provider lists.
        ("spec.cache.verifier.model", spec.cache.verifier, bool(models)),
    ):
        if chosen is not None and needed and chosen.model not in models:
            problems.append(Problem(path, "is not one of spec.models", chosen.model))
    signals = {
        kind: [signal.name for signal in getattr(spec.routing.signals, field)] for kind, field in SIGNAL_FIELDS.items()
    }
    for number, decision in enumerate(spec.routing.decisions):
        path = f"spec.routing.decisions[{number}]"
        for place, ref in enumerate(decision.model_refs):
            if ref.model not in models:
                problems.append(Problem(f"{path}.modelRefs[{place}].model", "is not one of spec.models", ref.model))
        rules = decision.rules
        if not rules.conditions and not rules.groups:
            problems.append(Problem(f"{path}.rules", "needs conditions or groups"))
        named = [(f"{path}.rules", rules.conditions)]
        named += [(f"{path}.rules.groups[{place}]", group.conditions) for place, group in enumerate(rules.groups)]
        for where, conditions in named:
            problems += [
                Problem(f"{where}.conditions[{place}].name", f"names no {each.type} signal", each.name)
                for place, each in enumerate(conditions)
                if each.name not in signals[each.type]
            ]
    for section, names in (
        ("spec.providers", [provider.name for provider in spec.providers]),
        ("spec.models", [model.name for model in spec.models]),
        ("spec.routing.decisions", [decision.name for decision in spec.routing.decisions]),
        *((f"spec.routing.signals.{SIGNAL_FIELDS[kind]}", found) for kind, found in signals.items()),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        problems += [Problem(section, "has two entries of one name", name) for name in twice]
    return problems + _milvus(resource)


def _milvus(resource: SemanticRouter) -> list[Problem]:
    milvus, router = resource.spec.milvus, resource.spec.router
    if milvus is None:
        if resource.backend != "memory":
            return [Problem("spec.milvus", f"is needed for cache.backend {resource.backend}")]
        return []
    chosen = [part for part in (milvus.managed, milvus.external, milvus.embedded) if part is not None]
    if len(chosen) != 1:
        return [Problem("spec.milvus", "must have exactly one of managed, external and embedded")]
    if milvus.embedded is not None and ((router.replicas or 0) > 1 or resource.autoscaled):
        return [Problem("spec.router", "milvus.embedded serves one pod: set replicas to 1 and no autoscaling")]
    return _managed(resource, milvus.managed) if milvus.managed is not None else []


def _managed(resource: SemanticRouter, managed: ManagedMilvus) -> list[Problem]:
    """Check what milvus-operator would take in silence, or never get ready."""
    problems: list[Problem] = []
    path = "spec.milvus.managed"
    if "etcd" in resource.metadata.name:
        # It tells its own pods from etcd's by their names.
        problems.append(Problem("metadata.name", "must not contain etcd with spec.milvus.managed"))
    stream_of = {"rocksmq": "standalone", "pulsar": "cluster"}
    if stream_of.get(managed.message_stream or "", managed.mode) != managed.mode:
        problems.append(
            Problem(f"{path}.messageStream", f"does not serve mode {managed.mode}", str(managed.message_stream))
        )
    parts = {name for name in type(managed.components).model_fields if getattr(managed.components, name) is not None}
    if parts and not managed.clustered:
        names = ", ".join(sorted(map(camel_case, parts)))
        problems.append(Problem(f"{path}.components", f"belongs to mode cluster; use {path}.resources", names))
    if managed.version is not None:
        streaming = tuple(map(int, managed.version.removeprefix("v").split("."))) >= (2, 6, 0)
        wrong = "index_node" if streaming else "streaming_node"
        if wrong in parts:
            text = f"is no part of Milvus {managed.version}: index nodes until 2.5, streaming nodes since 2.6"
            problems.append(Problem(f"{path}.components.{camel_case(wrong)}", text))
        if managed.message_stream == "woodpecker" and not streaming:
            problems.append(Problem(f"{path}.messageStream", "woodpecker comes with Milvus 2.6", managed.version))
    return problems
