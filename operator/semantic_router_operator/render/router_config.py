"""`config.yaml`: the one place where the resource's fields become the router's keys."""

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml

from semantic_router_operator.api.base import ApiModel
from semantic_router_operator.api.routing import Decision
from semantic_router_operator.api.semantic_router import SemanticRouter
from semantic_router_operator.api.upstreams import Model, Provider
from semantic_router_operator.render import names
from semantic_router_operator.render.model_files import model_path
from semantic_router_operator.render.refusal import ROUTER_PLACES, checked
from semantic_router_proxy.config.root import RouterConfig

MILVUS_CONFIG_PATH = "config/semantic-cache/milvus.yaml"
# Secrets that a running router reads again: files, since the environment of a process does not change.
SECRETS_DIR = "/etc/semantic-router/secrets"
ACCESS_KEYS_FILE = f"{SECRETS_DIR}/keys.yaml"
ADMIN_TOKEN_FILE = f"{SECRETS_DIR}/admin-token"
_EPOCH_LENGTH = 12
# Time for endpoints to leave every node's tables after a pod was told to stop; kube-proxy's own sync takes about 1 s.
DRAIN_DELAY_SECONDS = 5
# What the router reloads while it runs, so that a warm memory cache survives.
_RELOADED: Mapping[str, bool | set[str]] = {
    "config_epoch": True,
    "access": True,
    "providers": True,
    "models": True,
    "signals": True,
    "decisions": True,
    "default_model": True,
    "escalation": True,
    "semantic_cache": {
        "similarity_threshold",
        "verify_threshold",
        "verifier",
        "categories",
        "shadow",
        "ttl_seconds",
        "max_response_bytes",
        "scope",
        "guard",
    },
}
_ORDER = (
    "config_epoch",
    "server",
    "admin",
    "metrics",
    "log",
    "access",
    "embedding",
    "semantic_cache",
    "providers",
    "models",
)


def router_config(resource: SemanticRouter) -> RouterConfig:
    """Return the router's configuration. It carries the name of what it says as `config_epoch`.

    Raises InvalidResource for what the router refuses and the resource's own schema lets through.
    """
    data = _data(resource)
    digest = hashlib.sha256(_yaml(data).encode()).hexdigest()
    return checked(RouterConfig, {"config_epoch": digest[:_EPOCH_LENGTH], **data}, ROUTER_PLACES)


def router_config_text(config: RouterConfig) -> str:
    """Return the file's text: what the resource says, in a stable order."""
    dumped = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    first = [key for key in _ORDER if key in dumped]
    return _yaml({key: dumped[key] for key in (*first, *(key for key in dumped if key not in _ORDER))})


def restart_text(config: RouterConfig) -> str:
    """Return the part of the file that a running router does not take over by itself: its change needs new pods."""
    dumped = config.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=_RELOADED)
    # A router that began without an embedder cannot take over the first signal that needs one.
    return _yaml({**dumped, "embedder": config.semantic_cache.enabled or config.signals.by_meaning})


def _yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _data(resource: SemanticRouter) -> dict[str, Any]:
    spec, access = resource.spec, _access(resource)
    tracing = spec.monitoring.tracing if spec.monitoring is not None else None
    data: dict[str, Any] = {
        "server": {
            "host": "0.0.0.0",  # noqa: S104 - a pod listens to its Service
            "port": names.API_PORT,
            "drain_delay_seconds": DRAIN_DELAY_SECONDS,
            "drain_seconds": spec.router.drain_seconds,
            **_set(spec.router.limits),
        },
        "admin": {
            "port": names.ADMIN_PORT,
            **({"token_file": ADMIN_TOKEN_FILE} if spec.router.admin_token_secret_ref is not None else {}),
        },
        "metrics": {"port": names.METRICS_PORT},
        "log": {"level": spec.router.log_level},
        **({"tracing": _set(tracing) | {"service_name": resource.metadata.name}} if tracing is not None else {}),
        **({"access": access} if access else {}),
        "embedding": _embedding(resource),
        "semantic_cache": _cache(resource),
        "providers": [_provider(provider) for provider in spec.providers],
        "models": [_model(model) for model in spec.models],
    }
    return data | _routing(resource)


def _set(part: ApiModel, *left_out: str) -> dict[str, Any]:
    """Return what the resource says of this part, for keys that the router's file calls by the same name.

    What the resource leaves open is the router's to decide, whose version may be another than the operator's.
    """
    return part.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude=set(left_out))


