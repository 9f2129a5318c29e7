"""A configuration compiled for answering requests. Immutable: a reload makes a new one and swaps it in."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from semantic_router_proxy.config.load import LoadedConfig, resolve
from semantic_router_proxy.config.problems import ConfigError, Problem
from semantic_router_proxy.config.root import RouterConfig
from semantic_router_proxy.config.upstreams import ModelConfig, ProviderConfig
from semantic_router_proxy.config.validate import validate
from semantic_router_proxy.embedding.base import Embedder
from semantic_router_proxy.routing.decide import Router
from semantic_router_proxy.routing.domains import DomainModel, fit, load_examples
from semantic_router_proxy.server.access import Access, read_access
from semantic_router_proxy.server.errors import ApiError
from semantic_router_proxy.server.limits import Limits
from semantic_router_proxy.upstream.client import UpstreamClient
from semantic_router_proxy.upstream.errors import UpstreamError
from semantic_router_proxy.upstream.provider import Provider, Target

UPSTREAM_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM"
UPSTREAM_KEY_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM_KEY"
UPSTREAM_MODELS_VARIABLE = "SEMANTIC_ROUTER_UPSTREAM_MODELS"

AUTO_MODELS = frozenset({"auto", "MoM"})


@dataclass(frozen=True, slots=True)
class Engine:
    """`targets` has, for each model, the model itself and then its fallbacks."""

    config: RouterConfig
    file: Path
    targets: dict[str, tuple[Target, ...]]
    providers: dict[str, Provider]
    router: Router
    access: Access | None
    limits: Limits
    default_model: str
    policy_epoch: str
    classifier: DomainModel | None

    @property
    def config_epoch(self) -> str:
        return self.config.config_epoch or self.policy_epoch[:12]

    def known(self, model: str) -> bool:
        return model in self.targets

    def targets_of(self, model: str) -> tuple[Target, ...]:
        """Return whom to ask for a model. Raises ApiError 503 where no provider is configured."""
        targets = self.targets.get(model)
        if not targets:
            raise ApiError(
                503,
                f"No model server is configured. Name one in {self.file.name} under providers: and models:, "
                f"or set {UPSTREAM_VARIABLE}.",
                code="no_upstream",
            )
        return targets


def with_environment_upstream(config: RouterConfig, environment: Mapping[str, str]) -> RouterConfig:
    """Return the configuration with the provider that the environment names, where the file has none.

    Raises ConfigError for an address that cannot be one.
    """
    address = environment.get(UPSTREAM_VARIABLE, "").strip()
    if config.providers or not address:
        return config
    if urlsplit(address).path in ("", "/"):
        address = address.rstrip("/") + "/v1"
    key = {"api_key_env": UPSTREAM_KEY_VARIABLE} if environment.get(UPSTREAM_KEY_VARIABLE) else {}
    provider = validate(ProviderConfig, {"name": "environment", "base_url": address, **key}, None)
    names = [name.strip() for name in environment.get(UPSTREAM_MODELS_VARIABLE, "").split(",") if name.strip()]
    models = tuple(ModelConfig(name=name, provider=provider.name) for name in names)
    return config.model_copy(update={"providers": (provider,), "models": models})


async def with_listed_models(config: RouterConfig, base: Path, client: UpstreamClient) -> RouterConfig:
    """Return the configuration with the models that its single provider lists, where it names none itself."""
    if config.models or len(config.providers) != 1:
        return config
    provider = Provider.make(config.providers[0], base)
    try:
        listing = await client.get_json(provider, "/models")
    except UpstreamError:
        return config
    entries = listing.get("data") if isinstance(listing, dict) else None
    names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
    models = tuple(
        ModelConfig(name=name, provider=provider.name)
        for name in dict.fromkeys(names)
        if isinstance(name, str) and name
    )
    return config.model_copy(update={"models": models})


async def make_engine(
    loaded: LoadedConfig,
    environment: Mapping[str, str],
    client: UpstreamClient,
    embedder: Embedder | None,
    before: "Engine | None" = None,
) -> Engine:
    """Compile a configuration: one Provider each, and the vectors of the embedding signals' candidates.

    Providers that did not change since the engine `before` are taken over with their breakers and running calls.

    Raises ConfigError, and EmbeddingError where the candidates cannot be embedded.
    """
    base = loaded.file.parent
    config = with_environment_upstream(loaded.router, environment)
    config = await with_listed_models(config, base, client)
    limits = Limits(config.access.requests_per_minute, config.access.max_concurrency)
    access = read_access(resolve(config.access.keys_file, loaded.file), limits) if config.access.keys_file else None
    providers = {each.name: _provider(each, base, before) for each in config.providers}
    single = {each.name: Target(each, providers[each.provider]) for each in config.models}
    targets = {each.name: (single[each.name], *(single[name] for name in each.fallbacks)) for each in config.models}
    default = config.default_model or next(iter(targets), "")
    texts = config.signals.texts()
    if embedder is None and config.signals.by_meaning:
        message = "embedding and domain signals need the embedder, which only starts with the router"
        raise ConfigError([Problem(loaded.file, "signals", message, advice="Restart the router")])
    vectors = await embedder.embed(texts) if texts and embedder is not None else None
    # The embedder stays the same until a restart, and so does what the classifier has learnt with it.
    classifier = before.classifier if before is not None else None
    if config.signals.classified and classifier is None and embedder is not None:
        classifier = await make_classifier(embedder)
    routing = config.model_copy(update={"default_model": default})
    performance = before.router.performance if before is not None else None
    router = Router(routing, vectors, classifier, config.models, performance)
    epoch = policy_epoch(config)
    return Engine(config, loaded.file, targets, providers, router, access, limits, default, epoch, classifier)


async def make_classifier(embedder: Embedder) -> DomainModel:
    """Teach the domain classifier the examples as this embedder sees them; takes about two seconds."""
    examples = load_examples()
    return await asyncio.to_thread(fit, await embedder.embed(examples.questions), examples.labels)


def _provider(config: ProviderConfig, base: Path, before: Engine | None) -> Provider:
    known = before.providers.get(config.name) if before is not None else None
    return known if known is not None and known.config == config else Provider.make(config, base)


def needs_embedder(config: RouterConfig) -> bool:
    return config.semantic_cache.enabled or config.signals.by_meaning


def policy_epoch(config: RouterConfig) -> str:
    """Return a digest over everything in a configuration that can change which answer a request gets."""
    providers = [{"name": p.name, "base_url": p.base_url, "endpoints": p.endpoints} for p in config.providers]
    parts = [
        providers,
        [model.model_dump(mode="json") for model in config.models],
        config.signals.model_dump(mode="json"),
        [decision.model_dump(mode="json") for decision in config.decisions],
        config.default_model,
        config.escalation.model_dump(mode="json") if config.escalation is not None else None,
    ]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
