"""The resource and the router's file speak of the same things: names, limits and defaults agree."""

from typing import get_args

import pytest
from pydantic import BaseModel

from semantic_router_operator.api import cache, lifecycle, router, routing, upstreams
from semantic_router_operator.api.base import SignalType
from semantic_router_operator.api.routing import SIGNAL_FIELDS
from semantic_router_proxy.config import access as access_config
from semantic_router_proxy.config import cache as cache_config
from semantic_router_proxy.config import server as server_config
from semantic_router_proxy.config import upstreams as upstream_config
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.config.root import RouterConfig

# A default that a resource has and the router has not: what an empty resource means must not depend on the router.
OTHER_DEFAULTS = {("Embedding", "model"), ("Verifier", "timeout_seconds")}
SIGNALS: type[BaseModel] = type(RouterConfig().signals)
PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (upstreams.Provider, upstream_config.ProviderConfig),
    (upstreams.HealthCheck, upstream_config.HealthCheckConfig),
    (upstreams.Model, upstream_config.ModelConfig),
    (upstreams.Pricing, upstream_config.PricingConfig),
    (upstreams.Access, access_config.AccessConfig),
    (cache.Cache, cache_config.SemanticCacheConfig),
    (cache.Category, cache_config.CacheCategory),
    (cache.Verifier, cache_config.VerifierConfig),
    (cache.Shadow, cache_config.ShadowConfig),
    (cache.Guard, cache_config.GuardConfig),
    (cache.Embedding, EmbeddingConfig),
    (routing.DecisionCache, cache_config.CacheLimits),
    (router.Limits, server_config.ServerConfig),
    (lifecycle.Tracing, server_config.TracingConfig),
    (routing.Signals, SIGNALS),
    *(
        (get_args(field.annotation)[0], get_args(SIGNALS.model_fields[name].annotation)[0])
        for name, field in routing.Signals.model_fields.items()
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda model: model.__name__)
def test_a_field_of_one_name_has_one_default(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    for name, field in ours.model_fields.items():
        other = theirs.model_fields.get(name)
        if other is None or field.is_required() or (ours.__name__, name) in OTHER_DEFAULTS:
            continue
        # A section's fields are compared as a pair of their own.
        if not isinstance(field.default, BaseModel):
            assert field.default == other.default, f"{ours.__name__}.{name}"


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda model: model.__name__)
def test_what_is_passed_on_by_name_exists_in_the_file(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    """Fields with a Secret or a volume behind them are mapped one by one in render/router_config.py."""
    mapped = {"api_key_secret_ref", "keys_secret_ref", "backend", "hnsw", "embedding", "files"}
    assert set(ours.model_fields) - mapped <= set(theirs.model_fields)


def test_a_condition_may_name_any_signal_that_can_be_written() -> None:
    assert set(SIGNAL_FIELDS) == set(get_args(SignalType))
    assert set(SIGNAL_FIELDS.values()) == set(routing.Signals.model_fields)
