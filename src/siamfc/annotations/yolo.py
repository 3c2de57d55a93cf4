"""YOLO label folders: one text file per frame, one line `class x y w h` per target.

Centre and size are fractions of the frame. A label contains the class, not the target, so that on
reading only the order in the file distinguishes targets of one class.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from siamfc.annotations.annotation import VideoAnnotation, frame_files, from_targets, require_size
from siamfc.array_types import FloatArray
from siamfc.datasets.readers.text import numbered_lines, optional_size
from siamfc.errors import DatasetError
from siamfc.parsers import (
    parse_json,
    parse_numbers,
    parse_whole,
    read_text,
    split_lines,
)

_CONFIG = "data.yaml"


def write_yolo(annotation: VideoAnnotation) -> dict[str, str]:
    """Return `labels/<frame>.txt`, empty without a target, and `data.yaml` with the classes."""
    width, height = require_size(annotation)
    classes = annotation.classes
    inside = annotation.inside()
    files = {_CONFIG: _config(annotation)}
    for at, frame in enumerate(annotation.frames.tolist()):
        lines = []
        for target in np.flatnonzero(inside.present[at]).tolist():
            x, y, w, h = inside.boxes[at, target]
            values = ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
            number = classes.index(annotation.labels[target])
            lines.append(" ".join([str(number), *(f"{value:.6f}" for value in values)]) + "\n")
        files[f"labels/{Path(annotation.image_name(frame)).stem}.txt"] = "".join(lines)
    return files


def _config(annotation: VideoAnnotation) -> str:
    width, height = require_size(annotation)
    names = [f"  {at}: {json.dumps(name)}" for at, name in enumerate(annotation.classes)]
    return "\n".join(
        [
            f"# {width} x {height} pixels: {annotation.video}",
            "path: .",
            "train: images",
            "val: images",
            "names:",
            *names,
            "",
        ]
    )


def read_yolo(path: Path) -> VideoAnnotation:
    """Read a folder that `write_yolo` wrote.

    Raises:
        DatasetError: no such folder, or a line of another form.
    """
    classes, size, video = _read_config(path / _CONFIG)
    rows: dict[str, dict[int, FloatArray]] = {}
    labels: dict[str, str] = {}
    files, are_numbered = frame_files(path / "labels", ".txt")
    scale = np.array([size[0], size[1]], dtype=np.float64)
    for frame, file in files:
        seen: dict[str, int] = {}
        for number, line in numbered_lines(file):
            try:
                class_number, *values = parse_numbers(line)
                label = classes[parse_whole(class_number)]
                x, y, w, h = values[:4]
                middle, extent = np.array([x, y]) * scale, np.array([w, h]) * scale
                box = np.concatenate([middle - extent / 2, extent])
            except (ValueError, LookupError):
                raise DatasetError(
                    f"{file}, line {number}: expected class x y w h, got {line[:60]!r}"
                ) from None
            seen[label] = seen.get(label, 0) + 1
            target = f"{label} {seen[label]}"
            rows.setdefault(target, {})[frame] = box
            labels[target] = label
    numbers = {target: str(place) for place, target in enumerate(rows, 1)}
    return from_targets(
        rows,
        labels=labels,
        names=numbers,
        dense=True,
        size=size,
        frame_count=max((frame for frame, _ in files), default=-1) + 1,
        image_names=() if are_numbered else [f"{file.stem}.png" for _, file in files],
        video=video,
    )


def _read_config(path: Path) -> tuple[dict[int, str], tuple[int, int], str]:
    """Return the classes by number, the frame size, and the name of the video."""
    names: dict[int, str] = {}
    size = video = None
    for line in split_lines(read_text(path)):
        if line.startswith("#") and " pixels: " in line:
            numbers, _, video = line.lstrip("# ").partition(" pixels: ")
            size = optional_size(*[*numbers.split(" x "), "", ""][:2])
        elif line.startswith("  ") and ":" in line:
            number, _, name = line.partition(":")
            try:
                place = parse_whole(number)
            except ValueError as error:
                raise DatasetError(f"{path}: expected the number of a class; {error}") from None
            try:
                names[place] = str(parse_json(name, where=path))
            except DatasetError:
                names[place] = name.strip()
    if size is None or video is None:
        raise DatasetError(
            f"{path}: expected a line `# WIDTH x HEIGHT pixels: VIDEO`, without which fractions "
            "of a frame are no pixels"
        )
    return names, size, video
