"""An HNSW graph (hnswlib; Malkov and Yashunin, arXiv:1603.09320) for partitions that are too large to scan.

hnswlib only marks deleted rows. They stay in the way of searches, so the graph is made anew when too many have
gathered; until then a search asks for a few more than wanted.
"""

from dataclasses import dataclass

import hnswlib
import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """hnswlib's parameters under the seeds' names."""

    m: int
    ef_construction: int
    ef_search: int


class GraphIndex:
    """Not for use from two threads at once: the owner keeps a graph to the event loop once it is published."""

    def __init__(self, dimension: int, capacity: int, settings: GraphSettings) -> None:
        self._settings = settings
        self._index = hnswlib.Index(space="ip", dim=dimension)
        self._index.init_index(max_elements=capacity, M=settings.m, ef_construction=settings.ef_construction)
        self._index.set_ef(settings.ef_search)
        self._capacity = capacity
        self._labels: set[int] = set()
        self._marked = 0

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def marked_share(self) -> float:
        """Return which part of the rows is deleted but still there."""
        return self._marked / max(1, len(self._labels) + self._marked)

    def add_many(self, labels: list[int], vectors: NDArray[np.float32], threads: int) -> None:
        """Add many rows; releases the GIL while it works."""
        self._reserve(len(labels))
        self._index.add_items(vectors, np.asarray(labels, dtype=np.int64), num_threads=threads)
        self._labels.update(labels)

    def add(self, label: int, vector: Vector) -> None:
        self._reserve(1)
        self._index.add_items(vector[np.newaxis, :], np.asarray([label], dtype=np.int64), num_threads=1)
        self._labels.add(label)

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
                (int(label), 1.0 - float(distance)) for label, distance in zip(labels[0], distances[0], strict=True)
            ]
        return []

    def items(self) -> tuple[list[int], NDArray[np.float32]]:
        """Return a copy of all labels and vectors that are not deleted."""
        labels = list(self._labels)
        if not labels:
            return [], np.empty((0, self._index.dim), dtype=np.float32)
        return labels, np.asarray(self._index.get_items(labels, return_type="numpy"), dtype=np.float32)

    def _reserve(self, more: int) -> None:
        needed = len(self._labels) + self._marked + more
        if needed > self._capacity:
            self._capacity = max(needed, 2 * self._capacity)
            self._index.resize_index(self._capacity)
