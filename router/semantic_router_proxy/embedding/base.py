"""What every embedder promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Which vectors can be compared with which: those with an equal identity, and no others."""

    model: str
    revision: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.model}@{self.revision or 'unversioned'}/{self.dimension}"


class EmbeddingError(Exception):
    """The model could not turn a text into a vector; the message says why and never holds the text."""


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def identity(self) -> EmbedderIdentity: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text: float32 of shape (len(texts), dimension).

        Raises EmbeddingError.
        """
        ...

    async def close(self) -> None: ...


def unit_rows(vectors: Vectors) -> Vectors:
    """Return the rows (float32, shape (n, dimension)) at length 1.

    Raises EmbeddingError for a row that is not finite or has no direction.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise EmbeddingError("the embedding model gave a vector that is not finite or has no length")
    result: Vectors = (vectors / lengths).astype(np.float32)
    return result
