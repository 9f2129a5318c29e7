"""An HNSW graph (hnswlib; Malkov and Yashunin, arXiv:1603.09320) for partitions that are too large to scan.

hnswlib only marks deleted rows. They stay in the way of searches, so the owner makes a graph anew when too many have
gathered; until then a search asks for a few less than wanted rather than throw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector
from semantic_router_proxy.cache.index.processor import explained

try:
    import hnswlib
except ImportError as error:
    raise explained(error) from None

# Rows that are read at once: one that is deleted meanwhile spoils only its own portion, which is then read singly.
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """hnswlib's parameters under the seeds' names."""

    m: int
    ef_construction: int
    ef_search: int


class GraphIndex:
    """Rows may be added and searched from one thread only; `items` may run beside searches and removals."""

    def __init__(self, dimension: int, capacity: int, settings: GraphSettings) -> None:
        self._index = hnswlib.Index(space="ip", dim=dimension)
        self._index.init_index(max_elements=capacity, M=settings.m, ef_construction=settings.ef_construction)
        self._index.set_ef(settings.ef_search)
        self._capacity = capacity
        self._labels: set[int] = set()
        self._marked = 0

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, label: int) -> bool:
        return label in self._labels

    @property
    def full(self) -> bool:
        return len(self._labels) + self._marked >= self._capacity

    @property
    def marked_share(self) -> float:
        """Return which part of the rows is deleted but still there."""
        return self._marked / max(1, len(self._labels) + self._marked)

    def add_many(self, labels: list[int], vectors: NDArray[np.float32], threads: int) -> None:
        """Add rows and make room for them; releases the GIL while it works. Not beside a search."""
        self.reserve(len(self._labels) + self._marked + len(labels))
        self._index.add_items(vectors, np.asarray(labels, dtype=np.int64), num_threads=threads)
        self._labels.update(labels)

    def add(self, label: int, vector: Vector) -> None:
        """Add a row to a graph that is not full."""
        self._index.add_items(vector[np.newaxis, :], np.asarray([label], dtype=np.int64), num_threads=1)
        self._labels.add(label)

    def reserve(self, capacity: int) -> None:
        """Make room for this many rows, deleted ones included. Moves all of them: not beside anything else."""
        if capacity > self._capacity:
            self._capacity = capacity
            self._index.resize_index(capacity)

    def remove(self, label: int) -> None:
        if label in self._labels:
            self._labels.remove(label)
            self._index.mark_deleted(label)
            self._marked += 1

    def search(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` (label, cosine), the best first."""
        wanted = min(limit, len(self._labels))
        while wanted > 0:
            try:
                labels, distances = self._index.knn_query(vector[np.newaxis, :], k=wanted, num_threads=1)
            except RuntimeError:
                # With many deleted rows the beam can hold fewer live ones than asked for: ask for fewer.
                wanted //= 2
                continue
            return [
                (label, 1.0 - distance)
                for label, distance in zip(labels[0].tolist(), distances[0].tolist(), strict=True)
            ]
        return []

    def items(self, labels: list[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Return those of the labels that are not deleted, and their vectors."""
        kept: list[int] = []
        portions = [np.empty((0, self._index.dim), dtype=np.float32)]
        for start in range(0, len(labels), _PORTION):
            portion = labels[start : start + _PORTION]
            try:
                portions.append(self._vectors(portion))
                kept += portion
            except RuntimeError:
                for label in portion:
                    try:
                        portions.append(self._vectors([label]))
                        kept.append(label)
                    except RuntimeError:
                        continue
        return kept, np.concatenate(portions)

    def labels(self) -> list[int]:
        return list(self._labels)

    def _vectors(self, labels: list[int]) -> NDArray[np.float32]:
        """Raises RuntimeError where one of them is deleted."""
        return np.asarray(self._index.get_items(labels, return_type="numpy"), dtype=np.float32)
