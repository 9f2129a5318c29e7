"""The graph computes what BERT is defined to compute, whatever the model's sizes and pooling."""

import numpy as np
import pytest
from tests.unit.embedding.conftest import LAYERS, POSITIONS, SmallModel

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.onnx import OnnxEmbedder

TEXTS = ["what is a cache", "router", "a router model is a cache what what"]
# What is multiplied with 8-bit weights has 13 bits.
_DIGITS = 2e-3


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_an_independent_computation(small_model: SmallModel, pooling: str) -> None:
    small_model.set_pooling(cls_token=pooling == "cls", mean_tokens=pooling == "mean")
    embedder = OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))
    rounded = small_model.rounded()
    expected = np.stack([rounded.compute(text.split(), pooling) for text in TEXTS])
    np.testing.assert_allclose(embedder.embed_now(TEXTS), expected, atol=_DIGITS)


def test_rows_of_zeros_stay_zeros(small_model: SmallModel) -> None:
    for layer in range(LAYERS):
        for part in ("value.weight", "value.bias"):
            small_model.weights[f"encoder.layer.{layer}.attention.self.{part}"][:] = 0
    small_model.save_weights()
    embedder = OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))
    expected = np.stack([small_model.rounded().compute(text.split(), "mean") for text in TEXTS])
    np.testing.assert_allclose(embedder.embed_now(TEXTS), expected, atol=_DIGITS)


def test_weights_may_carry_the_prefix_of_a_whole_bert_model(small_model: SmallModel) -> None:
    expected = OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder))).embed_now(TEXTS)
    prefixed = {f"bert.{name}": value for name, value in small_model.weights.items()}
    small_model.weights.clear()
    small_model.weights.update(prefixed)
    small_model.save_weights()
    found = OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder))).embed_now(TEXTS)
    np.testing.assert_array_equal(found, expected)


def test_a_long_text_is_cut_where_the_positions_end(small_model: SmallModel) -> None:
    embedder = OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))
    words = ["what", "is", "cache", "model"] * POSITIONS
    expected = small_model.rounded().compute(words[: POSITIONS - 2], "mean")
    np.testing.assert_allclose(embedder.embed_now([" ".join(words)])[0], expected, atol=_DIGITS)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"model_type": "mpnet"}, "this is mpnet with gelu"), ({"hidden_act": "relu"}, "this is bert with relu")],
)
def test_another_architecture_is_refused(small_model: SmallModel, change: dict[str, str], message: str) -> None:
    small_model.set_config(**change)
    with pytest.raises(EmbeddingError, match=message):
        OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))


@pytest.mark.parametrize("modes", [{"max_tokens": True}, {"mean_tokens": True, "cls_token": True}])
def test_another_pooling_is_refused(small_model: SmallModel, modes: dict[str, bool]) -> None:
    small_model.set_pooling(**modes)
    with pytest.raises(EmbeddingError, match="use backend sentence-transformers"):
        OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))


def test_missing_weights_are_named(small_model: SmallModel) -> None:
    del small_model.weights["encoder.layer.1.output.dense.bias"]
    small_model.save_weights()
    with pytest.raises(EmbeddingError, match=r"has no tensor encoder\.layer\.1\.output\.dense\.bias"):
        OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))


def test_weights_that_are_no_safetensors_are_named(small_model: SmallModel) -> None:
    (small_model.folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(EmbeddingError, match=r"model\.safetensors cannot be read"):
        OnnxEmbedder(EmbeddingConfig(path=str(small_model.folder)))
