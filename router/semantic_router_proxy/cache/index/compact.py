"""Vectors in 16-bit fixed point, each with a unit of its own: half the memory of float32, cosines right to 1e-5 at the
dimensions of embedding models."""

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.cache.entry import Vector

_STEPS = 32767


class CompactRows:
    """Rows by position, up to a capacity. Memory is taken by rows that are there, not by those that may come."""

    def __init__(self, dimension: int, capacity: int) -> None:
        self._steps = np.empty((capacity, dimension), dtype=np.int16)
        self._units = np.empty(capacity, dtype=np.float32)

    @property
    def capacity(self) -> int:
        return len(self._units)

    def put(self, start: int, vectors: NDArray[np.float32]) -> None:
        """Write vectors of shape (n, dimension) at the positions from `start` on."""
        units = np.max(np.abs(vectors), axis=1) / np.float32(_STEPS)
        end = start + len(vectors)
        self._units[start:end] = units
        self._steps[start:end] = np.rint(vectors / np.where(units > 0, units, 1)[:, np.newaxis])

    def get(self, positions: list[int]) -> NDArray[np.float32]:
        """Return the vectors at these positions, of shape (n, dimension)."""
        return self._steps[positions].astype(np.float32) * self._units[positions, np.newaxis]

    def similarities(self, positions: NDArray[np.intp], vector: Vector) -> NDArray[np.float32]:
        """Return the cosines of a vector and those at these positions, of shape (n,)."""
        products: NDArray[np.float32] = self._steps.take(positions, axis=0).astype(np.float32) @ vector
        return products * self._units.take(positions)

    def resize(self, capacity: int) -> None:
        """Make room for more. Copies all rows."""
        held = self.capacity
        steps, units = self._steps, self._units
        self._steps = np.empty((capacity, steps.shape[1]), dtype=np.int16)
        self._units = np.empty(capacity, dtype=np.float32)
        self._steps[:held] = steps
        self._units[:held] = units
