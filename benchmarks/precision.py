"""Speed and accuracy of the exported graph track.onnx in half precision and in int8.

    python benchmarks/precision.py

On ONNX Runtime's CPU provider, one thread. Search images are of a synthetic clip, cut out about the
true box as the tracker would; int8 is calibrated on those of another clip (static, per channel, the
convolutions alone). Times are medians of calls in turn, so that other work slows all alike; boxes
are compared with those of the graph in single precision.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.transformers.float16 import convert_float_to_float16

from siamfc.boxes import iou
from siamfc.geometry import crop, exemplar_side, mean_color
from siamfc.network import export_weights, load_checkpoint
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.system import commit, machine

FRAMES, ROUNDS = 40, 3
Feeds = dict[str, NDArray[np.generic]]


def main() -> None:
    """Print a row for each precision."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_weights(load_checkpoint("light"), folder)
        files = {"single": folder / "track.onnx"}
        exemplar_graph = open_graph(folder / "exemplar.onnx")
        files["half"] = folder / "half.onnx"
        half = convert_float_to_float16(onnx.load(files["single"]), keep_io_types=True)
        onnx.save(half, files["half"])
        files["int8"] = folder / "int8.onnx"
        quantization.quantize_static(
            files["single"],
            files["int8"],
            Reader(feeds_of(seed=1, exemplar_graph=exemplar_graph)),
            op_types_to_quantize=["Conv"],
            per_channel=True,
        )
        graphs = {precision: open_graph(file) for precision, file in files.items()}
        sizes = {precision: file.stat().st_size for precision, file in files.items()}
        seconds, boxes = run(graphs, feeds_of(seed=2, exemplar_graph=exemplar_graph))
    print(f"{machine()}, commit {commit()}\n")
    print("| precision | MB | calls/s | IoU with single: mean | lowest |")
    print("|---|---|---|---|---|")
    for precision, spent in seconds.items():
        overlaps = iou(boxes[precision], boxes["single"])
        print(
            f"| {precision} | {sizes[precision] / 1e6:.2f} | {1 / np.median(spent):.0f} "
            f"| {overlaps.mean():.4f} | {overlaps.min():.3f} |"
        )


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph for one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def feeds_of(seed: int, exemplar_graph: onnxruntime.InferenceSession) -> list[Feeds]:
    """Inputs of the graph for the frames of a clip after the first."""
    clip = ProceduralClip(ClipSettings(frames=FRAMES, seed=seed))
    fill = mean_color(clip[0])

    def square(index: int, at: NDArray[np.float64], size: int) -> tuple[NDArray[np.uint8], float]:
        side = float(exemplar_side(at[2:])) * size / 127
        return crop(clip[index], at[:2] + at[2:] / 2, side, size, fill)[None], size / side

    image, scale = square(0, clip.boxes[0], 127)
    sizes = np.float32(clip.boxes[:1, 2:] * scale)
    (exemplars,) = exemplar_graph.run(None, {"images": image, "sizes": sizes})
    feeds = []
    for index in range(1, FRAMES):
        image, scale = square(index, clip.boxes[index - 1], 255)
        sizes = np.float32(clip.boxes[index - 1 : index, 2:] * scale)
        feeds.append({"exemplars": exemplars, "images": image, "sizes": sizes})
    return feeds


class Reader(quantization.CalibrationDataReader):
    """Inputs, one after the other."""

    def __init__(self, feeds: list[Feeds]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feeds | None:
        """The next, or None."""
        return next(self._feeds, None)


def run(
    graphs: dict[str, onnxruntime.InferenceSession], feeds: list[Feeds]
) -> tuple[dict[str, list[float]], dict[str, NDArray[np.float64]]]:
    """Seconds of each call, and boxes (F, 4), by precision."""
    seconds: dict[str, list[float]] = {precision: [] for precision in graphs}
    boxes = {}
    for _ in range(ROUNDS):
        found: dict[str, list[NDArray[np.float32]]] = {precision: [] for precision in graphs}
        for each in feeds:
            for precision, graph in graphs.items():
                start = time.perf_counter()
                (box,) = graph.run(["boxes"], each)
                seconds[precision].append(time.perf_counter() - start)
                found[precision].append(box[0])
        boxes = {precision: np.array(rows, np.float64) for precision, rows in found.items()}
    return seconds, boxes


if __name__ == "__main__":
    main()
