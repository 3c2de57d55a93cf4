"""Reads the text files that annotations come in: boxes and flags, one frame a line."""

import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import is_absent
from siamfc.datasets.sequences import OnProblem, Problem
from siamfc.errors import DatasetError

_logger = logging.getLogger(__name__)

_SEPARATORS = re.compile(r"[,;\s]+")


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        DatasetError: it cannot be opened, or isn't text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: expected a text file, got other bytes") from None
    except OSError as error:
        raise DatasetError(f"{path}: expected a text file; {error.strerror}") from None


def parse_numbers(line: str) -> list[float]:
    """Read the numbers of a line, apart by commas, semicolons, tabs or blanks.

    >>> parse_numbers("12, 8.5 NaN;4")
    [12.0, 8.5, nan, 4.0]
    """
    return [float(part) for part in _SEPARATORS.split(line.strip(" \t\r\n,;")) if part]


def read_table(path: Path, columns: int | None = None) -> FloatArray:
    """Read lines of numbers: (lines, columns); blank lines don't count.

    Args:
        path: the file.
        columns: how many each line must have; None: as many as the first has.

    Raises:
        DatasetError: the file, or a line that isn't so many numbers, finite or NaN.
    """
    rows: list[list[float]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = parse_numbers(line)
        except ValueError:
            row = []
        columns = columns or len(row)
        if len(row) != columns or not row or any(map(math.isinf, row)):
            wanted = f"{columns} numbers" if columns else "numbers"
            raise DatasetError(f"{path}, line {number}: expected {wanted}, got {line.strip()!r}")
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns or 0)


def read_boxes(path: Path, *, index_base: int, sequence: str, on_problem: OnProblem) -> FloatArray:
    """Read a file of `x, y, w, h` lines: (F, 4), 0-based; without area: NaN.

    Args:
        path: the file.
        index_base: number of the left upper pixel, 0 or 1, which is taken off x and y.
        sequence: name of the sequence.
        on_problem: hears of boxes without area.

    Raises:
        DatasetError: see `read_table`.
    """
    boxes = read_table(path, 4)
    written = boxes.any(axis=1)  # a row of zeros says that there is no target, as a row of NaN
    boxes[:, :2] -= index_base
    boxes[~written] = np.nan
    return drop_empty(boxes, sequence=sequence, on_problem=on_problem)


def drop_empty(boxes: FloatArray, *, sequence: str, on_problem: OnProblem) -> FloatArray:
    """Return boxes (F, 4) with NaN rows where there is no area or not four finite numbers.

    Boxes without area, or of infinite size, are problems.
    """
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:].min(axis=1, initial=np.inf) > 0)
    for frame in np.flatnonzero(~usable & ~is_absent(boxes)):
        message = f"expected a box with an area, got {boxes[frame].tolist()}"
        on_problem(Problem(kind="empty box", sequence=sequence, frame=int(frame), message=message))
    return np.where(usable[:, None], boxes, np.nan)


def read_flags(path: Path, count: int, *, open_end: bool = False) -> BoolArray:
    """Read 0s and 1s, one a line or all in one: (count,); see `read_values`."""
    values = read_values(path, count, default=0.0, open_end=open_end)
    return np.asarray(values != 0)


def read_values(path: Path, count: int, *, default: float, open_end: bool = False) -> FloatArray:
    """Read one number a frame: (count,).

    Args:
        path: the file.
        count: of the frames.
        default: the number of all frames where there is no file.
        open_end: whether the file may well end early. Else there is a warning; either leaves the
            rest at `default`.

    Raises:
        DatasetError: something else than numbers, or more of them than frames.
    """
    filled = np.full(count, default)
    if not path.exists():
        return filled
    values: list[float] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            values += parse_numbers(line)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected a number for each frame, got {line.strip()!r}"
            ) from None
    wrong_count = f"{path}: expected {count} numbers, one a frame, got {len(values)}"
    if len(values) > count:
        raise DatasetError(wrong_count)
    if len(values) < count and not open_end:
        _logger.warning("%s: the others count as %g", wrong_count, default)
    filled[: len(values)] = values
    return filled


def read_lines(path: Path) -> Sequence[str]:
    """Read the lines of a list, without blanks around them and without empty ones.

    Raises:
        DatasetError: see `read_text`.
    """
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]
