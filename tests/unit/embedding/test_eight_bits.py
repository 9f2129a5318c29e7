"""Weights in 8 bits: rounded as closely as they can be, and never beyond what every processor adds exactly."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from semantic_router_proxy.embedding.eight_bits import add_product, round_weights
from semantic_router_proxy.embedding.graph_nodes import FUSED, GraphNodes


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_weights_are_within_half_a_step(seed: int, size: float) -> None:
    matrix = (np.random.default_rng(seed).standard_t(2, (24, 8)) * size).astype(np.float32)
    matrix[:, 3] = 0
    weights, scales = round_weights(matrix)
    assert weights.min() >= -127
    assert (np.abs(weights * scales - matrix) <= scales * 0.501).all()
    np.testing.assert_array_equal(weights[:, 3], 0)


@pytest.mark.parametrize("seed", range(3))
def test_products_keep_what_one_large_value_leaves_to_the_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(384, 16)).astype(np.float32)
    value = random.normal(size=(1, 3, 384)).astype(np.float32)
    value[0, :, 99] = 30
    value[0, 1] = 0
    weights, scales = round_weights(matrix)
    expected = value @ (weights * scales)
    np.testing.assert_allclose(_run(matrix, value), expected, atol=0.2)
    np.testing.assert_array_equal(_run(matrix, value)[0, 1], 0)


def test_the_largest_values_do_not_saturate() -> None:
    matrix, value = np.ones((1536, 4), dtype=np.float32), np.ones((1, 2, 1536), dtype=np.float32)
    value[0, 1] = -1
    np.testing.assert_allclose(_run(matrix, value)[0, :, 0], [1536, -1536], rtol=1e-4)


def _run(matrix: np.ndarray, value: np.ndarray) -> np.ndarray:
    graph = GraphNodes()
    add_product(graph, "product", "value", matrix)
    shapes = [("value", matrix.shape[0]), ("product", matrix.shape[1])]
    given_, wanted = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "tokens", n])] for name, n in shapes)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "product", given_, wanted, graph.weights),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)],
        ir_version=8,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(["product"], {"value": value})[0]
    return result
