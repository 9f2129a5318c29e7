"""What a persistent store of answers promises; `milvus` is the one there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from semantic_router_proxy.cache.entry import CacheEntry, EntryHeader, Selection, Vector


class StoreUnavailable(Exception):  # noqa: N818 - a state of the store, not a mistake of the caller
    """The store is down, slow or refused the call; the message says which and why."""


class StoreMismatch(Exception):  # noqa: N818 - a state of the store, not a mistake of the caller
    """What is in the store does not fit this router (schema, dimension, model); the message names the way out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A search result: a question, and the cosine between it and the one that was asked."""

    header: EntryHeader
    similarity: float


@dataclass(frozen=True, slots=True)
class ScannedEntry:
    """One row of a scan: enough to take it into memory, without the answer. `written_at` is in microseconds."""

    header: EntryHeader
    embedding: Vector | None
    written_at: int


@dataclass(frozen=True, slots=True)
class ScanPage:
    """A part of a scan. `read_to` is the youngest time that was read, bad rows included; `complete` says that nothing
    younger was there."""

    entries: list[ScannedEntry]
    read_to: int
    complete: bool


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Whole entries, the oldest first; otherwise like `ScanPage`."""

    entries: list[CacheEntry]
    read_to: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids that are known and not in the store any more, and ids that are in the store and not known."""

    gone: frozenset[str]
    new: list[str]


class EntryStore(Protocol):
    """Every method may raise StoreUnavailable and nothing else; bad rows are skipped and counted, never returned."""

    @property
    def shared(self) -> bool:
        """Whether other processes may write to the store."""
        ...

    async def put(self, entries: Sequence[CacheEntry]) -> frozenset[str]:
        """Write the entries, replacing those of the same id. Return, once the store has acknowledged them, the ids of
        those that it holds; the others do not fit into it."""
        ...

    async def get(self, entry_id: str) -> CacheEntry | None: ...

    async def get_exact(self, exact_key: str, now: float) -> CacheEntry | None:
        """Return the youngest entry of this key that has not expired."""
        ...

    async def search(self, partition: str, embedding: Vector, limit: int, now: float) -> list[Candidate]:
        """Return the most similar questions of the partition that have not expired, the best first."""
        ...

    async def scan(self, written_after: int, limit: int) -> ScanPage:
        """Return rows written after the given time (microseconds), the oldest first; expired ones as well, since an
        entry is deleted by letting it expire. All rows of one time come in one page, so it may exceed `limit`."""
        ...

    async def compare(self, known: frozenset[str], now: float) -> Difference:
        """Compare the ids that are known with those of the entries that have not expired; strongly consistent."""
        ...

    async def rows_of(self, entry_ids: Sequence[str]) -> list[ScannedEntry]:
        """Return the rows of these ids, in no certain order."""
        ...

    async def same_request(self, entry_id: str) -> list[EntryHeader]:
        """Return the entry, and after it others that answer the very same request; none where it is not there."""
        ...

    async def expire(self, entry_ids: Sequence[str]) -> None:
        """Make the entries expire now, in a way that other replicas' scans see."""
        ...

    async def read(self, written_after: int, limit: int) -> ReadPage:
        """Return whole entries written after the given time, the oldest first, without deleted ones. Like `scan`, but
        at a place of its own: following the store and reading it through do not disturb each other."""
        ...

    async def find(self, selection: Selection, limit: int) -> list[EntryHeader]:
        """Return entries that match, in no certain order."""
        ...

    async def sweep(self, expired_before: float) -> None:
        """Delete rows that expired before the given time."""
        ...

    async def count(self) -> int: ...

    async def close(self) -> None: ...
