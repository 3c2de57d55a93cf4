"""Writer of ONNX graphs, node by node, without torch or onnx: the networks are small enough.

The field numbers are those of ONNX's `onnx.proto`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc.network.folding import Kernel
from siamfc.network.metadata import KEY, Metadata
from siamfc.network.protobuf import content, integer, integers
from siamfc.network.signatures import Signature, Value

OPSET, IR_VERSION = 17, 8
"""Versions from 2022, which every current runtime reads, including those in browsers."""
FLOAT, UINT8, INT64 = 1, 2, 7
"""ONNX's numbers for element types."""
_ELEMENTS = {"float32": FLOAT, "uint8": UINT8, "int64": INT64}
_ATTRIBUTE_INTEGER, _ATTRIBUTE_INTEGERS = 2, 7


class GraphBuilder:
    """An ONNX graph under construction; each node is named after its output."""

    def __init__(self, metadata: Metadata, signature: Signature) -> None:
        self._metadata, self._signature = metadata, signature
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._numbers: set[str] = set()

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node and return `output`; the other methods return their output too."""
        self._nodes.append(_node(kind, inputs, [output], output, attributes))
        return output

    def add_split(self, source: str, outputs: list[str], sizes: str, axis: int) -> None:
        """Split `source` into parts whose sizes are in the constant `sizes`."""
        name = f"{source}_split"
        self._nodes.append(_node("Split", [source, sizes], outputs, name, {"axis": axis}))

    def add_float(self, source: str) -> str:
        """Convert numbers of any type to float32."""
        return self.add("Cast", [source], f"{source}_values", to=FLOAT)

    def add_reshape(self, source: str, output: str, shape: list[int]) -> str:
        """Reshape `source`; 0 keeps a dimension and −1 is inferred."""
        return self.add("Reshape", [source, self.constant(f"{output}_shape", shape)], output)

    def add_reshape_like(self, source: str, output: str, counts: str, rest: list[int]) -> str:
        """Reshape `source` to the dimensions in the tensor `counts`, followed by `rest`."""
        rest_name = self.constant(f"{output}_rest", rest)
        shape = self.add("Concat", [counts, rest_name], f"{output}_shape", axis=0)
        return self.add("Reshape", [source, shape], output)

    def add_convolution(self, source: str, output: str, kernel: Kernel, **attributes: Any) -> str:
        """Add a convolution, by default without padding; the kernel is rounded to float32 here."""
        weight = self.constant(f"{output}_weight", kernel.weight.astype(np.float32))
        bias = self.constant(f"{output}_bias", kernel.bias.astype(np.float32))
        size = kernel.weight.shape[2:]
        return self.add("Conv", [source, weight, bias], output, kernel_shape=size, **attributes)

    def add_planes(self, images: str) -> str:
        """Convert images (N, H, W, 3) uint8 to channel planes (N, 3, H, W) float32."""
        return self.add_float(self.add("Transpose", [images], "planes", perm=[0, 3, 1, 2]))

    def constant(self, name: str, value: NDArray[np.float32] | list[int]) -> str:
        """Add a constant tensor, numbers as float32 and sizes as int64; return `name`."""
        array = np.asarray(value, order="C")
        element = _ELEMENTS[array.dtype.name]
        self._constants.append(
            content(
                5,
                integers(1, array.shape),
                integer(2, element),
                content(8, name),
                content(9, array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()),
            )
        )
        return name

    def number(self, value: float) -> str:
        """Return the name of a float32 constant with this value, added on its first use."""
        name = f"number_{value:.9g}"
        if name not in self._numbers:
            self._numbers.add(name)
            self.constant(name, np.asarray(value, dtype=np.float32))
        return name

    def serialise(self, name: str) -> bytes:
        """Serialise the graph with the checkpoint's metadata; the bytes are deterministic."""
        inputs = [_value(11, *item) for item in self._signature.inputs.items()]
        outputs = [_value(12, *item) for item in self._signature.outputs.items()]
        return b"".join(
            (
                integer(1, IR_VERSION),
                content(2, "siamfc"),
                content(7, *self._nodes, content(2, name), *self._constants, *inputs, *outputs),
                content(8, content(1, ""), integer(2, OPSET)),
                content(14, content(1, KEY), content(2, self._metadata.to_json())),
            )
        )


def _node(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], name: str, attributes: dict[str, Any]
) -> bytes:
    return content(
        1,
        *(content(1, item) for item in inputs),
        *(content(2, item) for item in outputs),
        content(3, name),
        content(4, kind),
        *(_attribute(*item) for item in sorted(attributes.items())),
    )


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return content(5, content(1, name), integer(3, value), integer(20, _ATTRIBUTE_INTEGER))
    return content(5, content(1, name), integers(8, value), integer(20, _ATTRIBUTE_INTEGERS))


def _value(number: int, name: str, value: Value) -> bytes:
    """Encode an input or output of the graph."""
    sides = [
        content(1, integer(1, side) if isinstance(side, int) else content(2, side))
        for side in value.shape
    ]
    tensor = content(1, integer(1, _ELEMENTS[value.dtype]), content(2, *sides))
    return content(number, content(1, name), content(2, tensor))
