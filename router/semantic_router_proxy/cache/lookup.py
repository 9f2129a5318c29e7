"""What the three backends share: embedding a question that came without a vector, and making an entry."""

import math
import time
import uuid
from collections.abc import Callable, Iterable

import numpy as np

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Vector, is_json_document
from semantic_router_proxy.cache.keys import plain_partition
from semantic_router_proxy.config.cache import SemanticCacheConfig
from semantic_router_proxy.config.embedding import DEFAULT_MODEL
from semantic_router_proxy.embedding.base import Embedder

Clock = Callable[[], float]


class EntryMaker:
    """Turns a call's arguments into a partition, a vector and an entry. Raises ValueError for a vector of another
    dimension, EmbeddingError where the model fails."""

    def __init__(self, config: SemanticCacheConfig, embedder: Embedder, clock: Clock = time.time) -> None:
        self._config = config
        self._embedder = embedder
        self._identity = str(embedder.identity)
        self.clock = clock

    def reconfigure(self, config: SemanticCacheConfig) -> None:
        """Take over another threshold, life and largest answer."""
        self._config = config

    def partition(self, model: str, partition: str | None) -> str:
        return plain_partition(self._identity, model) if partition is None else partition

    @property
    def rewordings(self) -> bool:
        """Whether the guard may take the vectors' word for it that other words mean the same: it was measured for the
        default model alone."""
        return self._embedder.identity.model == DEFAULT_MODEL

    def threshold(self, asked: float | None) -> float:
        """Return the threshold in force: the one that is given, else the configured one."""
        return self._config.similarity_threshold if asked is None else asked

    async def vector(self, query: str, embedding: Vector | None) -> Vector:
        """Return the question's unit vector, float32 of shape (dimension,)."""
        if embedding is None:
            vector: Vector = (await self._embedder.embed([query]))[0]
            return vector
        given = np.asarray(embedding, dtype=np.float32)
        dimension = self._embedder.identity.dimension
        if given.shape != (dimension,):
            raise ValueError(f"the vector has shape {given.shape}, the embedding model gives ({dimension},)")
        length = math.sqrt(given @ given)
        if not math.isfinite(length) or length == 0:
            raise ValueError("the vector is not finite or has no length")
        return given if abs(length - 1) < 1e-4 else np.asarray(given / length, dtype=np.float32)

    async def entry(
        self,
        model: str,
        query: str,
        request: bytes,
        response: bytes,
        *,
        partition: str | None,
        exact_key: str | None,
        scope: str,
        embedding: Vector | None,
        semantic: bool,
        ttl_seconds: int | None,
        decision: str,
    ) -> CacheEntry:
        """Return the entry to store. A life that is asked for can only be shorter than the configured one."""
        now = self.clock()
        lives = [life for life in (self._config.ttl_seconds, ttl_seconds) if life]
        header = EntryHeader(
            entry_id=uuid.uuid4().hex,
            partition=self.partition(model, partition),
            exact_key=exact_key or "",
            scope=scope,
            model=model,
            query=query,
            semantic=semantic,
            created_at=now,
            expires_at=now + min(lives) if lives else 0.0,
            decision=decision,
        )
        vector = await self.vector(query, embedding) if semantic else None
        return CacheEntry(header, request, response, vector)

    def restorable(self, entries: Iterable[CacheEntry]) -> list[CacheEntry]:
        """Return those entries that may be put in as they are: alive, whole, and no larger than configured."""
        now = self.clock()
        return [entry for entry in entries if not entry.header.expired(now) and not self.refused(entry.response, None)]

    def refused(self, response: bytes, ttl_seconds: int | None) -> str:
        """Return why an answer is not stored at all, or an empty string."""
        if len(response) > self._config.max_response_bytes:
            return "oversize"
        if not is_json_document(response):
            return "corrupt"
        return "no-life" if ttl_seconds is not None and ttl_seconds <= 0 else ""
