"""NfS, Need for Speed: the same videos at 30 and at 240 frames per second."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.boxes import from_corners, is_absent
from siamfc.datasets.readers.images import list_files, list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import drop_empty, frame_lines
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_numbers

_TEXT = frozenset({".txt"})
_RATE = 8  # frames at 240 fps per frame at 30 fps


def _videos(root: Path, split: str | None) -> list[Video]:
    videos = []
    for folder in list_folders(root):
        for part in (split,) if split else NFS.splits:
            for path in list_files(folder / part.removesuffix("fps"), _TEXT):
                load = partial(_load, f"{part}/{path.stem}", path, part)
                videos.append(Video(name=f"{part}/{path.stem}", split=part, load=load))
    return videos


def _load(name: str, path: Path, split: str, on_problem: OnProblem) -> Iterator[Sequence]:
    images = list_images(path.parent / path.stem)
    rows = _read_rows(path)
    if len(images) and abs(len(rows) / len(images) - _RATE) < 1:
        rows = rows[::_RATE]  # some 30 fps videos come with the annotation at 240 fps
    if abs(len(rows) - len(images)) == 1:
        # Some videos have one line or image too many at the end, which both toolkits drop.
        rows = rows[: len(images)]
        images = images[: len(rows)]
    frames = match_frames(images, len(rows), video=name, on_problem=on_problem)
    rows = rows[: len(frames)]
    corners, lost, occluded = rows[:, 1:5], rows[:, 6] != 0, rows[:, 7] != 0
    boxes = from_corners(corners)
    boxes[lost] = np.nan
    boxes = drop_empty(boxes, sequence=name, on_problem=on_problem)
    yield Sequence(
        name=name,
        frames=frames,
        boxes=boxes,
        absent=is_absent(boxes),
        occluded=occluded,
        split=split,
    )


def _read_rows(path: Path) -> FloatArray:
    """Read the nine numbers before the label of each line: (F, 9).

    Track, xmin, ymin, xmax, ymax, frame (from 0 or from 1), lost, occluded, generated.
    """
    expected = 'nine numbers and a "label"'
    rows: list[list[float]] = []
    for number, line in enumerate(frame_lines(path, expected), 1):
        try:
            row = parse_numbers(line.partition('"')[0])[:9]
        except ValueError:
            row = []
        if len(row) != 9:
            raise DatasetError(f"{path}, line {number}: expected {expected}, got {line[:60]!r}")
        if len(rows) > 1 and row[5] - rows[-1][5] != rows[1][5] - rows[0][5]:
            raise DatasetError(
                f"{path}, line {number}: expected frames at equal distances, got "
                f"{row[5]:g} after {rows[-1][5]:g}"
            )
        rows.append(row)
    return np.array(rows).reshape(-1, 9)


NFS = Format(
    name="nfs",
    title="NfS (Need for Speed)",
    tree=(
        "<sequence>/30|240/<sequence>/00001.jpg …",
        '<sequence>/30|240/<sequence>.txt (0 xmin ymin xmax ymax frame lost occluded 1 "label")',
    ),
    boxes="xmin ymin xmax ymax separated by blanks, 0-based edges: w = xmax − xmin",
    missing="1 in the column lost",
    source="Kiani Galoogahi et al., ICCV 2017; the text format of github.com/cvondrick/vatic",
    homepage="http://ci2cv.net/nfs",
    splits=("30fps", "240fps"),
    evaluated="30fps",
    read=_videos,
)
