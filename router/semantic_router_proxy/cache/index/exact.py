"""An index that compares with every vector: right by construction, and fast while there are few."""

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector

# Most partitions hold one or two entries, so a matrix starts with one row and never keeps four times what it needs.
_FIRST_CAPACITY = 1
_SHRINK_SHARE = 4


class ExactIndex:
    """Rows of one matrix; a removed row is filled with the last one."""

    def __init__(self, dimension: int) -> None:
        self._rows: NDArray[np.float32] = np.empty((_FIRST_CAPACITY, dimension), dtype=np.float32)
        self._labels: list[int] = []
        self._positions: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, label: int, vector: Vector) -> None:
        count = len(self._labels)
        if count == len(self._rows):
            self._resize(2 * count)
        self._rows[count] = vector
        self._positions[label] = count
        self._labels.append(label)

    def remove(self, label: int) -> None:
        position = self._positions.pop(label, None)
        if position is None:
            return
        last = self._labels.pop()
        if last != label:
            self._rows[position] = self._rows[len(self._labels)]
            self._labels[position] = last
            self._positions[last] = position
        if _SHRINK_SHARE * len(self._labels) < len(self._rows):
            self._resize(max(_FIRST_CAPACITY, 2 * len(self._labels)))

    def search(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` (label, cosine), the best first."""
        count = len(self._labels)
        if count == 0:
            return []
        similarities = self._rows[:count] @ vector
        if limit < count:
            best = np.argpartition(similarities, count - limit)[count - limit :]
            best = best[np.argsort(-similarities[best])]
        else:
            best = np.argsort(-similarities)
        return [(self._labels[position], float(similarities[position])) for position in best]

    def rows(self, labels: list[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Return a copy of those of the labels that are there, and of their vectors."""
        there = [label for label in labels if label in self._positions]
        return there, self._rows[[self._positions[label] for label in there]]

    def labels(self) -> list[int]:
        return list(self._labels)

    def _resize(self, capacity: int) -> None:
        rows = np.empty((capacity, self._rows.shape[1]), dtype=np.float32)
        rows[: len(self._labels)] = self._rows[: len(self._labels)]
        self._rows = rows
