"""The embedder that a configuration asks for."""

import asyncio

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import Embedder


async def make_embedder(config: EmbeddingConfig) -> Embedder:
    """Load the model, off the event loop, and return an embedder that is ready. Raises EmbeddingError.

    Each backend is imported only when it is chosen: none of them is cheap to import.
    """
    if config.backend == "openai":
        from semantic_router_proxy.embedding.openai import OpenAIEmbedder

        return await OpenAIEmbedder.connect(config)
    if config.backend == "sentence-transformers":
        from semantic_router_proxy.embedding.sentence_transformers import SentenceTransformersEmbedder

        return await asyncio.to_thread(SentenceTransformersEmbedder, config)
    from semantic_router_proxy.embedding.onnx import OnnxEmbedder

    return await asyncio.to_thread(OnnxEmbedder, config)
