"""The real sentence-transformers beside our graph: like vectors, and an embedder that keeps its promises.

Run by tests/sentence_transformers/run, in an environment that has torch.
"""

import numpy as np

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.factory import make_embedder
from semantic_router_proxy.embedding.model_files import find_model_files
from tests.sentence_transformers.texts import REFERENCE, read_texts


def _config(backend: str) -> EmbeddingConfig:
    return EmbeddingConfig.model_validate({"backend": backend, "path": str(find_model_files(None).folder)})


async def test_both_embedders_give_like_vectors() -> None:
    texts = read_texts()
    own, reference = [await make_embedder(_config(backend)) for backend in ("onnx", "sentence-transformers")]
    cosines = (await own.embed(texts) * await reference.embed(texts)).sum(axis=1)
    assert cosines.min() > 0.995
    assert np.median(cosines) > 0.999
    assert own.identity.dimension == reference.identity.dimension == 384
    for embedder in (own, reference):
        await embedder.close()


async def test_vectors_are_finite_and_of_length_one() -> None:
    embedder = await make_embedder(_config("sentence-transformers"))
    vectors = await embedder.embed(read_texts())
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (await embedder.embed([])).shape == (0, 384)
    await embedder.close()


async def test_the_kept_reference_is_what_it_makes_today() -> None:
    embedder = await make_embedder(_config("sentence-transformers"))
    kept = np.load(REFERENCE)["vectors"]
    assert (kept * await embedder.embed(read_texts())).sum(axis=1).min() > 0.9999
    await embedder.close()
