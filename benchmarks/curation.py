"""Cost of curation and of reading its crops: `python benchmarks/curation.py --workers 2`.

Makes a data set in the layout of ILSVRC2015 VID (1280×720 JPEG, several tracks a video), curates
it, and reads pairs at random. Beside curation stand two floors, Pillow alone in as many
processes: `decode, encode` decodes each source image and encodes as many images of the crop's
size; `decode, resize, encode` also resizes each crop from its part of the frame. `cheapest
resizing` alone is what as many crops take out of no more pixels than they have themselves: less
than any exact resampling with Pillow. Rounds of all follow each other and the best of each
counts, which a busy machine disturbs least; with one process the figures are also given in
processor time, which it hardly disturbs at all, and the core-hours follow from that.
"""

import argparse
import io
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.pairs import PairSampling, StorePairs
from siamfc.crops.store import Store
from siamfc.datasets.readers import open_dataset
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.workers import Workers

WIDTH, HEIGHT = 1280, 720
SETTINGS = CurationSettings()
BATCH = 32
ImageBoxes = tuple[Path, list[list[float]]]


def main() -> None:
    """Print the figures, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "vid"
        make_tree(root, options.videos, options.frames, options.tracks)
        curation = measure_curation(root, options.workers, options.rounds)
        reading = measure_reading(root, Path(folder) / "read", options.pairs)
    if options.json:
        print(json.dumps({"curation": curation, "reading": reading}))
        return
    for title, figures in (("Curation", curation), ("Reading pairs, one core", reading)):
        print(title)
        for name, value in figures.items():
            print(f"  {name:44}{value:>12.4g}")


def make_tree(root: Path, videos: int, frames: int, tracks: int) -> None:
    """Write the data set: a few clips' frames, and targets of 60 to 400 pixels that wander."""
    generator = np.random.default_rng(0)
    clips = [
        [_jpeg(frame) for frame in ProceduralClip(
            ClipSettings(frames=30, width=WIDTH, height=HEIGHT, target=130, seed=seed))]
        for seed in range(2)
    ]  # fmt: skip
    for video in range(videos):
        place = Path("VID") / "train" / "set_0000" / f"video_{video:04d}"
        images, annotations = root / "Data" / place, root / "Annotations" / place
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        boxes = _wander(generator, frames, tracks)
        for frame in range(frames):
            (images / f"{frame:06d}.JPEG").write_bytes(clips[video % 2][frame % 30])
            (annotations / f"{frame:06d}.xml").write_text(_annotation(boxes[frame]))


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _wander(generator: np.random.Generator, frames: int, tracks: int) -> NDArray[np.float64]:
    """Boxes (frames, tracks, 4): sides log-uniform, centres a random walk inside the frame."""
    sides = np.exp(generator.uniform(math.log(60), math.log(400), (tracks, 2)))
    sides[:, 1] = np.clip(sides[:, 1], sides[:, 0] / 2, sides[:, 0] * 2)
    start = generator.uniform(0.2, 0.8, (tracks, 2)) * (WIDTH, HEIGHT)
    path = start + np.cumsum(generator.normal(0, 3, (frames, tracks, 2)), axis=0)
    centres = np.clip(path, (100, 60), (WIDTH - 100, HEIGHT - 60))
    return np.concatenate([centres - sides / 2, np.broadcast_to(sides, centres.shape)], axis=2)


def _annotation(boxes: NDArray[np.float64]) -> str:
    objects = []
    for track, (x, y, w, h) in enumerate(np.rint(boxes).astype(int).tolist()):
        edges = (("xmin", x), ("ymin", y), ("xmax", x + w - 1), ("ymax", y + h - 1))
        box = "".join(f"<{name}>{value}</{name}>" for name, value in edges)
        objects.append(f"<object><trackid>{track}</trackid><name>n</name><bndbox>{box}</bndbox>")
        objects.append("<occluded>0</occluded></object>")
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def measure_curation(root: Path, workers: int, rounds: int) -> dict[str, float]:
    """Seconds of curation and of both floors, with the same processes, started beforehand."""
    videos = open_dataset("vid", root)
    with Workers(workers) as processes:
        reference = root.parent / "reference"
        curate(videos, reference, SETTINGS, root=root, source="vid", workers=processes)
        tasks = _floor_tasks(reference, root, workers)

        def run_curation() -> None:
            place = root.parent / "store"
            shutil.rmtree(place, ignore_errors=True)
            curate(videos, place, SETTINGS, root=root, source="vid", workers=processes)

        def run_floor(resize: bool) -> None:
            for _ in processes.map(partial(_floor, resize=resize), tasks):
                pass

        def run_resizing() -> None:
            for _ in processes.map(_resize_cheaply, tasks):
                pass

        runs: dict[str, Callable[[], None]] = {
            "curation": run_curation,
            "decode, encode": partial(run_floor, False),
            "decode, resize, encode": partial(run_floor, True),
            "cheapest resizing": run_resizing,
        }
        seconds, processor = _best_seconds(runs, rounds)
    images = sum(len(task) for task in tasks)
    crops = sum(len(boxes) for task in tasks for _, boxes in task)
    ours = seconds["curation"]
    floors = ("decode, encode", "decode, resize, encode")
    clock = processor if workers == 1 else seconds
    return {
        "processes": workers,
        "images": images,
        "crops": crops,
        "curation, images/s": images / ours,
        **{f"{name}, images/s": images / seconds[name] for name in floors},
        **{f"curation over {name}": ours / seconds[name] for name in floors},
        **{
            f"the same in processor time, {name}": processor["curation"] / processor[name]
            for name in floors
            if workers == 1
        },
        "cheapest resizing over decode, encode": clock["cheapest resizing"] / clock[floors[0]],
        "a million images, core-hours": clock["curation"] * (workers * 1e6 / images / 3600),
    }


