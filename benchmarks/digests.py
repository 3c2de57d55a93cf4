"""Digests of what must not change when code is only rearranged.

    python benchmarks/digests.py FOLDER [--frames 40] > after.txt
    PYTHONPATH=OTHER_CHECKOUT/src python benchmarks/digests.py FOLDER [--frames 40] > before.txt

FOLDER holds sequences in OTB layout. SHA-256 of the bytes of: every box of either network on each
sequence (SiamFC on its first frames alone), the digests of the weights, the outputs of the
exported graphs, a file of results, and the weights of a tiny training on the CPU. Equal lines are
equal bits; another processor or thread count may give others.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

import siamfc


def digest(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of arrays' bytes and shapes, its first 16 digits."""
    value = hashlib.sha256()
    for array in arrays:
        value.update(str((array.dtype, array.shape)).encode())
        value.update(np.ascontiguousarray(array).tobytes())
    return value.hexdigest()[:16]


def boxes_of(weights: str, folder: Path, frames: int | None) -> np.ndarray:
    """Boxes of a tracker on a sequence from its first ground truth box, (F, 4)."""
    line = (folder / "groundtruth_rect.txt").read_text().splitlines()[0]
    x, y, w, h = (float(part) for part in line.replace(",", " ").split())
    tracker = siamfc.Tracker.from_pretrained(weights, device="cpu")
    images = sorted((folder / "img").iterdir())[:frames]
    tracker.init(siamfc.read_image(images[0]), (x - 1, y - 1, w, h))
    return np.stack([tracker.update(siamfc.read_image(image)) for image in images[1:]])


def run_siamfc(*arguments: str) -> None:
    """Run the command line; its complaint is ours."""
    done = subprocess.run(
        [sys.executable, "-m", "siamfc", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"siamfc {' '.join(arguments)}: {done.stderr}")


def graph_outputs(folder: Path) -> list[np.ndarray]:
    """Outputs of exported graphs for fixed random inputs of their own shapes."""
    values: dict[str, np.ndarray] = {}
    outputs = []
    for name in ("exemplar", "search"):
        session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"))
        numbers = np.random.default_rng(0)
        feed = {}
        for one in session.get_inputs():
            shape = [size if isinstance(size, int) else 1 for size in one.shape]
            drawn = numbers.integers(0, 255, shape)
            kind = np.uint8 if "uint8" in one.type else np.float32
            feed[one.name] = values.get(one.name, drawn.astype(kind))
        found = session.run(None, feed)
        outputs += found
        for one, value in zip(session.get_outputs(), found, strict=True):
            values[one.name] = value
        if name == "exemplar" and len(found) == 1:
            values |= {"exemplars": found[0], "exemplar": found[0]}
    return outputs


def main() -> None:
    """Print a line for each thing that is digested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="sequences in OTB layout")
    parser.add_argument("--frames", type=int, default=40, help="of a sequence, for SiamFC")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/groundtruth_rect.txt"))
    for weights, frames in (("light", None), ("siamfc", options.frames)):
        for folder in folders:
            print(f"boxes {weights} {folder.name} {digest([boxes_of(weights, folder, frames)])}")
    with tempfile.TemporaryDirectory() as place:
        for weights in ("light", "siamfc"):
            out = Path(place, weights)
            run_siamfc("export", "--weights", weights, "--out", str(out))
            tensors = load_file(out / "model.safetensors")
            print(f"weights {weights} {digest(tensors[name] for name in sorted(tensors))}")
            print(f"graphs {weights} {digest(graph_outputs(out))}")
        box, table = ("10,10,40,40", f"{place}/boxes.csv")
        run_siamfc("track", str(folders[0] / "img"), "--box", box, "--results", table)
        rows = [line.split(",")[:8] for line in Path(table).read_text().splitlines()]
        print(f"results {digest([np.array(rows)])}")
        run_siamfc("train", "tiny", "--out", f"{place}/run", "--device", "cpu", "--set", "epochs=1")
        weights_file = max(Path(place, "run").rglob("*.safetensors"), key=lambda path: path.name)
        tensors = load_file(weights_file)
        print(f"training {digest(tensors[name] for name in sorted(tensors))}")


if __name__ == "__main__":
    main()
