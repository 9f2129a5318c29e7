"""The router's file as a whole."""

from collections.abc import Iterable

from pydantic import Field, model_validator

from semantic_router_proxy.config.access import AccessConfig
from semantic_router_proxy.config.cache import CacheLimits, SemanticCacheConfig
from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.config.routing import RoutingFields
from semantic_router_proxy.config.server import AdminConfig, LogConfig, MetricsConfig, ServerConfig, TracingConfig
from semantic_router_proxy.config.upstreams import ModelConfig, ProviderConfig


def _duplicate(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


class RouterConfig(RoutingFields):
    """What `config.yaml` says. Cross-references between sections are checked here."""

    config_epoch: str = Field("", description="Name of this configuration, which /readyz and status report.")
    server: ServerConfig = ServerConfig()
    admin: AdminConfig = AdminConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()
    tracing: TracingConfig = TracingConfig()
    access: AccessConfig = AccessConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    semantic_cache: SemanticCacheConfig = SemanticCacheConfig()
    providers: tuple[ProviderConfig, ...] = ()
    models: tuple[ModelConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "RouterConfig":
        for what, names in (
            ("provider", [p.name for p in self.providers]),
            ("model", [m.name for m in self.models]),
            ("decision", [d.name for d in self.decisions]),
            *((f"{kind} signal", names) for kind, names in self.signals.names().items()),
        ):
            duplicate = _duplicate(names)
            if duplicate is not None:
                raise ValueError(f"two entries for the {what} named {duplicate!r}")
        return self

    @model_validator(mode="after")
    def _references_exist(self) -> "RouterConfig":
        providers = {provider.name for provider in self.providers}
        models = {model.name for model in self.models}
        for model in self.models:
            if model.provider not in providers:
                raise ValueError(f"model {model.name}: there is no provider named {model.provider!r}")
            for fallback in model.fallbacks:
                if fallback not in models or fallback == model.name:
                    raise ValueError(f"model {model.name}: there is no other model named {fallback!r} to fall back to")
        for decision in self.decisions:
            for ref in decision.model_refs:
                if ref.model not in models:
                    raise ValueError(f"decision {decision.name}: there is no model named {ref.model!r}")
        signals = self.signals.names()
        for category in self.semantic_cache.categories:
            if category.name not in signals[category.type]:
                raise ValueError(
                    f"semantic_cache.categories: there is no {category.type} signal named {category.name!r}"
                )
        if self.default_model and self.default_model not in models:
            raise ValueError(f"default_model: there is no model named {self.default_model!r}")
        if self.escalation is not None and self.escalation.model not in models:
            raise ValueError(f"escalation.model: there is no model named {self.escalation.model!r}")
        return self

    @model_validator(mode="after")
    def _costs_can_be_compared(self) -> "RouterConfig":
        prices = {model.name: model.pricing for model in self.models}
        for decision in self.decisions:
            if decision.choose_by != "cost":
                continue
            names = [ref.model for ref in decision.model_refs]
            unpriced = [name for name in names if prices.get(name) is None]
            if unpriced:
                raise ValueError(f"decision {decision.name}: choose_by cost needs the pricing of {', '.join(unpriced)}")
            if len({price.currency for name in names if (price := prices[name]) is not None}) > 1:
                raise ValueError(f"decision {decision.name}: choose_by cost needs prices in one currency")
        return self

    @model_validator(mode="after")
    def _verifier_and_threshold_belong_together(self) -> "RouterConfig":
        cache = self.semantic_cache
        limits: list[CacheLimits] = [*cache.categories, *(decision.cache for decision in self.decisions)]
        thresholds = [cache.verify_threshold, *(each.verify_threshold for each in limits)]
        wanted = any(threshold is not None for threshold in thresholds)
        if wanted and cache.verifier is None:
            raise ValueError("verify_threshold needs semantic_cache.verifier.model, the model that decides")
        if cache.verifier is None:
            return self
        if not wanted:
            raise ValueError("semantic_cache.verifier needs verify_threshold, the similarity from which on it is asked")
        # Without models of its own the router takes those that its provider lists, which are not known here.
        if self.models and cache.verifier.model not in {model.name for model in self.models}:
            raise ValueError(f"semantic_cache.verifier.model: there is no model named {cache.verifier.model!r}")
        return self
