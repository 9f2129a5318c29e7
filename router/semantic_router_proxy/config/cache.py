"""The semantic cache: backend, limits, thresholds, and what may be answered from it."""

from typing import Literal

from pydantic import Field, model_validator

from semantic_router_proxy.config.section import Section

BackendType = Literal["memory", "milvus", "hybrid"]
EvictionPolicy = Literal["fifo", "lru", "lfu"]
Scope = Literal["identity", "global"]


class GuardConfig(Section):
    """The lexical check after similarity: what must be equal in two questions for one answer to serve both."""

    enabled: bool = True
    languages: tuple[str, ...] = Field(
        ("en",), description="ISO 639-1 codes that the guard may judge; text in any other is matched exactly only."
    )


class SemanticCacheConfig(Section):
    """`semantic_cache:` with the seeds' keys."""

    enabled: bool = True
    backend_type: BackendType = "memory"
    backend_config_path: str | None = Field(None, description="The Milvus client's file, for milvus and hybrid.")
    similarity_threshold: float = Field(0.85, ge=0.0, le=1.0)
    ttl_seconds: int = Field(3600, ge=0, description="Life of an entry in seconds; 0: until it is evicted.")
    max_entries: int = Field(1000, ge=1, description="Entries of the memory backend.")
    max_memory_entries: int = Field(100_000, ge=1, description="Vectors that hybrid keeps in memory.")
    local_cache_size: int = Field(1000, ge=0, description="Documents that hybrid keeps in memory.")
    hnsw_m: int = Field(16, ge=2, le=128)
    hnsw_ef_construction: int = Field(200, ge=8, le=4096)
    hnsw_ef_search: int = Field(64, ge=1, le=4096)
    eviction_policy: EvictionPolicy = "fifo"
    scope: Scope = Field("identity", description="Who shares an answer: each caller alone, or all of them.")
    max_response_bytes: int = Field(1_000_000, ge=1, description="Larger answers are not stored.")
    guard: GuardConfig = GuardConfig()

    @model_validator(mode="after")
    def _store_has_a_file(self) -> "SemanticCacheConfig":
        if self.enabled and self.backend_type != "memory" and not self.backend_config_path:
            raise ValueError(f"backend_type {self.backend_type} needs backend_config_path, the Milvus client's file")
        return self
