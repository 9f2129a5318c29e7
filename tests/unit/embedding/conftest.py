"""A small BERT model, made here, whose vectors are computed a second time with numpy alone."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

Array = NDArray[np.float32]

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "what", "is", "a", "cache", "router", "model")
HIDDEN, INNER, LAYERS, HEADS, POSITIONS, EPSILON = 32, 64, 2, 4, 16, 1e-12


@dataclass(frozen=True)
class SmallModel:
    folder: Path
    weights: dict[str, Array]

    def set_pooling(self, **modes: bool) -> None:
        (self.folder / "1_Pooling").mkdir(exist_ok=True)
        (self.folder / "1_Pooling" / "config.json").write_text(
            json.dumps({f"pooling_mode_{name}": on for name, on in modes.items()})
        )

    def set_config(self, **changes: object) -> None:
        file = self.folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    def save_weights(self) -> None:
        save_file(self.weights, str(self.folder / "model.safetensors"))

    def rounded(self) -> "SmallModel":
        """The same model with each row of the encoder's matrices in whole steps of a 127th of its largest weight."""
        weights = dict(self.weights)
        for name, values in self.weights.items():
            if name.startswith("encoder.") and values.ndim == 2:
                step = np.maximum(np.abs(values).max(axis=1, keepdims=True) / 127, np.finfo(np.float32).tiny)
                weights[name] = (np.rint(values / step) * step).astype(np.float32)
        return SmallModel(self.folder, weights)

    def compute(self, words: Sequence[str], pooling: str) -> Array:
        """BERT as its paper has it (Devlin et al. 2019), one text at a time, without padding."""
        ids = [WORDS.index(word) for word in ("[CLS]", *words, "[SEP]")]
        value = self._norm(
            "embeddings",
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
            + self.weights["embeddings.token_type_embeddings.weight"][0],
        )
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}"
            query, key, content = (
                self._linear(f"{layer}.attention.self.{part}", value).reshape(len(ids), HEADS, -1).swapaxes(0, 1)
                for part in ("query", "key", "value")
            )
            scores = np.exp(query @ key.swapaxes(1, 2) / math.sqrt(HIDDEN // HEADS))
            attended = (scores / scores.sum(axis=2, keepdims=True)) @ content
            attended = attended.swapaxes(0, 1).reshape(len(ids), HIDDEN)
            value = self._norm(
                f"{layer}.attention.output", self._linear(f"{layer}.attention.output.dense", attended) + value
            )
            inner = self._linear(f"{layer}.intermediate.dense", value)
            inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
            value = self._norm(f"{layer}.output", self._linear(f"{layer}.output.dense", inner) + value)
        pooled = value[0] if pooling == "cls" else value.mean(axis=0)
        result: Array = pooled / np.linalg.norm(pooled)
        return result

    def _linear(self, name: str, value: Array) -> Array:
        return value @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, name: str, value: Array) -> Array:
        centred = value - value.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
        result: Array = (
            scaled * self.weights[f"{name}.LayerNorm.weight"] + self.weights[f"{name}.LayerNorm.bias"]
        ).astype(np.float32)
        return result


@pytest.fixture
def model_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's own."""
    folder = tmp_path / "models"
    monkeypatch.setenv("SEMANTIC_ROUTER_MODEL_DIR", str(folder))
    return folder


@pytest.fixture
def small_model(tmp_path: Path, model_cache: Path) -> SmallModel:
    folder = tmp_path / "small-model"
    folder.mkdir()
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "layer_norm_eps": EPSILON,
        "max_position_embeddings": POSITIONS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    _make_tokenizer().save(str(folder / "tokenizer.json"))
    model = SmallModel(folder, _make_weights())
    model.save_weights()
    return model


def _make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _make_weights() -> dict[str, Array]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
    }
    norms = ["embeddings"]
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        sizes = {f"attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (HIDDEN, HIDDEN), "intermediate.dense": (INNER, HIDDEN)}
        sizes |= {"output.dense": (HIDDEN, INNER)}
        for part, shape in sizes.items():
            shapes[f"{layer}.{part}.weight"] = shape
            shapes[f"{layer}.{part}.bias"] = shape[:1]
        norms += [f"{layer}.attention.output", f"{layer}.output"]
    for name in norms:
        shapes[f"{name}.LayerNorm.weight"] = shapes[f"{name}.LayerNorm.bias"] = (HIDDEN,)
    random = np.random.default_rng(7)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
