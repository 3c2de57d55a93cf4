"""Collects what a run's files hold, and what is wrong with them."""

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
    """What has been read so far of one run over a data set's sequences.

    A damaged file is written down and left out; the others are read all the same.
    """

    sequences: tuple[Sequence, ...]
    tracks: dict[str, RunRecord] = field(default_factory=dict)
    """By the name of the run: of the sequence, where it is run once."""
    damaged: list[str] = field(default_factory=list)
    """A line for each file that was left out."""
    unknown: list[str] = field(default_factory=list)
    """Names that no sequence of the data set has."""
    notes: list[str] = field(default_factory=list)
    """A line for each file that was read, but with something to know."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """Of the run, where its files have one."""
    scheme: Scheme | None = None
    """What the tracks are of; None: not known yet, one pass in the end."""
    repetition: int = 1
    """Which of a folder's repetitions is read, from 1."""

    def __post_init__(self) -> None:
        self._exact = {one.name: one for one in self.sequences}
        self._runs: dict[str, Run] | None = None
        self._loose: dict[str, Sequence | None] = {}
        for one in self.sequences:
            for name in {_fold(one.name), _fold(one.name.rpartition("/")[2])}:
                self._loose[name] = None if name in self._loose else one

    def find(self, name: str) -> Sequence | None:
        """The sequence that a file's name means; None, and written down, if there is none.

        Where the name isn't exactly a sequence's, case, signs between words and the folders
        before it don't matter: `jogging.1` is `Jogging-1`, as toolkits differ here.
        """
        found = self._exact.get(name) or self._loose.get(_fold(name))
        if found is None:
            self.unknown.append(name)
        return found

    def find_run(self, name: str) -> Run | None:
        """The run of the scheme that a track's name means; None, and written down, if none."""
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
        """Keep a track (F, 4); scores and seconds (F,) where there are some.

        `name` is that of the run, where a sequence has more than one.
        """
        unknown = np.full(len(boxes), np.nan)
        self.tracks[name or sequence.name] = RunRecord(
            sequence=name or sequence.name,
            boxes=boxes,
            scores=unknown if scores is None else scores,
            seconds=unknown if seconds is None else seconds,
        )

    @contextmanager
    def leaving_out_damage(self) -> Iterator[None]:
        """Write an error of the block down instead of raising it."""
        try:
            yield
        except DatasetError as error:
            self.damaged.append(str(error))


def read_box_lines(path: Path, frame_count: int, *, index_base: int) -> FloatArray:
    """Read a file of `x, y, w, h` lines, one a frame: (F, 4), 0-based; NaN where there is no box.

    Numbers may be apart by commas, semicolons, tabs or blanks. A row with a NaN or without area
    is no box.

    Raises:
        DatasetError: a line of something else, or another count of lines.
    """
    return clean_boxes(read_table(path, 4), path, frame_count, index_base=index_base)


def clean_boxes(
    boxes: FloatArray, path: Path, frame_count: int, *, index_base: int = 0
) -> FloatArray:
    """Check boxes (F, 4) that a file gave for so many frames; see `read_box_lines`.

    Raises:
        DatasetError: another count of boxes, or an infinite number.
    """
    check_boxes(boxes, path, frame_count)
    usable = ~np.isnan(boxes).any(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    cleaned: FloatArray = boxes - np.array([index_base, index_base, 0, 0])
    cleaned[~usable] = np.nan
    return cleaned


def check_boxes(boxes: FloatArray, path: Path, frame_count: int) -> None:
    """Check that there are boxes (F, 4) for so many frames, finite where they aren't NaN.

    Raises:
        DatasetError: another count of boxes, or an infinite number.
    """
    if len(boxes) != frame_count:
        raise DatasetError(f"{path}: expected {frame_count} boxes, one a frame, got {len(boxes)}")
    infinite = np.asarray(np.isinf(boxes).any(axis=1))
    if infinite.any():
        frame = int(np.argmax(infinite))
        raise DatasetError(
            f"{path}, frame {frame}: expected finite numbers or NaN, got {boxes[frame].tolist()}"
        )


def read_seconds(path: Path, frame_count: int, column: int = 0) -> FloatArray | None:
    """Read a column of a file of seconds, one line a frame: (F,); None if there is none.

    Raises:
        DatasetError: a file of something else.
    """
    if not path.exists():
        return None
    table = read_table(path)
    if len(table) != frame_count:
        raise DatasetError(f"{path}: expected {frame_count} times, one a frame, got {len(table)}")
    seconds = table[:, min(column, table.shape[1] - 1)]
    return np.asarray(np.where(seconds > 0, seconds, np.nan))


def _fold(name: str) -> str:
    return _NOT_A_LETTER.sub("", name.lower())
