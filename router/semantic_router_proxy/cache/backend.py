"""The one interface of all cache backends: seed 001's calls, asynchronous."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from semantic_router_proxy.cache.entry import (
    CacheEntry,
    CacheHit,
    CacheStats,
    EntryHeader,
    EntryPage,
    Selection,
    Vector,
)
from semantic_router_proxy.cache.match import Match
from semantic_router_proxy.config.cache import SemanticCacheConfig

Accept = Callable[[CacheHit], Awaitable[bool]]
Seen = Callable[[Match], None]
EVERYTHING = Selection()


class CacheBackend(Protocol):
    """A store of answers.

    A lookup never raises because a store is down, slow or holds bad rows: it then finds nothing, and the fault is
    counted. A vector of another dimension raises ValueError.
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
        accept: Accept | None = None,
        seen: Seen | None = None,
    ) -> CacheHit | None:
        """Return the answer to the most similar question of the partition that reaches the threshold and passes
        the guard. `threshold` stands in place of the configured one; a hit that `accept` turns down is a miss.
        `seen` is told what was nearest and what the guard objected to, so that a miss can be explained."""
        ...

    async def get(self, entry_id: str) -> CacheHit | None:
        """Return one entry's answer."""
        ...

    async def delete(self, entry_id: str) -> bool:
        """Delete one entry; return whether it was there."""
        ...

    async def invalidate(self, selection: Selection = EVERYTHING) -> int:
        """Delete all entries that match; return how many."""
        ...

    async def read_entries(self, cursor: str, limit: int) -> EntryPage:
        """Return about `limit` living entries, whole ones, from the cursor on; an empty cursor is the beginning.

        Reading to the end gives every entry that was there all the while. Raises StoreUnavailable, and ValueError for
        a cursor that this backend has not given.
        """
        ...

    async def restore(self, entries: Sequence[CacheEntry]) -> int:
        """Put entries in as they are, with their ids and times, in place of those of the same ids; return how many are
        held now. Those that have expired or are too large are left out. Raises StoreUnavailable."""
        ...

    async def search_questions(self, words: str, limit: int) -> list[EntryHeader]:
        """Return entries in this process's memory whose question holds all the words, the youngest first."""
        ...

    def reconfigure(self, config: SemanticCacheConfig) -> None:
        """Take over what can change while running: threshold, life, guard, largest answer."""
        ...

    def get_stats(self) -> CacheStats: ...

    def record_miss(self) -> None:
        """Count a request that only an exact repeat could have answered, and none did.

        `find_similar` counts its own outcome, `find_exact` its hits only, since `find_similar` mostly follows.
        """
        ...

    async def close(self) -> None:
        """Finish writes that were accepted, then release everything."""
        ...
