"""The default embedder gives sentence-transformers' vectors, and goes on when its callers do not."""

import asyncio
import subprocess
import sys

import numpy as np
import pytest
from tests.sentence_transformers.texts import REFERENCE, read_texts

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import Embedder, EmbeddingError
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.embedding.onnx import OnnxEmbedder

# Sums in another order may round a digit the other way.
_ALIKE = 1e-3


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(EmbeddingConfig())


def test_vectors_are_those_of_sentence_transformers(embedder: OnnxEmbedder) -> None:
    expected = np.load(REFERENCE)["vectors"]
    one_by_one = np.concatenate([embedder.embed_now([text]) for text in read_texts()])
    together = embedder.embed_now(read_texts())
    for found in (one_by_one, together):
        cosines = (found * expected).sum(axis=1)
        # The least are texts of no words and of made-up ones; the rest is what 8-bit weights leave.
        assert cosines.min() > 0.995
        assert np.median(cosines) > 0.999
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_identity_names_the_weights_and_their_precision(embedder: OnnxEmbedder) -> None:
    assert str(embedder.identity) == "sentence-transformers/all-MiniLM-L6-v2@53aa51172d14-int8/384"


def test_a_configured_revision_takes_their_place() -> None:
    assert OnnxEmbedder(EmbeddingConfig(revision="2024-05")).identity.revision == "2024-05-int8"


def test_more_threads_give_the_same_vectors(embedder: OnnxEmbedder) -> None:
    texts = read_texts()[:8]
    found = OnnxEmbedder(EmbeddingConfig(threads=2)).embed_now(texts)
    np.testing.assert_allclose(found, embedder.embed_now(texts), atol=_ALIKE)


def test_a_lone_surrogate_is_no_error(embedder: OnnxEmbedder) -> None:
    assert np.isfinite(embedder.embed_now(["half of a pair: \ud83d"])).all()


async def test_no_texts_give_no_rows(embedder: OnnxEmbedder) -> None:
    assert (await embedder.embed([])).shape == (0, 384)


async def test_every_caller_gets_its_own_rows(embedder: OnnxEmbedder) -> None:
    texts = read_texts()
    expected = embedder.embed_now(texts)
    requests = [texts[start : start + 1 + start % 3] for start in range(len(texts))]
    answers = await asyncio.gather(*(embedder.embed(request) for request in requests))
    for start, answer in enumerate(answers):
        np.testing.assert_allclose(answer, expected[start : start + 1 + start % 3], atol=_ALIKE)


async def test_a_caller_that_leaves_harms_nobody(embedder: OnnxEmbedder) -> None:
    texts = read_texts()[:12]
    tasks = [asyncio.create_task(embedder.embed([text])) for text in texts]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 2 == 0:
            assert isinstance(answer, asyncio.CancelledError)
        else:
            np.testing.assert_allclose(answer, embedder.embed_now([texts[number]]), atol=_ALIKE)


async def test_a_closed_embedder_says_so() -> None:
    made: Embedder = await make_embedder(EmbeddingConfig())
    running = asyncio.gather(*(made.embed(["text"] * 8) for _ in range(3)), return_exceptions=True)
    await asyncio.sleep(0)
    await made.close()
    for answer in await running:
        assert isinstance(answer, EmbeddingError | np.ndarray)
    with pytest.raises(EmbeddingError, match="the embedder is closed"):
        await made.embed(["text"])


def test_importing_the_package_loads_no_model_library() -> None:
    program = (
        "import sys, semantic_router_proxy.embedding.factory; "
        "print([name for name in ('onnx', 'onnxruntime', 'torch', 'tokenizers', 'aiohttp') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
