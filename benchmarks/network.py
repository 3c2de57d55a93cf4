"""Cost of the network: `python benchmarks/network.py` compares ways to run it on the CPU.

Needs the extra dev. The ways are timed in turn, in a new order each round, so that
whatever else the machine does falls on all of them; ratios are to the graph that is shipped.
`--device cuda` times torch on a GPU instead.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from siamfc.network import Checkpoint, Metadata, Normalisation
from siamfc.network.export import build_graphs
from siamfc.network.onnx_runtime import OnnxMatcher
from siamfc.network.siamfc.model import SiamFC, initialise
from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

Call = Callable[[], object]


def fresh_checkpoint() -> Checkpoint:
    """Time does not depend on the weights."""
    model = SiamFC()
    initialise(model, torch.Generator().manual_seed(0))
    normalisation = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    return Checkpoint(tensors=model.tensors(), metadata=Metadata(normalisation=normalisation))


class Variant:
    """A search graph taken apart, to put something else in."""

    def __init__(self, graph: bytes) -> None:
        self.model = onnx.load_from_string(graph)

    def node(self, output: str) -> Any:
        """The node that makes `output`."""
        return next(node for node in self.model.graph.node if node.output[0] == output)

    def take(self, constant: str) -> NDArray[Any]:
        """The value of a constant, which the graph loses."""
        tensors = self.model.graph.initializer
        found = next(item for item in tensors if item.name == constant)
        value = numpy_helper.to_array(found)
        tensors.remove(found)
        return value

    def put(self, constant: str, value: NDArray[Any]) -> str:
        """Add a constant; returns its name."""
        self.model.graph.initializer.append(numpy_helper.from_array(value, constant))
        return constant

    def replace(self, output: str, *nodes: Any) -> None:
        """Put nodes where the one that makes `output` was."""
        index = list(self.model.graph.node).index(self.node(output))
        del self.model.graph.node[index]
        for offset, node in enumerate(nodes):
            self.model.graph.node.insert(index + offset, node)

    def content(self) -> bytes:
        """Serialise."""
        return bytes(self.model.SerializeToString())


def cast_first(graph: bytes) -> bytes:
    """Floats are transposed, not bytes."""
    variant = Variant(graph)
    variant.replace("planes", helper.make_node("Cast", ["flat_images"], ["floats"], to=1))
    transpose = helper.make_node("Transpose", ["floats"], ["values"], perm=[0, 3, 1, 2])
    variant.replace("values", transpose)
    return variant.content()


def planes_given(graph: bytes) -> bytes:
    """Images come as float planes: what is saved is the cost of taking them as they are."""
    variant = Variant(graph)
    variant.replace("counts")
    variant.replace("flat_images")
    variant.replace("planes")
    variant.replace("values")
    images = variant.model.graph.input[1]
    shape: list[str | int | None] = ["NS", 3, 255, 255]
    images.CopyFrom(helper.make_tensor_value_info("values", onnx.TensorProto.FLOAT, shape))
    variant.put("counts", np.array([1, -1], np.int64))
    return variant.content()


def groups_split(graph: bytes) -> bytes:
    """Each group of a convolution becomes a convolution of its own."""
    variant = Variant(graph)
    for output in ("conv2", "conv4", "flat_embeddings"):
        node = variant.node(output)
        settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        del settings["group"]
        weights, biases = (np.split(variant.take(name), 2) for name in node.input[1:])
        parts = [f"{output}_part{index}" for index in range(2)]
        nodes = [helper.make_node("Split", [node.input[0]], [f"{p}_in" for p in parts], axis=1)]
        for part, weight, bias in zip(parts, weights, biases, strict=True):
            names = [f"{part}_in", f"{part}_weight", f"{part}_bias"]
            variant.put(names[1], weight)
            variant.put(names[2], bias)
            nodes.append(helper.make_node("Conv", names, [part], **settings))
        nodes.append(helper.make_node("Concat", parts, [output], axis=1))
        variant.replace(output, *nodes)
    return variant.content()


def pixels_folded(graph: bytes) -> bytes:
    """2×2 pixels become channels: conv1 with 6×6 on 12 channels, stride 1."""
    variant = Variant(graph)
    weight = np.pad(variant.take("conv1_weight"), ((0, 0), (0, 0), (0, 1), (0, 1)))
    blocks = weight.reshape(96, 3, 6, 2, 6, 2).transpose(0, 3, 5, 1, 2, 4)
    variant.put("conv1_weight", np.ascontiguousarray(blocks.reshape(96, 12, 6, 6)))
    inputs = list(variant.node("conv1").input)
    variant.replace("conv1", helper.make_node("Conv", inputs, ["conv1"], kernel_shape=[6, 6]))
    border = variant.put("border", np.array([0, 0, 0, 0, 0, 1, 1, 0]))
    pairs = variant.put("pairs", np.array([-1, 128, 2, 128, 2, 3]))
    folded = variant.put("folded", np.array([-1, 12, 128, 128]))
    variant.replace(
        "planes",
        helper.make_node("Pad", ["flat_images", border], ["even"]),
        helper.make_node("Reshape", ["even", pairs], ["blocks"]),
        helper.make_node("Transpose", ["blocks"], ["sorted"], perm=[0, 2, 4, 5, 1, 3]),
        helper.make_node("Reshape", ["sorted", folded], ["planes"]),
    )
    return variant.content()


def session(graph: bytes, threads: int, **settings: Any) -> onnxruntime.InferenceSession:
    """A session as `OnnxMatcher` opens it, but for `settings`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    if settings.pop("spinning", True) is False:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, value in settings.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def cpu_ways(scales: int, threads: int) -> dict[str, Call]:
    """The ways to compare one exemplar with `scales` search images; the first is what ships."""
    checkpoint, numbers = fresh_checkpoint(), np.random.default_rng(0)
    exemplar_graph, graph = build_graphs(checkpoint)
    matcher = OnnxMatcher(exemplar_graph, graph, threads=threads)
    eager = TorchSiamFCMatcher(checkpoint, threads=threads)
    exemplars = numbers.integers(0, 256, (1, 127, 127, 3), np.uint8)
    images = numbers.integers(0, 256, (1, scales, 255, 255, 3), np.uint8)
    embedding = matcher.embed_exemplar(exemplars)
    planes = np.ascontiguousarray(images[0].transpose(0, 3, 1, 2), np.float32)
    expected = matcher.respond(embedding, images)

    def run(graph: bytes, images_name: str = "images", **settings: Any) -> Call:
        opened = session(graph, threads, **settings)
        values = images if images_name == "images" else planes
        feeds = {"exemplars": embedding, images_name: values}
        found = opened.run(None, feeds)[0]
        assert np.abs(found - expected).max() < 1e-4 * np.ptp(expected), "not the same function"
        return partial(opened.run, None, feeds)

    def one_at_a_time() -> None:
        for index in range(scales):
            matcher.respond(embedding, images[:, index : index + 1])

    ways: dict[str, Call] = {
        "as shipped": partial(matcher.respond, embedding, images),
        "one scale at a time": one_at_a_time,
        "images as float planes": run(planes_given(graph), "values"),
        "cast, then transpose": run(cast_first(graph)),
        "conv1 on folded pixels": run(pixels_folded(graph)),
        "groups split": run(groups_split(graph)),
        "threads do not spin": run(graph, spinning=False),
        "no memory arena": run(graph, enable_cpu_mem_arena=False),
        "no memory pattern": run(graph, enable_mem_pattern=False),
        "torch, eager": partial(eager.respond, torch.tensor(embedding), images),
    }
    if scales == 1:
        del ways["one scale at a time"]
    return ways


