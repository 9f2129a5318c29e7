"""What the layouts of vLLM Semantic Router have in common. Pure."""

from typing import Any

from semantic_router_proxy.config.layouts.foreign import Foreign

# Sections of ours that a foreign file may have too.
OWN_SECTIONS = ("server", "admin", "metrics", "log", "access", "embedding", "escalation", "tracing", "config_epoch")
# Sections that do something there and nothing here.
_OTHER = (
    *("tools", "api", "response_api", "router_replay", "observability", "looper", "memory", "vector_store"),
    *("mom_registry", "embedding_models", "external_models", "hallucination_mitigation", "feedback_detector"),
    *("model_selection", "batch_classification", "prompt_compression", "modality_detector", "evaluation"),
)
_AUTO = ("auto", "MoM")
_DEFAULT_EMBEDDER = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")


def read_common(data: Foreign) -> dict[str, Any]:
    """Take the sections that stand at the top in every layout."""
    native: dict[str, Any] = data.chosen(*OWN_SECTIONS)
    cache = data.section("semantic_cache")
    bert = data.section("bert_model")
    given = read_cache(cache)
    threshold = bert.take("threshold")
    if given and threshold is not None:
        # As there: the embedding model's threshold is the cache's where the cache has none.
        given.setdefault("similarity_threshold", threshold)
    model = bert.text("model_id")
    if model and model not in _DEFAULT_EMBEDDER:
        data.notes.warn(bert.at("model_id"), f"has no effect: the embedder is {_DEFAULT_EMBEDDER[1]}", "See embedding:")
    bert.take("use_cpu")
    bert.done()
    if given:
        native["semantic_cache"] = given
    guard = data.section("prompt_guard")
    refuse_guard(guard)
    data.take("jailbreak_mapping_path")
    data.take("version")
    auto = data.text("auto_model_name")
    if auto and auto not in _AUTO:
        data.notes.warn(
            "auto_model_name", f"has no effect: the names that let the router choose are {', '.join(_AUTO)}"
        )
    if data.text("strategy", "priority") != "priority":
        data.notes.warn("strategy", "has no effect: priorities decide")
    data.without_effect(_OTHER, "it belongs to a part of vLLM Semantic Router that is not here")
    for key in ("authz", "ratelimit"):
        if data.take(key):
            data.notes.refuse(key, "is not done like this here", "See access: for keys and limits.")
    return native


def read_cache(cache: Foreign) -> dict[str, Any]:
    """Take `semantic_cache`, whose keys are mostly ours."""
    for inline in ("milvus", "redis", "valkey", "qdrant"):
        if cache.take(inline):
            advice = "Write it into a file of its own and name that in backend_config_path"
            if inline == "milvus":
                cache.notes.refuse(cache.at(inline), "cannot stand here", advice)
            else:
                cache.notes.warn(cache.at(inline))
    cache.take("use_hnsw")
    embedder = cache.text("embedding_model")
    if embedder and embedder != "bert":
        cache.notes.warn(cache.at("embedding_model"), f"has no effect: the embedder is {_DEFAULT_EMBEDDER[1]}")
    cache.without_effect(("polarity_guard",), "see guard")
    keys = (
        *("enabled", "backend_type", "backend_config_path", "similarity_threshold", "max_entries", "ttl_seconds"),
        *("eviction_policy", "max_memory_entries", "local_cache_size"),
        *("hnsw_m", "hnsw_ef_construction", "hnsw_ef_search", "scope", "guard", "verify_threshold", "verifier"),
        *("categories", "shadow"),
    )
    given = cache.chosen(*keys)
    cache.done()
    return given


def refuse_guard(guard: Foreign) -> None:
    """Take `prompt_guard`; one that is on must not be dropped in silence."""
    if guard.take("enabled"):
        advice = "Set enabled: false if the router may go without."
        guard.notes.refuse(guard.path, "prompts are not checked for attacks here", advice)


def read_listeners(data: Foreign) -> dict[str, Any]:
    """Take `listeners`: the first one is where the API listens."""
    listeners = data.entries("listeners")
    if not listeners:
        return {}
    first = listeners[0]
    made = {key: value for key, value in (("host", first.text("address")), ("port", first.number("port"))) if value}
    first.take("name")
    if first.take("api_keys"):
        first.notes.refuse(first.at("api_keys"), "keys do not belong into a configuration", "See access.keys_file.")
    first.without_effect(("timeout",), "see providers.read_timeout_seconds")
    first.done()
    for other in listeners[1:]:
        other.notes.warn(other.path, "has no effect: the API listens at one address")
    return {"server": made} if made else {}
