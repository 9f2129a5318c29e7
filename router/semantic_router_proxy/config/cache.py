"""The semantic cache: backend, limits, thresholds, and what may be answered from it."""

from typing import Literal

from pydantic import Field, model_validator

from semantic_router_proxy.config.section import Section

SignalType = Literal[
    "keyword", "embedding", "domain", "language", "context", "content", "complexity", "header", "caller"
]
BackendType = Literal["memory", "milvus", "hybrid"]
EvictionPolicy = Literal["fifo", "lru", "lfu"]
Scope = Literal["identity", "global"]
# Those whose function words the cache knows (cache/guard/data/languages.yaml); in any other nothing can be told.
GuardLanguage = Literal["en", "de", "es", "fr", "id", "it", "nl", "pl", "pt", "sv", "tr"]


class GuardConfig(Section):
    """The lexical check after similarity: what must be equal in two questions for one answer to serve both."""

    enabled: bool = True
    languages: tuple[GuardLanguage, ...] = Field(
        ("en",),
        description="ISO 639-1 codes of languages whose questions may be answered by likeness; any other is matched "
        "exactly only. The guard's words are English: in other languages it compares numbers, names and words as such.",
    )


class CacheLimits(Section):
    """What one decision or one category of questions changes about the cache. A key that is not set changes nothing."""

    enabled: bool = Field(True, description="False: nothing is looked up by likeness, and nothing is kept.")
    similarity_threshold: float | None = Field(
        None, ge=0.0, le=1.0, description="In place of the cache's own; stricter or looser."
    )
    verify_threshold: float | None = Field(
        None, ge=0.0, le=1.0, description="In place of the cache's own: from here on the verifier is asked."
    )
    ttl_seconds: int | None = Field(
        None, ge=0, description="Life of an entry in seconds; 0: none is kept. Never longer than the cache's own."
    )


class CacheCategory(CacheLimits):
    """Limits for questions that a signal of routing is true for."""

    type: SignalType
    name: str = Field(min_length=1, description="Name of the signal under `signals`.")


class VerifierConfig(Section):
    """A model that decides whether a question that is alike, but not very much so, is the same one."""

    model: str = Field(min_length=1, description="A model of `models:`; a small and fast one will do.")
    timeout_seconds: float = Field(2.0, gt=0, le=60, description="No verdict by then is a miss.")


class ShadowConfig(Section):
    """Measuring how often the semantic tier would answer wrongly, on live traffic. Exact repeats are served as ever."""

    share: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Share of semantic hits that are not served but answered by the model; 1: shadow mode, none is.",
    )
    compare: float = Field(
        1.0, ge=0.0, le=1.0, description="Share of those whose fresh answer is compared with the cached one."
    )
    agreement: float = Field(
        0.8, ge=-1.0, le=1.0, description="Cosine of two answers from which on they count as the same."
    )


class SemanticCacheConfig(Section):
    """`semantic_cache:` with the seeds' keys."""

    enabled: bool = True
    backend_type: BackendType = "memory"
    backend_config_path: str | None = Field(None, description="The Milvus client's file, for milvus and hybrid.")
    similarity_threshold: float = Field(0.85, ge=0.0, le=1.0)
    verify_threshold: float | None = Field(
        None, ge=0.0, le=1.0, description="From this similarity up to similarity_threshold the verifier decides."
    )
    verifier: VerifierConfig | None = None
    categories: tuple[CacheCategory, ...] = ()
    shadow: ShadowConfig = ShadowConfig()
    ttl_seconds: int = Field(3600, ge=0, description="Life of an entry in seconds; 0: until it is evicted.")
    max_entries: int = Field(1000, ge=1, description="Entries of the memory backend.")
    max_memory_entries: int = Field(100_000, ge=1, description="Vectors that hybrid keeps in memory.")
    local_cache_size: int = Field(1000, ge=0, description="Documents that hybrid keeps in memory.")
    hnsw_m: int = Field(16, ge=2, le=128)
    hnsw_ef_construction: int = Field(
        200,
        ge=8,
        le=4096,
        description="Neighbours looked at when a question joins a graph; a graph that is made at once looks at half.",
    )
    hnsw_ef_search: int = Field(96, ge=1, le=4096, description="Questions that a walk through a graph keeps in view.")
    eviction_policy: EvictionPolicy = "fifo"
    scope: Scope = Field("identity", description="Who shares an answer: each caller alone, or all of them.")
    max_response_bytes: int = Field(1_000_000, ge=1, description="Larger answers are not stored.")
    guard: GuardConfig = GuardConfig()

    @model_validator(mode="after")
    def _verify_threshold_is_the_lower_one(self) -> "SemanticCacheConfig":
        if self.verify_threshold is not None and self.verify_threshold >= self.similarity_threshold:
            raise ValueError("verify_threshold must be below similarity_threshold: the verifier decides in between")
        return self

    @model_validator(mode="after")
    def _store_has_a_file(self) -> "SemanticCacheConfig":
        if self.enabled and self.backend_type != "memory" and not self.backend_config_path:
            raise ValueError(f"backend_type {self.backend_type} needs backend_config_path, the Milvus client's file")
        return self
