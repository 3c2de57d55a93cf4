"""Text files of annotations: boxes and flags, one frame per line."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import is_absent
from siamfc.datasets.sequences import OnProblem, Problem
from siamfc.errors import DatasetError
from siamfc.parsers import parse_numbers, parse_whole, read_text, split_lines

_logger = logging.getLogger(__name__)


def frame_lines(path: Path, expected: str) -> list[str]:
    """Read the lines of a file with one line per frame.

    Raises:
        DatasetError: the file cannot be read or has a blank line, which would shift all later
            boxes.
    """
    lines = [line.strip() for line in split_lines(read_text(path))]
    if "" in lines:
        number = lines.index("") + 1
        raise DatasetError(
            f"{path}, line {number}: expected {expected}, got a blank line; each line is a frame: "
            "write NaN where the target is not annotated"
        )
    return lines


def read_table(path: Path, columns: int | None = None) -> FloatArray:
    """Read lines of numbers, one per frame: (lines, columns).

    Args:
        path: the file.
        columns: required numbers per line; None: as many as in the first.

    Raises:
        DatasetError: the file cannot be read, or a line is blank or not that many numbers, finite
            or NaN.
    """
    rows: list[list[float]] = []
    for number, line in enumerate(frame_lines(path, _expected(columns)), 1):
        try:
            row = parse_numbers(line)
        except ValueError:
            row = []
        columns = columns or len(row)
        if len(row) != columns or not row:
            raise DatasetError(
                f"{path}, line {number}: expected {_expected(columns)}, got {line[:60]!r}"
            )
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns or 0)


def _expected(columns: int | None) -> str:
    return f"{columns} numbers" if columns else "numbers"


def read_boxes(path: Path, *, index_base: int, sequence: str, on_problem: OnProblem) -> FloatArray:
    """Read a file of `x, y, w, h` lines: (F, 4), 0-based; NaN without area.

    Args:
        path: the file.
        index_base: number of the top left pixel, 0 or 1, which is subtracted from x and y.
        sequence: name of the sequence.
        on_problem: called for boxes without area.

    Raises:
        DatasetError: as for `read_table`.
    """
    boxes = read_table(path, 4)
    written = boxes.any(axis=1)  # a row of zeros means no target, like a row of NaN
    boxes[:, :2] -= index_base
    boxes[~written] = np.nan
    return drop_empty(boxes, sequence=sequence, on_problem=on_problem)


def drop_empty(boxes: FloatArray, *, sequence: str, on_problem: OnProblem) -> FloatArray:
    """Return boxes (F, 4) with NaN rows for boxes without area or without four finite numbers.

    Boxes without area, or of infinite size, are problems.
    """
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:].min(axis=1, initial=np.inf) > 0)
    for frame in np.flatnonzero(~usable & ~is_absent(boxes)):
        message = f"expected a box with an area, got {boxes[frame].tolist()}"
        on_problem(Problem(kind="empty box", sequence=sequence, frame=int(frame), message=message))
    return np.where(usable[:, None], boxes, np.nan)


def read_flags(path: Path, count: int, *, open_end: bool = False) -> BoolArray:
    """Read 0s and 1s, one per line or all on one: (count,); see `read_values`."""
    values = read_values(path, count, default=0.0, open_end=open_end)
    return np.asarray(values != 0)


def read_values(path: Path, count: int, *, default: float, open_end: bool = False) -> FloatArray:
    """Read one number per frame: (count,).

    Args:
        path: the file.
        count: number of frames.
        default: value of all frames if there is no file.
        open_end: the file may end early; otherwise that causes a warning. The rest stays at
            `default`.

    Raises:
        DatasetError: a blank line, a value that is not a number, or more of them than frames.
    """
    filled = np.full(count, default)
    if not path.exists():
        return filled
    expected = "one number per frame"
    values: list[float] = []
    for number, line in enumerate(frame_lines(path, expected), 1):
        try:
            values += parse_numbers(line)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected {expected}, got {line[:60]!r}"
            ) from None
    wrong_count = f"{path}: expected {count} numbers, one per frame, got {len(values)}"
    if len(values) > count:
        raise DatasetError(wrong_count)
    if len(values) < count and not open_end:
        _logger.warning("%s: the others count as %g", wrong_count, default)
    filled[: len(values)] = values
    return filled


def read_lines(path: Path) -> Sequence[str]:
    """Read the lines of a list, stripped and without empty ones.

    Raises:
        DatasetError: as for `read_text`.
    """
    return [line.strip() for line in split_lines(read_text(path)) if line.strip()]


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Read the lines that are not blank, each with its number in the file, from 1.

    Raises:
        DatasetError: as for `read_text`.
    """
    lines = enumerate(split_lines(read_text(path)), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def optional_size(width: object, height: object) -> tuple[int, int] | None:
    """Return the size of the frames, if an annotation states a plausible one."""
    try:
        return parse_whole(width, 1), parse_whole(height, 1)
    except ValueError:
        return None
