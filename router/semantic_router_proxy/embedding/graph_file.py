"""The graph is written once into a cache folder and verified whenever it is loaded."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.bert_graph import Array, build_bert_graph
from semantic_router_proxy.embedding.model_files import find_model_files, installed_digest, read_architecture

_FOLDER_VARIABLE = "SEMANTIC_ROUTER_MODEL_DIR"
# Counts with the weights' digest in the folder's name: a graph made by older code is never taken for a new one.
_GRAPH_VERSION = 1
_DESCRIPTION_FILES = ("config.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json")


@dataclass(frozen=True, slots=True)
class Graph:
    """A model that is ready to run: the serialised graph, and the folder with its tokenizer and config."""

    content: bytes
    folder: Path
    digest: str


def cache_folder() -> Path:
    """Return where graphs are kept: SEMANTIC_ROUTER_MODEL_DIR, else the user's cache folder."""
    configured = os.environ.get(_FOLDER_VARIABLE)
    if configured:
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "semantic-router" / "models"


def load_graph(path: str | None) -> Graph:
    """Return the model's graph from the cache folder, or make it from the weights.

    An image may carry the cache folder without the weights. A cache folder that cannot be written costs a rebuild at
    every start and nothing else. Raises EmbeddingError.
    """
    if path is None:
        cached = _read(_graph_folder(installed_digest()), installed_digest())
        if cached is not None:
            return cached
    files = find_model_files(path)
    folder = _graph_folder(files.digest)
    cached = _read(folder, files.digest)
    if cached is not None:
        return cached
    content = _build(files.folder, files.weights)
    try:
        _write(folder, content, files.folder)
    except OSError:
        return Graph(content, files.folder, files.digest)
    return Graph(content, folder, files.digest)


def _graph_folder(digest: str) -> Path:
    return cache_folder() / f"{digest[:16]}-{_GRAPH_VERSION}"


def _build(folder: Path, weights: Path) -> bytes:
    architecture = read_architecture(folder)
    with safe_open(str(weights), framework="numpy") as tensors:
        names = set(tensors.keys())
        prefix = "bert." if "bert.embeddings.word_embeddings.weight" in names else ""

        def tensor(name: str) -> Array:
            if prefix + name not in names:
                raise EmbeddingError(f"{weights} has no tensor {prefix + name}")
            values: Array = tensors.get_tensor(prefix + name).astype(np.float32)
            return values

        return build_bert_graph(architecture, tensor)


def _read(folder: Path, digest: str) -> Graph | None:
    """Return the graph in the folder, or None where there is none or it is damaged."""
    try:
        content = (folder / "model.onnx").read_bytes()
        expected = (folder / "model.onnx.sha256").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return Graph(content, folder, digest) if hashlib.sha256(content).hexdigest() == expected else None


def _write(folder: Path, content: bytes, source: Path) -> None:
    """Put the graph and the files that describe it into place in one step, so that no reader sees a part of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (temporary / "model.onnx").write_bytes(content)
        (temporary / "model.onnx.sha256").write_text(hashlib.sha256(content).hexdigest(), encoding="ascii")
        for name in _DESCRIPTION_FILES:
            if (source / name).is_file():
                (temporary / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / name, temporary / name)
        temporary.chmod(0o755)
        try:
            temporary.rename(folder)
        except OSError:
            if _read(folder, "") is None:
                shutil.rmtree(folder)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
