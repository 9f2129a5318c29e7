"""`spec.cache`: backend, thresholds, limits and what may be shared."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from semantic_router_operator.api.base import (
    ApiModel,
    DeletionPolicy,
    DnsName,
    HttpUrl,
    Quantity,
    SecretKeyRef,
    ShortName,
    SignalType,
    Text,
    rules,
    unchanged,
)

Backend = Literal["memory", "milvus", "hybrid"]


class Hnsw(ApiModel):
    """The graph in memory (backends memory and hybrid)."""

    m: int = Field(16, ge=2, le=128, description="Links of a vector; more is more exact and takes more memory.")
    ef_construction: int = Field(200, ge=8, le=4096, description="Candidates while the graph is built.")
    ef_search: int = Field(96, ge=1, le=4096, description="Candidates of a lookup.")


class ModelStorage(ApiModel):
    """A volume for what is loaded. Its size may grow where the StorageClass allows it."""

    model_config = ConfigDict(
        json_schema_extra=rules(unchanged("storageClassName"), unchanged("accessMode", "ReadWriteOnce"))
    )

    size: Quantity = Field("5Gi", description="Such as 5Gi.")
    storage_class_name: DnsName | None = Field(None, description="None: the cluster's default.")
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = Field(
        "ReadWriteOnce", description="ReadWriteOnce: all pods run on one node."
    )
    deletion_policy: DeletionPolicy = "Delete"


class ModelFiles(ApiModel):
    """A volume for a model that is not in the image."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.claimName) != has(self.storage)", "set exactly one of claimName and storage"),
            ("!has(self.path) || has(self.claimName)", "path is a folder of claimName; remove it"),
        )
    )

    claim_name: DnsName | None = Field(None, description="A PersistentVolumeClaim with the files, mounted read-only.")
    path: Annotated[str, Field(max_length=512, pattern=r"^[A-Za-z0-9._\-]+(/[A-Za-z0-9._\-]+)*$")] | None = Field(
        None, description="The model's folder in claimName; none: its root."
    )
    storage: ModelStorage | None = Field(
        None, description="A claim of our own, into which backend sentence-transformers loads the model once."
    )


class Embedding(ApiModel):
    """Which model turns text into vectors. Nothing needs to be set for the one inside the image."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.backend) && self.backend == 'openai') == has(self.baseURL)",
                "backend openai needs baseURL, and no other backend has one",
            ),
            (
                "!has(self.files) || !has(self.backend) || self.backend != 'openai'",
                "backend openai runs its model elsewhere; remove files",
            ),
            (
                "!has(self.files) || !has(self.files.storage) || (has(self.backend) && self.backend == "
                "'sentence-transformers')",
                "files.storage is for backend sentence-transformers, the only one that loads models",
            ),
        )
    )

    backend: Literal["onnx", "sentence-transformers", "openai"] = Field(
        "onnx", description="Where it runs: inside the router, or behind an OpenAI-compatible endpoint."
    )
    model: Text | None = Field(None, description="None: sentence-transformers/all-MiniLM-L6-v2.")
    base_url: HttpUrl | None = Field(None, description="Of backend openai, with its /v1.")
    api_key_secret_ref: SecretKeyRef | None = Field(None, description="Of backend openai.")
    revision: Annotated[str, Field(max_length=128)] = Field(
        "", description="Part of the model's identity; a change separates old entries from new."
    )
    threads: int = Field(1, ge=1, le=64, description="Of one inference.")
    timeout_seconds: int = Field(10, ge=1, le=300, description="Of one call of backend openai.")
    files: ModelFiles | None = Field(None, description="None: the model in the image, or one loaded at each start.")


class Guard(ApiModel):
    """The lexical check after similarity."""

    enabled: bool = Field(
        True, description="false: similarity alone decides. Numbers, names and negations then go wrong."
    )
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$", max_length=2)], ...] = Field(
        ("en",), max_length=32, description="ISO 639-1 codes it may judge; text in any other is matched exactly only."
    )


class Verifier(ApiModel):
    """A model that decides whether a question that is alike, but not very much so, is the same one."""

    model: ShortName = Field(description="One of spec.models; a small and fast one will do.")
    timeout_seconds: int = Field(2, ge=1, le=60, description="No verdict by then is a miss.")


class Category(ApiModel):
    """Limits for questions that a signal of spec.routing is true for; they can only be stricter than spec.cache."""

    type: SignalType = Field(description="The signal's type.")
    name: ShortName = Field(description="Name of the signal.")
    enabled: bool = Field(True, description="false: nothing is read or kept.")
    similarity_threshold: float | None = Field(
        None, ge=0, le=1, description="In place of spec.cache.similarityThreshold."
    )
    verify_threshold: float | None = Field(None, ge=0, le=1, description="In place of spec.cache.verifyThreshold.")
    ttl_seconds: int | None = Field(
        None, ge=0, description="Never longer than spec.cache.ttlSeconds; 0: nothing is kept."
    )


class Shadow(ApiModel):
    """Measures on live traffic how often an answer by similarity would be wrong. Exact repeats are served as ever."""

    share: float = Field(
        0, ge=0, le=1, description="Share of hits by similarity that the model answers instead; 1: none is served."
    )
    compare: float = Field(1, ge=0, le=1, description="Share of those whose two answers are compared.")
    agreement: float = Field(0.8, ge=-1, le=1, description="Cosine from which on two answers count as the same.")


class Cache(ApiModel):
    """The semantic cache."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.verifyThreshold) || self.verifyThreshold < (has(self.similarityThreshold) ? "
                "self.similarityThreshold : 0.85)",
                "verifyThreshold must be below similarityThreshold: the verifier decides in between",
            ),
        )
    )

    enabled: bool = Field(True, description="false: every question goes to a model.")
    backend: Backend | None = Field(None, description="None: hybrid where spec.milvus is set, else memory.")
    similarity_threshold: float = Field(
        0.85, ge=0, le=1, description="Least cosine of two questions for one answer to serve both."
    )
    verify_threshold: float | None = Field(
        None, ge=0, le=1, description="From this similarity up to similarityThreshold the verifier decides."
    )
    verifier: Verifier | None = Field(None, description="Decides between verifyThreshold and similarityThreshold.")
    categories: tuple[Category, ...] = Field((), max_length=32, description="Other limits for some questions.")
    shadow: Shadow = Shadow()
    ttl_seconds: int = Field(3600, ge=0, description="0: until an entry is evicted.")
    max_entries: int = Field(1000, ge=1, le=10_000_000, description="Of backend memory.")
    max_memory_entries: int = Field(100_000, ge=1, le=10_000_000, description="Of backend hybrid.")
    local_cache_size: int = Field(1000, ge=0, le=10_000_000, description="Of backend hybrid.")
    eviction_policy: Literal["fifo", "lru", "lfu"] = Field(
        "fifo", description="Who leaves a full memory: the oldest, the least recently or the least often used."
    )
    hnsw: Hnsw = Hnsw()
    embedding: Embedding = Embedding()
    max_response_bytes: int = Field(1_000_000, ge=1, le=1024**3, description="Larger answers are not kept.")
    scope: Literal["identity", "global"] = Field("identity", description="Who shares an answer.")
    guard: Guard = Guard()
