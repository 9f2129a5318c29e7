"""A BERT sentence encoder as an ONNX graph, written from its weights without torch.

The operators are onnxruntime's fused ones (domain com.microsoft: EmbedLayerNormalization, Attention,
SkipLayerNormalization, BiasGelu), as its own transformer optimiser would produce them. The graph takes token ids and
an attention mask, both int32 of shape (batch, tokens), and gives float32 unit vectors of shape (batch, hidden).
"""

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from semantic_router_proxy.embedding.model_files import Architecture

Array = NDArray[np.float32]

_FUSED = "com.microsoft"
_OPSET = 17


class _Graph:
    """Nodes and weights, collected in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def add(
        self, operator: str, inputs: list[str], output: str, *, domain: str = "", **attributes: int | float | list[int]
    ) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output


def build_bert_graph(architecture: Architecture, tensor: Callable[[str], Array]) -> bytes:
    """Return the serialised graph. `tensor` gives a weight by its name in Hugging Face's BERT."""
    graph = _Graph()
    epsilon = architecture.layer_norm_epsilon
    hidden = _embeddings(graph, tensor, epsilon)
    for layer in range(architecture.layers):
        hidden = _encoder_layer(graph, tensor, f"encoder.layer.{layer}", hidden, architecture.heads, epsilon)
    _pool(graph, hidden, architecture)
    shape = ["batch", "tokens"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sentence_encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", architecture.hidden_size])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
        ir_version=8,
        producer_name="semantic-router",
    )
    return bytes(model.SerializeToString())


def _embeddings(graph: _Graph, tensor: Callable[[str], Array], epsilon: float) -> str:
    """Sum word, position and segment embeddings and normalise them; every token is in segment 0."""
    # A segment's embedding is constant here, so it is added to the positions' once instead of at every run.
    positions = tensor("embeddings.position_embeddings.weight") + tensor("embeddings.token_type_embeddings.weight")[0]
    graph.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [
                "input_ids",
                "",
                graph.weight("word_embeddings", tensor("embeddings.word_embeddings.weight")),
                graph.weight("position_embeddings", positions.astype(np.float32)),
                "",
                graph.weight("embeddings.gamma", tensor("embeddings.LayerNorm.weight")),
                graph.weight("embeddings.beta", tensor("embeddings.LayerNorm.bias")),
            ],
            ["embeddings", "embeddings.mask_index"],
            name="embeddings",
            domain=_FUSED,
            epsilon=epsilon,
        )
    )
    return "embeddings"


def _encoder_layer(
    graph: _Graph, tensor: Callable[[str], Array], name: str, hidden: str, heads: int, epsilon: float
) -> str:
    """Self-attention and feed-forward, each with its residual and normalisation (post-norm, as BERT has it)."""

    def parameter(part: str) -> Array:
        return tensor(f"{name}.{part}")

    projections = ("query", "key", "value")
    # Attention wants one matrix (hidden, 3 * hidden); torch's Linear keeps its matrices transposed.
    merged = np.concatenate([parameter(f"attention.self.{each}.weight").T for each in projections], axis=1)
    bias = np.concatenate([parameter(f"attention.self.{each}.bias") for each in projections])
    attention = graph.add(
        "Attention",
        [hidden, graph.weight(f"{name}.qkv.w", merged), graph.weight(f"{name}.qkv.b", bias), "attention_mask"],
        f"{name}.attention",
        domain=_FUSED,
        num_heads=heads,
    )
    attended = graph.add(
        "MatMul",
        [attention, graph.weight(f"{name}.projection.w", parameter("attention.output.dense.weight").T)],
        f"{name}.projection",
    )
    first = _residual(graph, parameter, f"{name}.residual1", attended, hidden, "attention.output", epsilon)
    inner = graph.add(
        "MatMul", [first, graph.weight(f"{name}.up.w", parameter("intermediate.dense.weight").T)], f"{name}.up"
    )
    activated = graph.add(
        "BiasGelu",
        [inner, graph.weight(f"{name}.up.b", parameter("intermediate.dense.bias"))],
        f"{name}.gelu",
        domain=_FUSED,
    )
    outer = graph.add(
        "MatMul", [activated, graph.weight(f"{name}.down.w", parameter("output.dense.weight").T)], f"{name}.down"
    )
    return _residual(graph, parameter, f"{name}.residual2", outer, first, "output", epsilon)


def _residual(
    graph: _Graph, parameter: Callable[[str], Array], name: str, value: str, skip: str, part: str, epsilon: float
) -> str:
    """LayerNorm(value + bias + skip)."""
    inputs = [
        value,
        skip,
        graph.weight(f"{name}.gamma", parameter(f"{part}.LayerNorm.weight")),
        graph.weight(f"{name}.beta", parameter(f"{part}.LayerNorm.bias")),
        graph.weight(f"{name}.bias", parameter(f"{part}.dense.bias")),
    ]
    return graph.add("SkipLayerNormalization", inputs, name, domain=_FUSED, epsilon=epsilon)


def _pool(graph: _Graph, hidden: str, architecture: Architecture) -> None:
    """One vector a text, of length 1.

    The mean over tokens and their sum point in the same direction, so the division is left to the normalisation.
    """
    if architecture.pooling == "cls":
        first = graph.weight("pool.first", np.array(0, dtype=np.int64))
        pooled = graph.add("Gather", [hidden, first], "pool.cls", axis=1)
    else:
        mask = graph.add("Cast", ["attention_mask"], "pool.mask", to=int(TensorProto.FLOAT))
        axis = graph.weight("pool.axis", np.array([1], dtype=np.int64))
        row = graph.add("Unsqueeze", [mask, axis], "pool.row")
        summed = graph.add("MatMul", [row, hidden], "pool.sum")
        pooled = graph.add("Squeeze", [summed, axis], "pool.mean")
    graph.add("LpNormalization", [pooled], "embedding", axis=1, p=2)
