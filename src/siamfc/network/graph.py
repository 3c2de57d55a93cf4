"""Writes ONNX graphs node by node, without torch: the network is small enough for that."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import MissingDependencyError
from siamfc.network.architecture import LAYERS, POOL_SIZE, POOL_STRIDE
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.folding import Kernel, fold_normalisation, fold_norms
from siamfc.network.metadata import KEY
from siamfc.network.signatures import Signature, Value

OPSET, IR_VERSION = 17, 8
"""Of 2022: every runtime of today reads them, browsers' included."""


class GraphBuilder:
    """An ONNX graph of one checkpoint; a node bears the name of its output.

    MissingDependencyError where onnx is not installed.
    """

    def __init__(self, checkpoint: Checkpoint, signature: Signature) -> None:
        try:
            import onnx.helper
            import onnx.numpy_helper
        except ImportError:
            raise MissingDependencyError(
                "writing ONNX graphs needs the package onnx: pip install 'siamfc[export]'"
            ) from None
        self._onnx = onnx
        self._metadata = checkpoint.metadata
        self._kernels = fold_norms(checkpoint.tensors)
        first = LAYERS[0].name
        self._kernels[first] = fold_normalisation(
            self._kernels[first], checkpoint.metadata.normalisation
        )
        self._inputs = [self._value(*item) for item in signature.inputs.items()]
        self._outputs = [self._value(*item) for item in signature.outputs.items()]
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node; returns `output`, as the other methods do."""
        node = self._onnx.helper.make_node(kind, inputs, [output], name=output, **attributes)
        self._nodes.append(node)
        return output

    def add_reshape(self, source: str, output: str, shape: list[int]) -> str:
        """Give `source` a shape in which 0 keeps a side and −1 is what remains."""
        return self.add("Reshape", [source, self._constant(f"{output}_shape", shape)], output)

    def add_reshape_like(self, source: str, output: str, counts: str, rest: list[int]) -> str:
        """Give `source` the shape of which the tensor `counts` holds the beginning."""
        rest_name = self._constant(f"{output}_rest", rest)
        shape = self.add("Concat", [counts, rest_name], f"{output}_shape", axis=0)
        return self.add("Reshape", [source, shape], output)

    def add_convolution(self, source: str, output: str, kernel: Kernel, **attributes: Any) -> str:
        """Convolve without padding; the kernel is rounded to float32 here."""
        weight = self._constant(f"{output}_weight", kernel.weight.astype(np.float32))
        bias = self._constant(f"{output}_bias", kernel.bias.astype(np.float32))
        size = kernel.weight.shape[2:]
        return self.add("Conv", [source, weight, bias], output, kernel_shape=size, **attributes)

    def add_backbone(self, images: str, output: str) -> str:
        """Images (N, H, W, 3) uint8 → embeddings (N, 256, h, w)."""
        planes = self.add("Transpose", [images], "planes", perm=[0, 3, 1, 2])
        features = self.add("Cast", [planes], "values", to=self._onnx.TensorProto.FLOAT)
        for layer in LAYERS:
            features = self.add_convolution(
                features,
                output if layer is LAYERS[-1] else layer.name,
                self._kernels[layer.name],
                group=layer.groups,
                strides=[layer.stride] * 2,
            )
            if layer.norm is not None:
                features = self.add("Relu", [features], f"{layer.name}_relu")
            if layer.pooled:
                sides = {"kernel_shape": [POOL_SIZE] * 2, "strides": [POOL_STRIDE] * 2}
                features = self.add("MaxPool", [features], f"{layer.name}_pool", **sides)
        return features

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

    def _constant(self, name: str, value: NDArray[np.float32] | list[int]) -> str:
        """Numbers as float32, sizes as int64."""
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(value), name))
        return name
