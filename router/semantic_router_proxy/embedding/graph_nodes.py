"""Nodes and weights of an ONNX graph, collected in order."""

import onnx
from numpy import asarray, generic
from numpy.typing import NDArray
from onnx import helper, numpy_helper

# The domain of onnxruntime's own operators.
FUSED = "com.microsoft"


class GraphNodes:
    """What a graph is made of; a node bears the name of its first output, a weight its own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._known: set[str] = set()

    def weight(self, name: str, values: NDArray[generic]) -> str:
        """Add a weight once; nodes that need the same constant name it alike."""
        if name not in self._known:
            self._known.add(name)
            self.weights.append(numpy_helper.from_array(asarray(values, order="C"), name))
        return name

    def add(
        self,
        operator: str,
        inputs: list[str],
        *outputs: str,
        domain: str = "",
        **attributes: int | float | list[int],
    ) -> str:
        """Add a node and return its first output."""
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **attributes))
        return outputs[0]