def cuda_ways() -> dict[str, Call]:
    """Torch on the GPU, for some numbers of targets and scales."""
    matcher, numbers = (
        TorchSiamFCMatcher(fresh_checkpoint(), device="cuda"),
        np.random.default_rng(0),
    )
    ways: dict[str, Call] = {}
    for targets, scales in ((1, 1), (1, 3), (1, 5), (8, 3)):
        exemplars = numbers.integers(0, 256, (targets, 127, 127, 3), np.uint8)
        images = numbers.integers(0, 256, (targets, scales, 255, 255, 3), np.uint8)
        call = partial(matcher.respond, matcher.embed_exemplar(exemplars), images)
        ways[f"{targets} × {scales} search images"] = call
    return ways


def milliseconds(ways: dict[str, Call], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Times of each way, one a round, after two rounds that do not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 2):
        for name in random.sample(list(ways), len(ways)):
            start = time.perf_counter()
            ways[name]()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: np.array(values[2:]) for name, values in times.items()}


def lines(times: dict[str, NDArray[np.float64]]) -> Iterator[str]:
    """The table: fastest and median time; ratios of the fastest, and the rounds' median ratio."""
    first = next(iter(times.values()))
    yield f"{'':28}{'min ms':>9}{'median':>9}{'ratio of min':>14}{'median ratio':>14}"
    for name, values in times.items():
        ratios = values.min() / first.min(), np.median(values / first)
        numbers = f"{values.min():9.1f}{np.median(values):9.1f}"
        yield f"{name:28}{numbers}{ratios[0]:14.3f}{ratios[1]:14.3f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    random.seed(0)
    if arguments.device == "cuda":
        print(torch.cuda.get_device_name(), *lines(milliseconds(cuda_ways(), 200)), sep="\n")
        return
    for threads in arguments.threads:
        for scales in arguments.scales:
            times = milliseconds(cpu_ways(scales, threads), arguments.rounds)
            print(f"{scales} scale(s), {threads} thread(s)", *lines(times), "", sep="\n")


if __name__ == "__main__":
    main()
