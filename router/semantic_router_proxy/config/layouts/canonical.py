"""vLLM Semantic Router v0.3: `version`, `listeners`, `providers`, `routing`, `global`. Pure.

Facts of the layout: its repository's config/config.yaml of 2026.
"""

from typing import Any

from semantic_router_proxy.config.layouts.cli import read_model
from semantic_router_proxy.config.layouts.common import read_cache, read_common, read_listeners, refuse_guard
from semantic_router_proxy.config.layouts.decisions import Decisions
from semantic_router_proxy.config.layouts.foreign import Foreign
from semantic_router_proxy.config.layouts.models import Models
from semantic_router_proxy.config.layouts.signals import read_signals

_AUTO = {"auto", "MoM"}
# What a model is; nothing there decides by it alone.
_CARD = (
    *("publisher", "presentation", "distribution", "family", "revision", "released_at", "knowledge_cutoff"),
    *("lifecycle", "param_size", "capabilities", "modalities", "modality", "loras", "quality_score"),
)


def from_canonical(data: Foreign) -> dict[str, Any]:
    """Return the file in our own layout."""
    common = read_common(data)
    native = read_listeners(data) | common
    models = Models(data.notes)
    providers = data.section("providers")
    defaults = providers.section("defaults")
    models.read_families(defaults.section("reasoning_families"))
    for key in ("default_reasoning_effort", "reasoning_effort"):
        models.read_effort(defaults.text(key), defaults.at(key))
    default = defaults.text("default_model") or defaults.text("model")
    defaults.done()
    for entry in providers.entries("models"):
        if "catalog" in entry:
            entry.notes.refuse(entry.at("catalog"), "there is no catalogue here", "Write out name and backend_refs.")
            continue
        read_model(entry, models, "backend_refs")
    providers.done()
    everything = data.section("global")
    native |= {"semantic_cache": cache} if (cache := _stores(everything)) else {}
    threshold = _catalog(everything)
    _rest(everything)
    routing = data.section("routing")
    for card in routing.entries("modelCards"):
        window, longest = card.number("context_window_size"), card.number("max_output_tokens")
        limits = {"context_window": window, "default_max_tokens": longest}
        models.update(card.text("name"), **{key: value for key, value in limits.items() if value})
        for known in _CARD:
            card.take(known)
        card.done()
    signals = read_signals(routing.section("signals"), threshold)
    decisions = Decisions(signals, models, data.notes, threshold).read(routing.entries("decisions"))
    if routing.text("strategy", "priority") != "priority":
        routing.notes.warn(routing.at("strategy"), "has no effect: priorities decide")
    routing.done()
    data.without_effect(("recipes", "entrypoints"), "only the routing at the top is in force")
    data.done()
    native |= models.native() | {"signals": signals, "decisions": decisions}
    return native | ({"default_model": default} if default else {})


def _stores(everything: Foreign) -> dict[str, Any]:
    stores = everything.section("stores")
    cache: dict[str, Any] = {}
    for key in ("semantic_cache", "response_cache"):
        cache |= read_cache(stores.section(key))
    stores.without_effect(("memory", "vector_store"), "only answers are kept here")
    stores.done()
    return cache


def _catalog(everything: Foreign) -> float | None:
    """Take `model_catalog`; return the least probability of a domain."""
    own = "this router brings its own models"
    catalog = everything.section("model_catalog")
    modules = catalog.section("modules")
    refuse_guard(modules.section("prompt_guard"))
    classifier = modules.section("classifier")
    domain = classifier.section("domain")
    threshold = domain.number("threshold")
    for known in ("model_ref", "model_id", "use_cpu", "use_mmbert_32k", "category_mapping_path"):
        domain.take(known)
    domain.done()
    classifier.without_effect(("pii", "pii_model"), "personal data is not looked for here")
    classifier.without_effect(("preference", "mcp"), "domains are classified by the router itself")
    classifier.done()
    modules.done()
    catalog.without_effect(("embeddings", "system", "external", "kbs"), own)
    catalog.done()
    return threshold


def _rest(everything: Foreign) -> None:
    router = everything.section("router")
    names = {router.text("auto_model_name"), *router.words("auto_model_names")} - {"", "vllm-sr/auto"}
    for name in sorted(names - _AUTO):
        everything.notes.warn(router.at("auto_model_names"), f"has no effect: {name!r}; use auto or MoM")
    if router.text("strategy", "priority") != "priority":
        router.notes.warn(router.at("strategy"), "has no effect: priorities decide")
    for known in ("config_source", "include_config_models_in_list", "clear_route_cache"):
        router.take(known)
    router.done()
    services = everything.section("services")
    for key in ("authz", "ratelimit"):
        if services.take(key):
            services.notes.refuse(services.at(key), "is not done like this here", "See access: for keys and limits.")
    services.done()
    everything.without_effect(("integrations",), "it belongs to a part of vLLM Semantic Router that is not here")
    everything.done()
