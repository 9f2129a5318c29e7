"""What a cache holds and what a lookup gives back."""

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
import orjson
from numpy.typing import NDArray

Tier = Literal["exact", "semantic"]
Source = Literal["local", "milvus"]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EntryHeader:
    """Everything about a stored answer but the answer: what a lookup needs to decide whether it serves.

    Times are Unix seconds; `expires_at` 0 means never. An empty `exact_key` means that only a like question finds
    the entry, `semantic` False that only the very same request does.
    """

    entry_id: str
    partition: str
    exact_key: str
    scope: str
    model: str
    query: str
    semantic: bool
    created_at: float
    expires_at: float
    decision: str = ""

    def __post_init__(self) -> None:
        # Many entries share these; one copy of each is enough, and saves 300 bytes an entry.
        for name in ("partition", "scope", "model", "decision"):
            object.__setattr__(self, name, sys.intern(getattr(self, name)))

    def expired(self, now: float) -> bool:
        return self.expires_at != 0 and self.expires_at <= now


@dataclass(frozen=True, slots=True, eq=False)
class CacheEntry:
    """A stored answer. `embedding` is float32 of shape (dimension,) and length 1; None where not semantic."""

    header: EntryHeader
    request: bytes
    response: bytes
    embedding: Vector | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are meant; None stands for any. `created_before` is in Unix seconds."""

    scope: str | None = None
    model: str | None = None
    decision: str | None = None
    created_before: float | None = None

    def matches(self, header: EntryHeader) -> bool:
        return (
            self.scope in (None, header.scope)
            and self.model in (None, header.model)
            and self.decision in (None, header.decision)
            and (self.created_before is None or header.created_at < self.created_before)
        )


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A part of all entries. `cursor` leads to the next part, None where there is no more."""

    entries: list[CacheEntry]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class CacheHit:
    """An answer found. `similarity` is the cosine of the two questions, 1.0 for an exact hit."""

    header: EntryHeader
    response: bytes
    tier: Tier
    source: Source
    similarity: float


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Seed 001's GetStats: `total_entries` counts what is in memory, `hit_ratio` is between 0 and 1. `store_problem`
    says why the store is left alone; it is empty while the store is asked, and where there is none."""

    backend: str
    total_entries: int
    hit_count: int
    miss_count: int
    hit_ratio: float
    store_problem: str = ""


def is_json_document(answer: bytes) -> bool:
    """Whether an answer can be served: a JSON object or array, whole."""
    try:
        return isinstance(orjson.loads(answer), dict | list)
    except orjson.JSONDecodeError:
        return False
