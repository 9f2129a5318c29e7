"""An embedder behind any OpenAI-compatible /v1/embeddings endpoint."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity, EmbeddingError, Vectors, unit_rows

_PROBE = "dimension"
_BATCH = 64


class OpenAIEmbedder:
    """Made by `connect`, which asks the endpoint once to learn the dimension."""

    def __init__(self, config: EmbeddingConfig, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._session = session
        self._identity: EmbedderIdentity | None = None

    @classmethod
    async def connect(cls, config: EmbeddingConfig) -> "OpenAIEmbedder":
        """Return an embedder that knows its dimension. Raises EmbeddingError where the endpoint gives no vector."""
        headers = {}
        key = _api_key(config)
        if key:
            headers["authorization"] = f"Bearer {key}"
        session = aiohttp.ClientSession(
            headers=headers, timeout=aiohttp.ClientTimeout(total=config.timeout_seconds), raise_for_status=False
        )
        embedder = cls(config, session)
        try:
            vectors = await embedder._request([_PROBE])
        except BaseException:
            await session.close()
            raise
        embedder._identity = EmbedderIdentity(config.model, config.revision, vectors.shape[1])
        return embedder

    @property
    def identity(self) -> EmbedderIdentity:
        if self._identity is None:
            raise RuntimeError("OpenAIEmbedder is made by connect()")
        return self._identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, float32 of shape (len(texts), dimension). Raises EmbeddingError."""
        dimension = self.identity.dimension
        if not texts:
            return np.empty((0, dimension), dtype=np.float32)
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        vectors = np.concatenate(await asyncio.gather(*(self._request(batch) for batch in batches)))
        if vectors.shape[1] != dimension:
            raise EmbeddingError(
                f"{self._config.base_url} gave vectors of {vectors.shape[1]} numbers; at the start it gave {dimension}"
            )
        return vectors

    async def _request(self, texts: Sequence[str]) -> Vectors:
        url = f"{str(self._config.base_url).rstrip('/')}/embeddings"
        body = {"model": self._config.model, "input": list(texts), "encoding_format": "float"}
        try:
            async with self._session.post(url, json=body, allow_redirects=False) as response:
                if response.status != 200:
                    raise EmbeddingError(f"{url} answered with status {response.status}")
                answer: Any = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise EmbeddingError(f"{url} gave no embedding: {error or type(error).__name__}") from None
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            indexes = [row["index"] for row in rows]
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (KeyError, TypeError, ValueError):
            raise EmbeddingError(f"{url} answered with something that is no list of embeddings") from None
        if indexes != list(range(len(texts))) or vectors.ndim != 2:
            raise EmbeddingError(f"{url} gave {len(rows)} embeddings for {len(texts)} texts, or not one for each")
        return unit_rows(vectors)

    async def close(self) -> None:
        await self._session.close()


def _api_key(config: EmbeddingConfig) -> str:
    if config.api_key_file:
        try:
            return Path(config.api_key_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EmbeddingError(f"embedding.api_key_file {config.api_key_file}: {error.strerror}") from None
    if config.api_key_env:
        key = os.environ.get(config.api_key_env, "").strip()
        if not key:
            raise EmbeddingError(f"embedding.api_key_env: the environment variable {config.api_key_env} is not set")
        return key
    return ""
