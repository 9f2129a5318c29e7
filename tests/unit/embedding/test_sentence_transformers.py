"""Without the extra; with it, see tests/sentence_transformers."""

import sys

import pytest

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.factory import make_embedder


async def test_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbeddingError, match=r"pip install 'semantic-router\[sentence-transformers\]'"):
        await make_embedder(EmbeddingConfig(backend="sentence-transformers"))
