"""An embedder that needs no model: a text's vector is given, or drawn from its words."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from semantic_router_proxy.embedding.base import EmbedderIdentity, Vectors

DIMENSION = 32


class WordEmbedder:
    """Texts with the same words are similar; nothing is learnt. Deterministic."""

    identity = EmbedderIdentity("words", "1", DIMENSION)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.vector(text) for text in texts])

    @staticmethod
    def vector(text: str) -> Vectors:
        total = np.zeros(DIMENSION, dtype=np.float32)
        for word in text.lower().split() or [""]:
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            total += np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
        return total / np.linalg.norm(total)

    async def close(self) -> None:
        return None


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()
