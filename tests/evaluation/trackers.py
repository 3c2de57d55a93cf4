"""Trackers with one purpose, and sequences to try them on; importable from other processes."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from siamfc.datasets.sequences import FrameFiles, Sequence


class StandsStill:
    """Always returns its initial box."""

    def init(self, _image: Any, box: Any) -> None:
        self.box = box

    def update(self, _image: Any) -> Any:
        return self.box


class Finds:
    """Finds the black pixels, with a score."""

    score = 0.75

    def init(self, image: Any, _box: Any) -> None:
        assert image.dtype == np.uint8

    def update(self, image: Any) -> tuple[int, int, int, int]:
        rows, columns = np.nonzero(image.max(axis=2) < 128)
        left, top = columns.min(), rows.min()
        return left, top, columns.max() - left + 1, rows.max() - top + 1


class Raises(StandsStill):
    """Fails on wide frames, in their third."""

    def init(self, image: Any, box: Any) -> None:
        super().init(image, box)
        self.left = 2 if image.shape[1] > 40 else 1000

    def update(self, _image: Any) -> Any:
        self.left -= 1
        if not self.left:
            raise RuntimeError("lost it")
        return self.box


class Answers:
    """Returns a fixed answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def init(self, _image: Any, _box: Any) -> None:
        pass

    def update(self, _image: Any) -> Any:
        return self.answer


@dataclass(frozen=True)
class Counting:
    """Makes `Finds`, and writes a file for each process that calls it."""

    folder: Path

    def __call__(self) -> Finds:
        (self.folder / str(os.getpid())).touch()
        return Finds()


class Waits(StandsStill):
    """Is slow on each frame of a long sequence."""

    frames = 0

    def update(self, _image: Any) -> Any:
        self.frames += 1
        time.sleep(0.3 if self.frames > 3 else 0)
        return self.box


class Dies(StandsStill):
    """Kills its process."""

    def update(self, _image: Any) -> Any:
        os._exit(1)


def refuse() -> Any:
    raise AssertionError("nothing was left to track")


def square_sequence(folder: Path, name: str, count: int = 4, width: int = 40) -> Sequence:
    """A black square of 8 pixels on white that moves right by 2 pixels per frame."""
    (folder / name).mkdir(parents=True)
    boxes = np.array([[3 + 2 * frame, 5, 8, 8] for frame in range(count)], dtype=np.float64)
    for frame, (x, y, w, h) in enumerate(boxes.astype(int)):
        image = np.full((30, width, 3), 255, dtype=np.uint8)
        image[y : y + h, x : x + w] = 0
        Image.fromarray(image).save(folder / name / f"{frame}.png")
    frames = FrameFiles(folder / name, [f"{frame}.png" for frame in range(count)])
    return Sequence(name=name, frames=frames, boxes=boxes, size=(width, 30))
