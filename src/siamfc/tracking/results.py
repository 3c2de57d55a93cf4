"""Where targets were, as files: txt, csv and jsonl.

- `.txt`: the OTB convention: a line `x,y,w,h` a frame, 1-based, to 1/10000 pixel; no frame
  numbers, times or scores. Several targets get a file each: `name_1.txt`, `name_2.txt` …
- `.csv`: a header, then a line a frame and target: frame, time, target, x, y, w, h, score, lost.
- `.jsonl`: an object a frame: {"frame": 0, "time": 0.0, "boxes": [[x, y, w, h], …], "scores": […],
  "lost": [false, …]}.

In csv and jsonl boxes are 0-based as everywhere in siamfc, frames count from 0 and targets from 1;
numbers read back as they were. `lost`, 1 or 0 in csv, is whether the score says that the box is
not to be trusted. What isn't known is empty, or null. Files without `lost` are read too.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from siamfc.errors import DatasetError, InputError, OutputError
from siamfc.files import StagedFile

if TYPE_CHECKING:
    from siamfc.frames import Image

_COLUMNS = ("frame", "time", "target", "x", "y", "w", "h", "score", "lost")
_COLUMNS_BEFORE = _COLUMNS[:-1]
"""Of files that say nothing of lost targets."""
_FIRST_PIXEL = 1.0
"""Number of the first pixel in the OTB convention."""


@dataclass(frozen=True, eq=False)
class FrameResult:
    """Where N targets are in one frame.

    Attributes:
        index: Of the frame in its source, 0-based.
        time: Seconds since the source's first frame; NaN when it has no clock.
        boxes: (N, 4) x, y, w, h in frame pixels.
        scores: (N,) in [0, 1]; 1 in the first frame.
        lost: (N,) whether the score says that the box is not to be trusted; None where whoever
            tracked doesn't tell.
    """

    index: int
    time: float
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    lost: NDArray[np.bool_] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as a line of a .jsonl file has it: lists and numbers, None where unknown.

        >>> FrameResult(0, 0.0, np.array([[120.0, 80, 60, 40]]), np.ones(1)).to_dict()
        {'frame': 0, 'time': 0.0, 'boxes': [[120.0, 80.0, 60.0, 40.0]], 'scores': [1.0], \
'lost': None}
        """
        return {
            "frame": self.index,
            "time": _known(self.time),
            "boxes": [[_known(value) for value in box] for box in self.boxes],
            "scores": [_known(score) for score in self.scores],
            "lost": None if self.lost is None else self.lost.tolist(),
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each target, named as a .csv file's columns; NaN where unknown.

        >>> FrameResult(0, 0.0, np.array([[120.0, 80, 60, 40]]), np.ones(1)).to_rows()
        [{'frame': 0, 'time': 0.0, 'target': 1, 'x': 120.0, 'y': 80.0, 'w': 60.0, 'h': 40.0, \
'score': 1.0, 'lost': nan}]
        """
        time = float(self.time)
        lost = [math.nan] * len(self.boxes) if self.lost is None else self.lost.tolist()
        targets = zip(self.boxes.tolist(), self.scores.tolist(), lost, strict=True)
        return [
            dict(zip(_COLUMNS, (self.index, time, number, *box, *rest), strict=True))
            for number, (box, *rest) in enumerate(targets, start=1)
        ]

    def to_detections(self) -> Any:
        """The targets as `supervision.Detections`, for supervision's annotators, zones and filters.

        Raises:
            MissingDependencyError: supervision isn't installed.
        """
        from siamfc.tracking.detections import to_detections

        return to_detections(self)

    def draw(self, image: Image) -> Image:
        """A copy of the frame's picture, (H, W, 3) uint8 RGB, with boxes and scores drawn on it.

        The boxes of lost targets are dashed.
        """
        from siamfc.frames import draw_boxes

        return draw_boxes(image, self.boxes, scores=self.scores, lost=self.lost)


def result_paths(path: str | Path, targets: int) -> list[Path]:
    """Files that results of a number of targets go to: one, but for each target one of txt.

    Raises:
        InputError: a name that doesn't end in .txt, .csv or .jsonl.

    >>> [file.name for file in result_paths("run.txt", 2)]
    ['run_1.txt', 'run_2.txt']
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"results: expected a name in {_NAMED}, got {path}")
    if path.suffix.lower() != ".txt" or targets == 1:
        return [path]
    return [path.with_stem(f"{path.stem}_{number + 1}") for number in range(targets)]


@contextmanager
def open_results(
    path: str | Path, *, targets: int, overwrite: bool = False
) -> Iterator[Callable[[FrameResult], None]]:
    """Open files of results and give the function that adds a frame to them.

    The files appear, whole, when the block ends well; otherwise nothing does.

    Raises:
        InputError: a name that doesn't end in .txt, .csv or .jsonl.
        OutputError: a file that exists, unless `overwrite`, or cannot be written.
    """
    paths = result_paths(path, targets)
    header, write = _WRITERS[paths[0].suffix.lower()]
    texts = [io.StringIO() for _ in paths]
    for text in texts:
        text.write(header)
    with ExitStack() as stack:
        files = []
        for one in paths:
            files.append(StagedFile(one, overwrite=overwrite))
            stack.callback(files[-1].discard)
        yield partial(write, texts)
        _publish(files, [text.getvalue() for text in texts])


