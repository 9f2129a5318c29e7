"""The graph is written once into a cache folder and verified whenever it is loaded."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from semantic_router_proxy.embedding.base import EmbeddingError
from semantic_router_proxy.embedding.bert_graph import Array, build_bert_graph
from semantic_router_proxy.embedding.model_files import (
    DESCRIPTION_FILES,
    Architecture,
    ModelFiles,
    find_model_files,
    installed_digest,
    read_architecture,
)

_FOLDER_VARIABLE = "SEMANTIC_ROUTER_MODEL_DIR"
# Counts with the model's digest in the folder's name: a graph made by older code is never taken for a new one.
_GRAPH_VERSION = 3
_GRAPH_FILE = "model.onnx"
# In the format of sha256sum, so that `sha256sum --check SHA256SUMS` verifies a folder as well.
_SUMS_FILE = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Graph:
    """A model that is ready to run: the serialised graph, the tokenizer's JSON, and where they came from."""

    content: bytes
    tokenizer: bytes
    architecture: Architecture
    digest: str
    folder: Path


def cache_folder() -> Path:
    """Return where graphs are kept: SEMANTIC_ROUTER_MODEL_DIR, else the user's cache folder."""
    configured = os.environ.get(_FOLDER_VARIABLE)
    if configured:
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "semantic-router" / "models"


def find_graph(path: str | None) -> Graph | None:
    """Return the model's graph from the cache folder, or None where it is missing or damaged. Raises EmbeddingError."""
    digest = find_model_files(path).digest if path else installed_digest()
    return _read(_graph_folder(digest), digest)


def load_graph(path: str | None) -> Graph:
    """Return the model's graph from the cache folder, or make it from the weights.

    An image may carry the cache folder without the weights. A cache folder that cannot be written costs a rebuild at
    every start and nothing else. Raises EmbeddingError.
    """
    found = find_graph(path)
    if found is not None:
        return found
    files = find_model_files(path)
    folder = _graph_folder(files.digest)
    try:
        with _locked(folder):
            # Whoever held the lock before may have made the graph meanwhile.
            found = _read(folder, files.digest)
            if found is not None:
                return found
            graph = _build(files)
            _write(folder, graph)
    except OSError:
        return _build(files)
    return Graph(graph.content, graph.tokenizer, graph.architecture, graph.digest, folder)


def _graph_folder(digest: str) -> Path:
    return cache_folder() / f"{digest[:16]}-{_GRAPH_VERSION}"


def _build(files: ModelFiles) -> Graph:
    architecture = read_architecture(files.folder)
    try:
        with safe_open(str(files.weights), framework="numpy") as tensors:
            names = set(tensors.keys())
            prefix = "bert." if "bert.embeddings.word_embeddings.weight" in names else ""

            def tensor(name: str) -> Array:
                if prefix + name not in names:
                    raise EmbeddingError(f"{files.weights} has no tensor {prefix + name}")
                values: Array = tensors.get_tensor(prefix + name).astype(np.float32)
                return values

            content = build_bert_graph(architecture, tensor)
    except SafetensorError as error:
        raise EmbeddingError(f"{files.weights} cannot be read: {error}") from None
    tokenizer = (files.folder / "tokenizer.json").read_bytes()
    return Graph(content, tokenizer, architecture, files.digest, files.folder)


def _read(folder: Path, digest: str) -> Graph | None:
    """Return the graph in the folder, or None where there is none or a file is not the one that was written."""
    try:
        listing = (folder / _SUMS_FILE).read_text(encoding="utf-8")
        sums = {name: value for value, name in (line.split("  ", 1) for line in listing.splitlines())}
        contents = {name: (folder / name).read_bytes() for name in sums}
        if any(_sha256(content) != sums[name] for name, content in contents.items()):
            return None
        return Graph(contents[_GRAPH_FILE], contents["tokenizer.json"], read_architecture(folder), digest, folder)
    except (OSError, ValueError, KeyError):
        return None


def _write(folder: Path, graph: Graph) -> None:
    """Put the graph and the files that describe it into place in one step, so that no reader sees a part of it."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        contents = {_GRAPH_FILE: graph.content}
        contents |= {
            name: (graph.folder / name).read_bytes() for name in DESCRIPTION_FILES if (graph.folder / name).is_file()
        }
        for name, content in contents.items():
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_bytes(content)
        listing = "".join(f"{_sha256(content)}  {name}\n" for name, content in contents.items())
        (temporary / _SUMS_FILE).write_text(listing, encoding="utf-8")
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time make this folder. Raises OSError where the cache folder cannot be written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
