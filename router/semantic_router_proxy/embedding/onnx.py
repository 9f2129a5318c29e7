"""The default embedder: a BERT encoder on onnxruntime, inside the router's process."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from semantic_router_proxy.config.embedding import EmbeddingConfig
from semantic_router_proxy.embedding.base import EmbedderIdentity, EmbeddingError, Vectors
from semantic_router_proxy.embedding.batches import Batches
from semantic_router_proxy.embedding.eight_bits import PRECISION
from semantic_router_proxy.embedding.graph_file import Graph, load_graph

# Texts of one run: more would only make the others wait, since one run already uses the thread fully.
_BATCH = 16


class OnnxEmbedder:
    """Runs in one thread of its own, so that the event loop goes on while the processor works."""

    def __init__(self, config: EmbeddingConfig) -> None:
        graph = load_graph(config.path)
        self._session = _start_session(graph, config.threads)
        self._tokenizer = _make_tokenizer(graph)
        dimension = graph.architecture.hidden_size
        revision = f"{config.revision or graph.digest[:12]}-{PRECISION}"
        self._identity = EmbedderIdentity(config.model, revision, dimension)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        self._batches = Batches(self.embed_now, self._thread)

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, float32 of shape (len(texts), dimension). Raises EmbeddingError."""
        if not texts:
            return np.empty((0, self._identity.dimension), dtype=np.float32)
        return await self._batches.run(tuple(texts))

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """Do the same in the calling thread."""
        # Texts of like length share a run, so that padding costs little.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        result = np.empty((len(texts), self._identity.dimension), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            numbers = order[start : start + _BATCH]
            result[numbers] = self._infer([_encodable(texts[number]) for number in numbers])
        if not np.isfinite(result).all():
            raise EmbeddingError("the embedding model gave a vector that is not finite")
        return result

    def _infer(self, texts: list[str]) -> Vectors:
        encodings = self._tokenizer.encode_batch(texts)
        inputs = {
            "input_ids": np.array([each.ids for each in encodings], dtype=np.int32),
            "attention_mask": np.array([each.attention_mask for each in encodings], dtype=np.int32),
        }
        vectors: Vectors = self._session.run(["embedding"], inputs)[0]
        return vectors

    async def close(self) -> None:
        self._batches.close()
        self._thread.shutdown(wait=False)


def _start_session(graph: Graph, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would take a core from the server between two questions.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph.content, options, providers=["CPUExecutionProvider"])
    # It keeps the file's content (90 MB) to start itself anew with other providers, which is not wanted here.
    session._model_bytes = None
    return session


def _make_tokenizer(graph: Graph) -> Tokenizer:
    tokenizer: Tokenizer = Tokenizer.from_str(graph.tokenizer.decode("utf-8"))
    tokenizer.enable_truncation(max_length=graph.architecture.max_tokens)
    tokenizer.enable_padding()
    return tokenizer


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
