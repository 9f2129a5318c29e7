"""`spec.cache`: backend, thresholds, limits and what may be shared."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import ApiModel, HttpUrl, SecretKeyRef, Text, rules

Backend = Literal["memory", "milvus", "hybrid"]


class Hnsw(ApiModel):
    """The graph in memory (backends memory and hybrid)."""

    m: int = Field(16, ge=2, le=128)
    ef_construction: int = Field(200, ge=8, le=4096)
    ef_search: int = Field(64, ge=1, le=4096)


class Embedding(ApiModel):
    """Which model turns text into vectors. Nothing needs to be set for the one inside the image."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.backend) && self.backend == 'openai') == has(self.baseURL)",
                "backend openai needs baseURL, and no other backend has one",
            )
        )
    )

    backend: Literal["onnx", "sentence-transformers", "openai"] = "onnx"
    model: Text | None = None
    base_url: HttpUrl | None = None
    api_key_secret_ref: SecretKeyRef | None = None
    revision: Annotated[str, Field(max_length=128)] = ""
    threads: int = Field(1, ge=1, le=64)


class Guard(ApiModel):
    """The lexical check after similarity."""

    enabled: bool = True
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$", max_length=2)], ...] = Field(("en",), max_length=32)


class Cache(ApiModel):
    """The semantic cache."""

    enabled: bool = True
    backend: Backend | None = Field(None, description="None: hybrid where spec.milvus is set, else memory.")
    similarity_threshold: float = Field(0.85, ge=0, le=1)
    ttl_seconds: int = Field(3600, ge=0, description="0: until an entry is evicted.")
    max_entries: int = Field(1000, ge=1, le=10_000_000, description="Of backend memory.")
    max_memory_entries: int = Field(100_000, ge=1, le=10_000_000, description="Of backend hybrid.")
    local_cache_size: int = Field(1000, ge=0, le=10_000_000, description="Of backend hybrid.")
    eviction_policy: Literal["fifo", "lru", "lfu"] = "fifo"
    hnsw: Hnsw = Hnsw()
    embedding: Embedding = Embedding()
    scope: Literal["identity", "global"] = Field("identity", description="Who shares an answer.")
    guard: Guard = Guard()
