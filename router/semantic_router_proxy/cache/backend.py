"""The one interface of all cache backends: seed 001's calls, asynchronous."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import CacheHit, CacheStats

Vector = NDArray[np.float32]


class CacheBackend(Protocol):
    """A store of answers.

    No method raises because a store is down, slow or holds bad rows: a lookup then finds nothing and an entry is not
    stored; both are counted. What the caller may not do (a vector of another dimension) raises ValueError.
    """

    async def add_entry(
        self,
        request_id: str,
        model: str,
        query: str,
        request: bytes,
        response: bytes,
        *,
        partition: str | None = None,
        exact_key: str | None = None,
        scope: str = "",
        embedding: Vector | None = None,
        semantic: bool = True,
        ttl_seconds: int | None = None,
        decision: str = "",
    ) -> str | None:
        """Store an answer and return its entry id, or None where it was not stored.

        Without `partition` only model and query count. Without `embedding` the backend embeds the query itself;
        with `semantic=False` only an exact repeat finds the entry and nothing is embedded.
        """
        ...

    async def find_exact(self, exact_key: str) -> CacheHit | None:
        """Return the answer to this very request."""
        ...

    async def find_similar(
        self,
        model: str,
        query: str,
        *,
        partition: str | None = None,
        embedding: Vector | None = None,
        threshold: float | None = None,
    ) -> CacheHit | None:
        """Return the answer to the most similar question of the partition that reaches the threshold and passes
        the guard. A `threshold` can only be stricter than the configured one."""
        ...

    async def get(self, entry_id: str) -> CacheHit | None: ...

    async def delete(self, entry_id: str) -> bool: ...

    async def invalidate(self, *, scope: str | None = None, model: str | None = None) -> int:
        """Delete all entries that match, or all there are; return how many."""
        ...

    def get_stats(self) -> CacheStats: ...

    async def close(self) -> None:
        """Finish writes that were accepted, then release everything."""
        ...
