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
