"""An HNSW graph (hnswlib; Malkov and Yashunin, arXiv:1603.09320) for partitions that are too large to scan.

The walk compares in fewer dimensions (see `projection`), so what it finds is compared again in all of them.

hnswlib only marks deleted rows. They stay in the way of searches, so the owner makes a graph anew when too many have
gathered; until then a search asks for a few less than wanted rather than throw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.index.compact import CompactRows
from semantic_router_proxy.cache.index.processor import explained
from semantic_router_proxy.cache.index.projection import Projection

try:
    import hnswlib
except ImportError as error:
    raise explained(error) from None

# Rows of a walk that are compared in all dimensions, at 0.2 µs each.
_COMPARED = 32


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """hnswlib's parameters under the seeds' names."""

    m: int
    ef_construction: int
    ef_search: int


class GraphIndex:
    """Rows are added by one thread at a time, and not beside a search."""

    def __init__(self, projection: Projection, capacity: int, settings: GraphSettings) -> None:
        self._projection = projection
        self._index = hnswlib.Index(space="l2", dim=projection.projected)
        self._index.init_index(max_elements=capacity, M=settings.m, ef_construction=settings.ef_construction)
        self._index.set_ef(settings.ef_search)
        self._compared = min(_COMPARED, settings.ef_search)
        # By position, which is the label that hnswlib knows; ours are found by `_positions`, without deleted ones.
        self._rows = CompactRows(projection.dimension, capacity)
        self._labels: list[int] = []
        self._positions: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def __contains__(self, label: int) -> bool:
        return label in self._positions

    @property
    def full(self) -> bool:
        return len(self._labels) >= self._rows.capacity

    @property
    def marked_share(self) -> float:
        """Return which part of the rows is deleted but still there."""
        return (len(self._labels) - len(self._positions)) / max(1, len(self._labels))

    def add_many(self, labels: list[int], vectors: NDArray[np.float32], threads: int) -> None:
        """Add rows and make room for them; releases the GIL while it works."""
        first = len(self._labels)
        self.reserve(first + len(labels))
        self._rows.put(first, vectors)
        positions = range(first, first + len(labels))
        self._index.add_items(self._projection.rows(vectors), np.asarray(positions, np.int64), num_threads=threads)
        self._labels += labels
        self._positions.update(zip(labels, positions, strict=True))

    def add(self, label: int, vector: Vector) -> None:
        """Add a row to a graph that is not full."""
        self.add_many([label], vector[np.newaxis, :], threads=1)

    def reserve(self, capacity: int) -> None:
        """Make room for this many rows, deleted ones included. Moves all of them: not beside anything else."""
        if capacity > self._rows.capacity:
            self._rows.resize(capacity)
            self._index.resize_index(capacity)

    def remove(self, label: int) -> None:
        position = self._positions.pop(label, None)
        if position is not None:
            self._index.mark_deleted(position)

    def search(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` (label, cosine), the best first."""
        row = self._projection.row(vector)[np.newaxis, :]
        wanted = min(max(limit, self._compared), len(self._positions))
        while wanted > 0:
            try:
                found, _ = self._index.knn_query(row, k=wanted, num_threads=1)
            except RuntimeError:
                # With many deleted rows the beam can hold fewer live ones than asked for: ask for fewer.
                wanted //= 2
                continue
            positions = found[0].astype(np.intp)
            similarities = self._rows.similarities(positions, vector)
            best = np.argsort(-similarities)[:limit]
            return [
                (self._labels[position], similarity)
                for position, similarity in zip(positions[best].tolist(), similarities[best].tolist(), strict=True)
            ]
        return []

    def rows(self, labels: list[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Return a copy of those of the labels that are there, and of their vectors."""
        there = [label for label in labels if label in self._positions]
        return there, self._rows.get([self._positions[label] for label in there])

    def labels(self) -> list[int]:
        return list(self._positions)
