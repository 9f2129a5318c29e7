"""Products with 8-bit weights, in operators that give the same integers on every processor.

A weight matrix is kept as int8 with one scale for each output (its largest weight over 127). Each row of what it is
multiplied with is divided by its largest magnitude and written as two digits in base 126, of which either lies within
-63 and 63, so 13 bits in all. One digit would not do: in BERT a single dimension of some tokens is twenty times the
others, which then share what is left of eight bits (measured: cosines of 0.997 to float32 on average instead of
0.9996, which is what the weights' rounding costs alone).

Digits of seven bits and no more, since processors with AVX2 and without VNNI add two products of unsigned and signed
bytes in 16 bits, saturating: 2 * 127 * 127 fits, 2 * 255 * 127 does not.
"""

import numpy as np
from numpy.typing import NDArray

from semantic_router_proxy.embedding.graph_nodes import FUSED, GraphNodes

# Part of an embedder's identity: vectors of other weights are kept apart. A change of the rounding needs another one.
PRECISION = "int8"
_DIGIT = 63
_BASE = 2 * _DIGIT


def round_weights(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix of shape (inputs, outputs) as int8 of that shape and scales, float32 of shape (outputs,).

    Their product is within half a scale of the matrix.
    """
    largest = np.abs(matrix).max(axis=0)
    scales = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
    return np.rint(matrix / scales).astype(np.int8), scales


def add_product(graph: GraphNodes, name: str, value: str, matrix: NDArray[np.float32]) -> str:
    """Add `value` (float32, shape (batch, tokens, inputs)) times `matrix` (shape (inputs, outputs)).

    A row of zeros gives zeros: its digits are undefined then, but integers, and are multiplied by its magnitude.
    """
    weights, scales = round_weights(matrix)
    bytes_, scale = graph.weight(f"{name}.w", weights), graph.weight(f"{name}.scale", scales)
    zero = graph.weight("digit.zero", np.array(_DIGIT + 1, dtype=np.uint8))
    high_unit = graph.weight("digit.high", np.array(1 / _DIGIT, dtype=np.float32))
    low_unit = graph.weight("digit.low", np.array(1 / _DIGIT / _BASE, dtype=np.float32))

    def times_weights(digit: str, unit: str) -> str:
        inputs = [digit, bytes_, unit, scale, zero]
        return graph.add("MatMulIntegerToFloat", inputs, f"{digit}.product", domain=FUSED)

    magnitude = graph.add("ReduceMax", [graph.add("Abs", [value], f"{name}.abs")], f"{name}.max", axes=[-1])
    share = graph.add("Div", [value, magnitude], f"{name}.share")
    high = graph.add("QuantizeLinear", [share, high_unit, zero], f"{name}.high")
    rest = graph.add(
        "Sub", [share, graph.add("DequantizeLinear", [high, high_unit, zero], f"{name}.known")], f"{name}.rest"
    )
    low = graph.add("QuantizeLinear", [rest, low_unit, zero], f"{name}.low")
    both = graph.add("Add", [times_weights(high, high_unit), times_weights(low, low_unit)], f"{name}.sum")
    return graph.add("Mul", [both, magnitude], name)
