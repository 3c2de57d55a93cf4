"""The npm package as it is installed, and films with the boxes that Python finds in them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamfc.network import export_weights, load_checkpoint
from siamfc.tracking import Tracker

ROOT = Path(__file__).parents[2]
JS = ROOT / "js"


@dataclass(frozen=True)
class Film:
    """RGB frames (H, W, 3), the target's first box, and what `siamfc.Tracker` makes of them."""

    frames: list[np.ndarray]
    box: tuple[float, ...]
    boxes: np.ndarray
    scores: np.ndarray
    lost: list[bool]

    @classmethod
    def track(cls, frames: list[np.ndarray], box: tuple[float, ...]) -> "Film":
        tracker = Tracker.from_pretrained(device="cpu", threads=1)
        tracker.init(frames[0], box)
        found = [(tracker.update(frame), tracker.score, tracker.lost) for frame in frames[1:]]
        boxes, scores, lost = zip(*found, strict=True)
        return cls(frames, box, np.array(boxes), np.array(scores), list(lost))

    def write(self, folder: Path) -> str:
        """A file of all frames as a program reads them, 4 bytes a pixel; returns its name."""
        opaque = np.full((*self.frames[0].shape[:2], 1), 255, np.uint8)
        with (folder / "film.rgba").open("wb") as file:
            for frame in self.frames:
                file.write(np.concatenate([frame, opaque], axis=2).tobytes())
        return "film.rgba"


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and the runtime it depends on."""
    named = os.environ.get("SIAMFC_NODE_MODULES")
    modules = Path(named) if named else JS / "node_modules"
    if not (modules / "onnxruntime-web").is_dir():
        pytest.skip("needs onnxruntime-web: `npm ci` in js, or SIAMFC_NODE_MODULES")
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(JS / "src", folder / "src")
    shutil.copy(JS / "package.json", folder)
    export_weights(load_checkpoint("default"), folder / "weights")
    (folder / "node_modules").symlink_to(modules.absolute())
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs Node.js")
    return found


@pytest.fixture(scope="session")
def loss_film() -> Film:
    """A textured square moves, is away for three frames, and comes back far from where it went.

    Long enough that the exemplar is updated before, and again after it was found elsewhere.
    """
    numbers = np.random.default_rng(3)
    ground = _texture(numbers, (360, 480), cell=24, contrast=40)
    thing = _texture(numbers, (48, 40), cell=8, contrast=120)
    frames = []
    for index in range(40):
        frame = ground.copy()
        before, after = index < 14, index - 17
        x, y = (60 + 3 * index, 80 + 2 * index) if before else (300 - 2 * after, 220 - 2 * after)
        if before or after >= 0:
            frame[y : y + 48, x : x + 40] = thing
        frames.append(frame)
    return Film.track(frames, (60, 80, 40, 48))


def _texture(
    numbers: np.random.Generator, shape: tuple[int, int], *, cell: int, contrast: int
) -> np.ndarray:
    height, width = shape
    coarse = (height // cell + 2, width // cell + 2, 3)
    values = numbers.integers(128 - contrast, 128 + contrast, coarse).astype(np.uint8)
    picture = Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
