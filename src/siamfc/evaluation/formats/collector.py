"""Collector of a run's result files and of what is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.datasets.readers.text import read_table
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.runs import Run, RunRecord, one_pass
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme

_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")


@dataclass(kw_only=True, eq=False)
class ResultCollector:
    """Tracks read so far from one run over a data set's sequences.

    A damaged file is noted and skipped; the others are still read.
    """

    sequences: tuple[Sequence, ...]
    tracks: dict[str, RunRecord] = field(default_factory=dict)
    """Tracks by the run's name: the sequence's if that has only one run."""
    damaged: list[str] = field(default_factory=list)
    """A line for each skipped file."""
    unknown: list[str] = field(default_factory=list)
    """Names that match no sequence of the data set."""
    notes: list[str] = field(default_factory=list)
    """A line for each file that was read with a reservation."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """Record of the run, if its files have one."""
    scheme: Scheme | None = None
    """Scheme of the tracks; None: not known yet, and one pass in the end."""
    repetition: int = 1
    """Number of the repetition to read from the folder, from 1."""

    def __post_init__(self) -> None:
        self._exact = {one.name: one for one in self.sequences}
        self._runs: dict[str, Run] | None = None
        self._loose: dict[str, Sequence | None] = {}
        for one in self.sequences:
            for name in {_normalised_name(one.name), _normalised_name(one.name.rpartition("/")[2])}:
                self._loose[name] = None if name in self._loose else one

    def find(self, name: str) -> Sequence | None:
        """Return the sequence that a file's name refers to; None, and noted, if there is none.

        If the name is not exactly a sequence's, then case, signs between words and leading folders
        are ignored, since toolkits differ: `jogging.1` is `Jogging-1`.
        """
        found = self._exact.get(name) or self._loose.get(_normalised_name(name))
        if found is None:
            self.unknown.append(name)
        return found

    def find_run(self, name: str) -> Run | None:
        """Return the scheme's run that a track's name refers to; None, and noted, if none."""
        scheme = self.scheme or ONE_PASS
        if scheme is ONE_PASS:
            sequence = self.find(name)
            return None if sequence is None else one_pass(sequence)
        if self._runs is None:
            self._runs = {run.name: run for one in self.sequences for run in scheme.runs(one)}
        if name not in self._runs:
            self.unknown.append(name)
        return self._runs.get(name)

    def add(
        self,
        sequence: Sequence,
        boxes: FloatArray,
        *,
        scores: FloatArray | None = None,
        seconds: FloatArray | None = None,
        name: str = "",
    ) -> None:
        """Add a track (F, 4), with scores and seconds (F,) if known.

        `name` is the run's, for a sequence with more than one.
        """
        unknown = np.full(len(boxes), np.nan)
        self.tracks[name or sequence.name] = RunRecord(
            sequence=name or sequence.name,
            boxes=boxes,
            scores=unknown if scores is None else scores,
            seconds=unknown if seconds is None else seconds,
        )

    @contextmanager
    def skipping_damaged(self) -> Iterator[None]:
        """Note an error of the block instead of raising it."""
        try:
            yield
        except DatasetError as error:
            self.damaged.append(str(error))


def read_box_lines(path: Path, frame_count: int, *, index_base: int) -> FloatArray:
    """Read a file of `x, y, w, h` lines, one per frame: (F, 4), 0-based; NaN without a box.

    Numbers may be separated by commas, semicolons, tabs or blanks. A row with a NaN or without area
    is a missing box.

    Raises:
        DatasetError: a line is not a box, or their number is not that of frames.
    """
    return clean_boxes(read_table(path, 4), path, frame_count, index_base=index_base)


def clean_boxes(
    boxes: FloatArray, path: Path, frame_count: int, *, index_base: int = 0
) -> FloatArray:
    """Check a file's boxes (F, 4) against the number of frames, as `read_box_lines` does.

    Raises:
        DatasetError: another number of boxes, or an infinite value.
    """
    check_boxes(boxes, path, frame_count)
    usable = ~np.isnan(boxes).any(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    cleaned: FloatArray = boxes - np.array([index_base, index_base, 0, 0])
    cleaned[~usable] = np.nan
    return cleaned


def check_boxes(boxes: FloatArray, path: Path, frame_count: int) -> None:
    """Check the number of boxes (F, 4), and that each value is finite or NaN.

    Raises:
        DatasetError: another number of boxes, or an infinite value.
    """
    if len(boxes) != frame_count:
        raise DatasetError(f"{path}: expected {frame_count} boxes, one per frame, got {len(boxes)}")
    infinite = np.asarray(np.isinf(boxes).any(axis=1))
    if infinite.any():
        frame = int(np.argmax(infinite))
        raise DatasetError(
            f"{path}, frame {frame}: expected finite numbers or NaN, got {boxes[frame].tolist()}"
        )


def read_seconds(path: Path, frame_count: int, column: int = 0) -> FloatArray | None:
    """Read a column of a file of seconds, one line per frame: (F,); None if there is no file.

    Raises:
        DatasetError: the file holds something else.
    """
    if not path.exists():
        return None
    table = read_table(path)
    if len(table) != frame_count:
        raise DatasetError(f"{path}: expected {frame_count} times, one per frame, got {len(table)}")
    seconds = table[:, min(column, table.shape[1] - 1)]
    return np.asarray(np.where(seconds > 0, seconds, np.nan))


def _normalised_name(name: str) -> str:
    return _NOT_A_LETTER.sub("", name.lower())
