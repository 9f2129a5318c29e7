"""A BERT sentence encoder as an ONNX graph, written from its weights without torch.

The matrices of the encoder are 8-bit (see `eight_bits`), which reads a quarter of the memory for a short question: the
time of one goes into reading weights. The other operators are onnxruntime's fused ones (domain com.microsoft). The
graph takes token ids and an attention mask, both int32 of shape (batch, tokens), and gives float32 unit vectors of
shape (batch, hidden).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from semantic_router_proxy.embedding.eight_bits import add_product
from semantic_router_proxy.embedding.graph_nodes import FUSED, GraphNodes
from semantic_router_proxy.embedding.model_files import Architecture

Array = NDArray[np.float32]

_OPSET = 17


def build_bert_graph(architecture: Architecture, tensor: Callable[[str], Array]) -> bytes:
    """Return the serialised graph. `tensor` gives a weight by its name in Hugging Face's BERT."""
    graph = GraphNodes()
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
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)],
        ir_version=8,
        producer_name="semantic-router",
    )
    return bytes(model.SerializeToString())


def _embeddings(graph: GraphNodes, tensor: Callable[[str], Array], epsilon: float) -> str:
    """Sum word, position and segment embeddings and normalise them; every token is in segment 0."""
    # A segment's embedding is constant here, so it is added to the positions' once instead of at every run.
    positions = tensor("embeddings.position_embeddings.weight") + tensor("embeddings.token_type_embeddings.weight")[0]
    return graph.add(
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
        "embeddings",
        "embeddings.mask_index",
        domain=FUSED,
        epsilon=epsilon,
    )


def _encoder_layer(
    graph: GraphNodes, tensor: Callable[[str], Array], name: str, hidden: str, heads: int, epsilon: float
) -> str:
    """Self-attention and feed-forward, each with its residual and normalisation (post-norm, as BERT has it)."""

    def parameter(part: str) -> Array:
        return tensor(f"{name}.{part}")

    def product(name: str, value: str, matrix: Array) -> str:
        # torch's Linear keeps its matrices transposed.
        return add_product(graph, name, value, matrix.T)

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    merged = product(f"{name}.qkv", hidden, np.concatenate([parameter(f"{part}.weight") for part in parts]))
    split = [f"{name}.{part}" for part in parts]
    graph.add("Split", [merged], *split, axis=2)
    bias = np.concatenate([parameter(f"{part}.bias") for part in parts])
    attention = graph.add(
        "MultiHeadAttention",
        [*split, graph.weight(f"{name}.qkv.b", bias), "attention_mask"],
        f"{name}.attention",
        domain=FUSED,
        num_heads=heads,
    )
    attended = product(f"{name}.projection", attention, parameter("attention.output.dense.weight"))
    first = _residual(graph, parameter, f"{name}.residual1", attended, hidden, "attention.output", epsilon)
    inner = product(f"{name}.up", first, parameter("intermediate.dense.weight"))
    inner_bias = graph.weight(f"{name}.up.b", parameter("intermediate.dense.bias"))
    activated = graph.add("BiasGelu", [inner, inner_bias], f"{name}.gelu", domain=FUSED)
    outer = product(f"{name}.down", activated, parameter("output.dense.weight"))
    return _residual(graph, parameter, f"{name}.residual2", outer, first, "output", epsilon)


def _residual(
    graph: GraphNodes, parameter: Callable[[str], Array], name: str, value: str, skip: str, part: str, epsilon: float
) -> str:
    """LayerNorm(value + bias + skip)."""
    inputs = [
        value,
        skip,
        graph.weight(f"{name}.gamma", parameter(f"{part}.LayerNorm.weight")),
        graph.weight(f"{name}.beta", parameter(f"{part}.LayerNorm.bias")),
        graph.weight(f"{name}.bias", parameter(f"{part}.dense.bias")),
    ]
    return graph.add("SkipLayerNormalization", inputs, name, domain=FUSED, epsilon=epsilon)


def _pool(graph: GraphNodes, hidden: str, architecture: Architecture) -> None:
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