def _provider(provider: Provider) -> dict[str, Any]:
    data: dict[str, Any] = {"name": provider.name, "base_url": provider.base_url}
    if provider.api_key_secret_ref is not None:
        data["api_key_env"] = names.provider_key_variable(provider.name)
    data["connect_timeout_seconds"] = provider.connect_timeout_seconds
    data["read_timeout_seconds"] = provider.read_timeout_seconds
    return data | _set(provider, "name", "base_url", "api_key_secret_ref")


def _model(model: Model) -> dict[str, Any]:
    return {"name": model.name, "provider": model.provider, **_set(model, "name", "provider")}


def _access(resource: SemanticRouter) -> dict[str, Any]:
    access = resource.spec.access
    data = _set(access, "keys_secret_ref")
    if access.keys_secret_ref is not None:
        data["keys_file"] = ACCESS_KEYS_FILE
    return data


def _embedding(resource: SemanticRouter) -> dict[str, Any]:
    embedding = resource.spec.cache.embedding
    data: dict[str, Any] = {"backend": embedding.backend, "threads": embedding.threads}
    if embedding.model is not None:
        data["model"] = embedding.model
    if embedding.base_url is not None:
        data["base_url"] = embedding.base_url
    if embedding.revision:
        data["revision"] = embedding.revision
    path = model_path(resource)
    if path is not None:
        data["path"] = path
    if "timeout_seconds" in embedding.model_fields_set:
        data["timeout_seconds"] = embedding.timeout_seconds
    if embedding.api_key_secret_ref is not None:
        data["api_key_env"] = names.EMBEDDING_KEY_VARIABLE
    return data


def _cache(resource: SemanticRouter) -> dict[str, Any]:
    """Return `semantic_cache`, with the keys only that apply to the backend."""
    cache, backend = resource.spec.cache, resource.backend
    data: dict[str, Any] = {"enabled": cache.enabled, "backend_type": backend}
    if backend != "memory":
        data["backend_config_path"] = MILVUS_CONFIG_PATH
    data |= {"similarity_threshold": cache.similarity_threshold, "ttl_seconds": cache.ttl_seconds}
    if backend == "memory":
        data["max_entries"] = cache.max_entries
    if backend == "hybrid":
        data |= {"max_memory_entries": cache.max_memory_entries, "local_cache_size": cache.local_cache_size}
    if backend != "milvus":
        data |= {
            "eviction_policy": cache.eviction_policy,
            "hnsw_m": cache.hnsw.m,
            "hnsw_ef_construction": cache.hnsw.ef_construction,
            "hnsw_ef_search": cache.hnsw.ef_search,
        }
    newer = {"verify_threshold", "verifier", "categories", "shadow", "max_response_bytes"}
    data |= cache.model_dump(mode="json", exclude_unset=True, exclude_none=True, include=newer)
    data["scope"] = cache.scope
    data["guard"] = {"enabled": cache.guard.enabled, "languages": list(cache.guard.languages)}
    return data


def _routing(resource: SemanticRouter) -> dict[str, Any]:
    routing, models = resource.spec.routing, resource.spec.models
    data: dict[str, Any] = {
        "signals": _set(routing.signals),
        "decisions": [_decision(decision) for decision in routing.decisions],
    }
    if routing.escalation is not None:
        data["escalation"] = _set(routing.escalation)
    default = routing.default_model or (models[0].name if models else None)
    return data | ({"default_model": default} if default is not None else {})


def _decision(decision: Decision) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": decision.name,
        "description": decision.description,
        "priority": decision.priority,
        "rules": {
            "operator": decision.rules.operator,
            "conditions": [
                *map(_set, decision.rules.conditions),
                *(
                    {"operator": group.operator, "conditions": [_set(each) for each in group.conditions]}
                    for group in decision.rules.groups
                ),
            ],
        },
        "modelRefs": [
            {
                "model": ref.model,
                "use_reasoning": ref.use_reasoning,
                "weight": ref.weight,
                **_set(ref, "model", "use_reasoning", "weight"),
            }
            for ref in decision.model_refs
        ],
    }
    if decision.choose_by != "weight":
        data["choose_by"] = decision.choose_by
    plugins: list[dict[str, Any]] = []
    if decision.cache is not None:
        plugins.append({"type": "semantic-cache", "configuration": _set(decision.cache)})
    if decision.system_prompt is not None:
        prompt = {"system_prompt": decision.system_prompt.text, **_set(decision.system_prompt, "text")}
        plugins.append({"type": "system_prompt", "configuration": prompt})
    return data | ({"plugins": plugins} if plugins else {})
