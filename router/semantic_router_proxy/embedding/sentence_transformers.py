"""Any model of sentence-transformers; needs the extra of that name, which brings torch."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity, EmbeddingError, Vectors, unit_rows


class SentenceTransformersEmbedder:
    """Runs in one thread of its own."""

    def __init__(self, config: EmbeddingConfig) -> None:
        try:
            library = import_module("sentence_transformers")
        except ImportError:
            raise EmbeddingError(
                "sentence-transformers is not installed; run pip install 'semantic-router[sentence-transformers]'"
            ) from None
        import_module("torch").set_num_threads(config.threads)
        try:
            self._model = library.SentenceTransformer(
                config.path or config.model, revision=config.revision or None, device="cpu"
            )
        except (OSError, ValueError) as error:
            raise EmbeddingError(f"the model {config.path or config.model} cannot be loaded: {error}") from None
        dimension = int(self._model.get_sentence_embedding_dimension())
        self._identity = EmbedderIdentity(config.model, config.revision, dimension)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, float32 of shape (len(texts), dimension). Raises EmbeddingError."""
        if not texts:
            return np.empty((0, self._identity.dimension), dtype=np.float32)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._encode, list(texts))

    def _encode(self, texts: list[str]) -> Vectors:
        vectors = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(np.asarray(vectors, dtype=np.float32))

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
