"""Time of a frame by part: each operator of a network's search graph, the crop and the choice.

    python benchmarks/layers.py [--weights light|siamfc] [--rounds 300]

One thread. The floor of an operator is its multiply-adds over the rate at which a matrix product of
512 × 512 runs on the same core in the same minute; what is far above its floor can be improved,
what is near it cannot. Times come from ONNX Runtime's own profile: the tenth percentile, so that
other work on the machine counts little.
"""

# ruff: noqa: E402 - numpy must not be imported before its threads are limited

import argparse
import json
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from siamfc.network import load_checkpoint, load_matcher
from siamfc.network.architectures import LIGHT
from siamfc.network.export import build_graphs
from siamfc.network.light import architecture as light
from siamfc.network.siamfc import architecture as siamfc
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import Tracker

_SIDE = 512


def multiply_adds(shapes: Mapping[str, list[int]]) -> dict[str, float]:
    """Multiply-adds of the convolutions, by the beginnings of their nodes' names."""
    rows: list[Any] = [row for block in light.LIGHT.backbone for row in block.layers]
    rows += [light.LIGHT.join, *(row for branch in light.LIGHT.branches.values() for row in branch)]
    rows += siamfc.LAYERS
    counts = {}
    for row in rows:
        shape = next((s for name, s in shapes.items() if _is(name, row.name)), None)
        if shape is not None:
            channels = row.inputs // row.groups
            places = shape[0] * math.prod(shape[2:])
            counts[row.name] = row.outputs * places * channels * row.kernel**2
    return counts


def _is(node: str, row: str) -> bool:
    """Return True if a node, as ONNX Runtime renames it, is that of a row."""
    return node == row or node.removeprefix(row)[:5] in ("_nchw", ".relu", "_relu")


def open_session(graph: bytes, profile_prefix: str | None = None) -> Any:
    """Open a graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if profile_prefix is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile_prefix
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def profile(graph: bytes, feeds: Mapping[str, Any], rounds: int) -> tuple[dict[str, float], Any]:
    """Microseconds by node, and the shapes of their outputs."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(graph, str(Path(folder) / "profile"))
        for _ in range(rounds):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    times: defaultdict[str, list[float]] = defaultdict(list)
    shapes: dict[str, list[int]] = {}
    for event in events:
        name = event["name"]
        if event.get("cat") == "Node" and name.endswith("_kernel_time"):
            node = name.removesuffix("_kernel_time")
            times[node].append(event["dur"])
            shapes[node] = next(iter(event["args"]["output_type_shape"][0].values()))
    return {node: float(np.quantile(values, 0.1)) for node, values in times.items()}, shapes


def quickest(function: Callable[[], object], rounds: int) -> float:
    """Seconds of a call that nothing disturbed."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def product_rate() -> float:
    """Multiply-adds a second of a large matrix product in ONNX Runtime."""
    side = [_SIDE, _SIDE]
    left, right, product = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, side) for name in "abc"
    )
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    model = helper.make_model(
        helper.make_graph([node], "product", [left, right], [product]),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    session = open_session(model.SerializeToString())
    numbers = np.random.default_rng(0).random(side, dtype=np.float32)
    return _SIDE**3 / quickest(lambda: session.run(None, {"a": numbers, "b": numbers}), 200)


class _NoNetwork:
    """The network's answers of one frame, again and again, to time what is about it."""

    def __init__(self, matcher: Any) -> None:
        self._matcher, self._answer = matcher, None
        self.spec = matcher.spec
        self.embed_exemplar = matcher.embed_exemplar
        if hasattr(matcher, "locate"):
            self.calibration, self.exemplars = matcher.calibration, matcher.exemplars
            self.locate = self._answered(matcher.locate)
        else:
            self.respond = self._answered(matcher.respond)

    def _answered(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*inputs: Any) -> Any:
            if self._answer is None:
                self._answer = function(*inputs)
            return self._answer

        return answer


def around(weights: str, rounds: int) -> float:
    """Seconds that `Tracker.update` takes besides the network, in a frame of 1280×720 pixels."""
    clip = ProceduralClip(ClipSettings(frames=2, width=1280, height=720))
    first, second = clip
    tracker = Tracker(_NoNetwork(load_matcher(weights, device="cpu", threads=1)))
    tracker.init(first, clip.boxes[0])

    def update() -> None:
        tracker.init(first, clip.boxes[0])
        start = time.perf_counter()
        tracker.update(second)
        times.append(time.perf_counter() - start)

    times: list[float] = []
    for _ in range(rounds):
        update()
    return min(times)


def inputs(weights: str) -> tuple[bytes, dict[str, Any]]:
    """The search graph and something to search."""
    checkpoint = load_checkpoint(weights)
    matcher = load_matcher(weights, device="cpu", threads=1)
    random = np.random.default_rng(0)
    exemplars = random.integers(0, 256, (1, 127, 127, 3), np.uint8)
    if checkpoint.architecture is LIGHT:
        embeddings = matcher.embed_exemplar(exemplars, np.full((1, 2), 50.0))
        images = random.integers(0, 256, (1, 255, 255, 3), np.uint8)
    else:
        embeddings = matcher.embed_exemplar(exemplars)
        images = random.integers(0, 256, (1, 3, 255, 255, 3), np.uint8)
    return build_graphs(checkpoint)[1], {"exemplars": embeddings, "images": images}


def table(times: Mapping[str, float], counts: Mapping[str, float], rate: float) -> Iterator[str]:
    """Lines: microseconds, millions of multiply-adds, times the floor, name."""
    for node, microseconds in times.items():
        count = next((n for row, n in counts.items() if _is(node, row)), 0.0)
        floor = f"{microseconds / (1e6 * count / rate):6.2f}" if count else "     –"
        yield f"{microseconds:9.0f} {count / 1e6:8.2f} {floor}  {node}"


def main() -> None:
    """Print the table and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="light")
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    graph, feeds = inputs(options.weights)
    rate = product_rate()
    times, shapes = profile(graph, feeds, options.rounds)
    counts = multiply_adds(shapes)
    print("       µs  M mult. ×floor  operator")
    print("\n".join(table(times, counts, rate)))
    whole, floor = sum(times.values()) / 1e3, 1e3 * sum(counts.values()) / rate
    print(
        f"network {whole:.2f} ms; {sum(counts.values()) / 1e6:.0f} million multiply-adds at "
        f"{rate / 1e9:.0f} billion a second are {floor:.2f} ms: {floor / whole:.0%} of it\n"
        f"crop and choice {1e3 * around(options.weights, options.rounds):.2f} ms\n"
        f"{machine()['processor']}, commit {commit()}"
    )


if __name__ == "__main__":
    main()