def write_results(
    path: str | Path, results: Iterable[FrameResult], *, overwrite: bool = False
) -> list[Path]:
    """Write results of one or more frames, all of the same targets, and return the files' paths.

    Raises:
        InputError: no results, or a name that doesn't end in .txt, .csv or .jsonl.
        OutputError: a file that exists, unless `overwrite`, or cannot be written.
    """
    iterator = iter(results)
    first = next(iterator, None)
    if first is None:
        raise InputError("results: expected at least one frame, got none")
    targets = len(first.boxes)
    with open_results(path, targets=targets, overwrite=overwrite) as add:
        add(first)
        for result in iterator:
            add(result)
    return result_paths(path, targets)


def read_results(path: str | Path) -> list[FrameResult]:
    """Read a file of results. A txt file has one target, and neither times nor scores: NaN.

    Raises:
        InputError: a name that doesn't end in .txt, .csv or .jsonl.
        DatasetError: no such file, or one that isn't as its format says; names the line.
    """
    path = result_paths(path, 1)[0]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected a file of results; {error}") from None
    return _READERS[path.suffix.lower()](path, lines)


# --- Writing --------------------------------------------------------------------------------------


def _write_txt(files: Sequence[TextIO], result: FrameResult) -> None:
    for file, (x, y, w, h) in zip(files, result.boxes, strict=True):
        row = (x + _FIRST_PIXEL, y + _FIRST_PIXEL, w, h)
        file.write(",".join(f"{value:.4f}" for value in row) + "\n")


def _write_csv(files: Sequence[TextIO], result: FrameResult) -> None:
    for row in result.to_rows():
        files[0].write(",".join(_text(value) for value in row.values()) + "\n")


def _write_jsonl(files: Sequence[TextIO], result: FrameResult) -> None:
    files[0].write(json.dumps(result.to_dict()) + "\n")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _text(value: float) -> str:
    """Shortest text that reads back as the value; empty for NaN, 1 or 0 for a bool."""
    return "" if math.isnan(value) else repr(int(value) if isinstance(value, bool) else value)


def _publish(files: Sequence[StagedFile], texts: Sequence[str]) -> None:
    """Write all files, then put all in their places."""
    try:
        for file, text in zip(files, texts, strict=True):
            file.path.write_text(text, encoding="utf-8", newline="")
        for file in files:
            file.check()
        for file in files:
            file.commit()
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{files[0].target} cannot be written: {reason}") from None


# --- Reading --------------------------------------------------------------------------------------


def _read_txt(path: Path, lines: Sequence[str]) -> list[FrameResult]:
    results = []
    for index, line in enumerate(lines):
        with _line_of(path, index + 1, "x,y,w,h"):
            x, y, w, h = (float(part) for part in line.replace(",", " ").split())
        box = np.array([[x - _FIRST_PIXEL, y - _FIRST_PIXEL, w, h]])
        results.append(FrameResult(index, math.nan, box, np.array([math.nan])))
    return results


def _read_csv(path: Path, lines: Sequence[str]) -> list[FrameResult]:
    expected = ",".join(_COLUMNS)
    header = lines[0] if lines else ""
    if header not in (expected, ",".join(_COLUMNS_BEFORE)):
        raise DatasetError(f"{path}: line 1: expected {expected}, got {header}")
    count = len(header.split(","))
    rows = []
    for number, row in enumerate(csv.reader(lines[1:]), start=2):
        with _line_of(path, number, expected):
            frame, time, _, *values = row
            numbers = np.array([float(value or "nan") for value in values])
            rows.append((int(frame), float(time or "nan"), numbers.reshape(count - 3)))
    results = []
    for index, group in groupby(rows, key=lambda row: row[0]):
        targets = list(group)
        table = np.stack([row[2] for row in targets])
        lost = _flags(table[:, 5]) if table.shape[1] > 5 else None
        results.append(FrameResult(index, targets[0][1], table[:, :4], table[:, 4], lost))
    return results


def _read_jsonl(path: Path, lines: Sequence[str]) -> list[FrameResult]:
    results = []
    for number, line in enumerate(lines, start=1):
        with _line_of(path, number, "an object with frame, time, boxes and scores"):
            record = json.loads(line)
            boxes = _table(record["boxes"]).reshape(-1, 4)
            scores = _table(record["scores"]).reshape(len(boxes))
            time = float(_table(record["time"]))
            lost = _flags(_table(record.get("lost") or [None] * len(boxes)).reshape(len(boxes)))
            results.append(FrameResult(int(record["frame"]), time, boxes, scores, lost))
    return results


def _table(value: Any) -> NDArray[np.float64]:
    """Numbers in lists, None standing for NaN."""
    return np.array(value, dtype=np.float64)


def _flags(values: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Ones and zeros as flags; None unless all are known."""
    return None if np.isnan(values).any() else values.astype(np.bool_)


@contextmanager
def _line_of(path: Path, number: int, expected: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path}: line {number}: expected {expected}; {error!r}") from None


_WRITERS: dict[str, tuple[str, Callable[[Sequence[TextIO], FrameResult], None]]] = {
    ".txt": ("", _write_txt),
    ".csv": (",".join(_COLUMNS) + "\n", _write_csv),
    ".jsonl": ("", _write_jsonl),
}
_READERS = {".txt": _read_txt, ".csv": _read_csv, ".jsonl": _read_jsonl}
RESULT_SUFFIXES = tuple(_WRITERS)
"""Endings of the files' names."""
_NAMED = ".txt, .csv or .jsonl"
