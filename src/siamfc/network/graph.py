"""Writes ONNX graphs node by node, without torch: the networks are small enough for that."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import MissingDependencyError
from siamfc.network.folding import Kernel
from siamfc.network.metadata import KEY, Metadata
from siamfc.network.signatures import Signature, Value

OPSET, IR_VERSION = 17, 8
"""Of 2022: every runtime of today reads them, browsers' included."""


class GraphBuilder:
    """An ONNX graph of some weights; a node bears the name of its output.

    MissingDependencyError where onnx is not installed.
    """

    def __init__(self, metadata: Metadata, signature: Signature) -> None:
        try:
            import onnx.helper
            import onnx.numpy_helper
        except ImportError:
            raise MissingDependencyError(
                "writing ONNX graphs needs the package onnx: pip install 'siamfc[export]'"
            ) from None
        self._onnx = onnx
        self._metadata = metadata
        self._inputs = [self._value(*item) for item in signature.inputs.items()]
        self._outputs = [self._value(*item) for item in signature.outputs.items()]
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node; returns `output`, as the other methods do."""
        node = self._onnx.helper.make_node(kind, inputs, [output], name=output, **attributes)
        self._nodes.append(node)
        return output

    def add_split(self, source: str, outputs: list[str], sizes: str, axis: int) -> None:
        """Cut `source` into parts, whose sizes the constant `sizes` holds."""
        name = f"{source}_split"
        node = self._onnx.helper.make_node("Split", [source, sizes], outputs, name=name, axis=axis)
        self._nodes.append(node)

    def add_float(self, source: str) -> str:
        """Turn numbers of any type into float32."""
        to = self._onnx.TensorProto.FLOAT
        return self.add("Cast", [source], f"{source}_values", to=to)

    def add_reshape(self, source: str, output: str, shape: list[int]) -> str:
        """Give `source` a shape in which 0 keeps a side and −1 is what remains."""
        return self.add("Reshape", [source, self.constant(f"{output}_shape", shape)], output)

    def add_reshape_like(self, source: str, output: str, counts: str, rest: list[int]) -> str:
        """Give `source` the shape of which the tensor `counts` holds the beginning."""
        rest_name = self.constant(f"{output}_rest", rest)
        shape = self.add("Concat", [counts, rest_name], f"{output}_shape", axis=0)
        return self.add("Reshape", [source, shape], output)

    def add_convolution(self, source: str, output: str, kernel: Kernel, **attributes: Any) -> str:
        """Convolve, without padding unless told; the kernel is rounded to float32 here."""
        weight = self.constant(f"{output}_weight", kernel.weight.astype(np.float32))
        bias = self.constant(f"{output}_bias", kernel.bias.astype(np.float32))
        size = kernel.weight.shape[2:]
        return self.add("Conv", [source, weight, bias], output, kernel_shape=size, **attributes)

    def add_planes(self, images: str) -> str:
        """Images (N, H, W, 3) uint8 → their values (N, 3, H, W) float32."""
        return self.add_float(self.add("Transpose", [images], "planes", perm=[0, 3, 1, 2]))

    def serialise(self, name: str) -> bytes:
        """Check the graph and write it, with the checkpoint's metadata; always the same bytes."""
        helper = self._onnx.helper
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, producer_name="siamfc", ir_version=IR_VERSION, opset_imports=opsets
        )
        helper.set_model_props(model, {KEY: self._metadata.to_json()})
        self._onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _value(self, name: str, value: Value) -> Any:
        element = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype))
        return self._onnx.helper.make_tensor_value_info(name, element, value.shape)

    def constant(self, name: str, value: NDArray[np.float32] | list[int]) -> str:
        """Add a tensor that never changes: numbers as float32, sizes as int64; returns `name`."""
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(value), name))
        return name
