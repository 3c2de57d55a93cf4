"""Small data sets on disk, for the tests of readers."""

import io
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from siamfc.datasets import sequences
from siamfc.datasets.readers import open_dataset
from siamfc.datasets.sequences import Problem, raise_problem

WIDTH, HEIGHT = 40, 30


@cache
def _encoded(kind: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(buffer, kind)
    return buffer.getvalue()


def write_images(
    folder: Path, names: Iterable[str], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encoded("png" if path.suffix == ".png" else "jpeg", size))


def numbered(first: int, last: int, digits: int = 4, suffix: str = ".jpg") -> list[str]:
    return [f"{number:0{digits}d}{suffix}" for number in range(first, last + 1)]


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_rows(path: Path, rows: Iterable[Sequence[float]], separator: str = ",") -> None:
    write_text(path, "".join(separator.join(f"{value:g}" for value in row) + "\n" for row in rows))


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content))


def write_mask(path: Path, pixels: Any, mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8), "L")
    if mode == "P":
        image = image.convert("L")
        image.putpalette([value for level in range(256) for value in (level, level, level)])
    image.save(path)


def read(
    name: str, root: Path, split: str | None = None, problems: list[Problem] | None = None
) -> list[sequences.Sequence]:
    """Every sequence of a data set; refusing problems, or gathering them in `problems`."""
    on_problem = raise_problem if problems is None else problems.append
    return [
        sequence
        for video in open_dataset(name, root, split=split)
        for sequence in video.read(on_problem)
    ]


def only(name: str, root: Path, split: str | None = None) -> sequences.Sequence:
    found = read(name, root, split)
    assert len(found) == 1, [sequence.name for sequence in found]
    return found[0]


def frame_names(sequence: sequences.Sequence) -> list[str]:
    assert isinstance(sequence.frames, sequences.FrameFiles)
    return list(sequence.frames.names)