def _best_seconds(
    runs: dict[str, Callable[[], None]], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Fastest round of each in seconds, and in seconds of this process's processor time."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, call in runs.items():
            start, begun = time.perf_counter(), time.process_time()
            call()
            times[name].append((time.perf_counter() - start, time.process_time() - begun))
    seconds, processor = (
        {name: min(pair[which] for pair in values) for name, values in times.items()}
        for which in (0, 1)
    )
    return seconds, processor


def _floor_tasks(reference: Path, root: Path, workers: int) -> list[list[ImageBoxes]]:
    """The images with the boxes that were kept, in one part for each process."""
    with Store(reference) as store:
        boxes: dict[Path, list[list[float]]] = {}
        for record in store.records[store.records["outcome"] == Outcome.KEPT]:
            path = root / store.image_names[record["image"]]
            boxes.setdefault(path, []).append(record["box"].tolist())
    items = list(boxes.items())
    return [items[number::workers] for number in range(workers)]


def _floor(task: list[ImageBoxes], *, resize: bool) -> int:
    """Pillow alone."""
    size, written = SETTINGS.crop_size, 0
    for path, boxes in task:
        with Image.open(path) as image:
            image.load()
            for box in boxes:
                if resize:
                    crop = _plain_resize(image, np.array(box))
                else:
                    crop = image.crop((0, 0, size, size))
                buffer = io.BytesIO()
                crop.save(buffer, "JPEG", quality=SETTINGS.jpeg_quality, subsampling="4:2:0")
                written += len(buffer.getvalue())
    return written


def _resize_cheaply(task: list[ImageBoxes]) -> int:
    """Resample as many crops as a task has, from one pixel to a pixel."""
    size, frame = SETTINGS.crop_size, Image.new("RGB", (WIDTH, HEIGHT))
    crops = sum(len(boxes) for _, boxes in task)
    for _ in range(crops):
        box = (300.3, 200.3, 300.3 + size, 200.3 + size)
        frame.resize((size, size), Image.Resampling.BILINEAR, box)
    return crops


def _plain_resize(image: Image.Image, box: NDArray[np.float64]) -> Image.Image:
    """The part of a crop that lies inside the frame, resized into one that is black elsewhere."""
    size = SETTINGS.crop_size
    side = float(SETTINGS.crop_side(box[2:]))
    left, top = (box[:2] + box[2:] / 2 - side / 2).tolist()
    right, bottom = min(left + side, image.width), min(top + side, image.height)
    x, y = max(left, 0.0), max(top, 0.0)
    scale = size / side
    shown = (max(round((right - x) * scale), 1), max(round((bottom - y) * scale), 1))
    part = image.resize(
        shown, Image.Resampling.BILINEAR, box=(x, y, right, bottom), reducing_gap=1.2
    )
    if shown == (size, size):
        return part
    crop = Image.new("RGB", (size, size))
    crop.paste(part, (round((x - left) * scale), round((y - top) * scale)))
    return crop


def measure_reading(root: Path, place: Path, count: int) -> dict[str, float]:
    """Pairs a second of processor time, and the share that isn't decoding JPEG to arrays."""
    with Workers() as here:
        curate(open_dataset("vid", root), place, SETTINGS, root=root, source="vid", workers=here)
    with Store(place) as store:
        pairs = StorePairs([store], PairSampling(pairs_per_epoch=count))
        done = count // BATCH * BATCH
        rows = pairs.rows(0, range(done))
        encoded = [
            store.jpeg(row) for both in zip(rows.exemplar, rows.search, strict=True) for row in both
        ]

        def read() -> None:
            for first in range(0, done, BATCH):
                pairs.read(0, range(first, first + BATCH))

        def decode() -> None:
            for jpeg in encoded[: 2 * done]:
                simplejpeg.decode_jpeg(jpeg)

        _, seconds = _best_seconds({"read": read, "decode": decode}, 7)
        return {
            "pairs/s of processor time": done / seconds["read"],
            "kB a crop": sum(map(len, encoded)) / len(encoded) / 1000,
            "fraction of time outside JPEG decoding": 1 - seconds["decode"] / seconds["read"],
        }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
