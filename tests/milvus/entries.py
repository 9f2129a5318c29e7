"""Entries as the tests write them."""

import time

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader
from tests.unit.cache.conftest import WordEmbedder

PARTITION = "cd"


def entry(number: int, query: str = "", answer: bytes = b'{"a": 1}', *, expires_at: float = 0.0) -> CacheEntry:
    """Return an entry with the id and the exact key of its number, and a vector of its question."""
    query = query or f"question number {number}"
    header = EntryHeader(
        entry_id=f"{number:08x}",
        partition=PARTITION,
        exact_key=f"e{number:07x}",
        scope="s",
        model="m",
        query=query,
        semantic=True,
        created_at=time.time(),
        expires_at=expires_at,
        decision="d",
    )
    return CacheEntry(header, b"{}", answer, WordEmbedder.vector(query))
