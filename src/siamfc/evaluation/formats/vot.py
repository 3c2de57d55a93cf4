"""Results in the VOT toolkit's layout: trajectories of an experiment without restarts."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from siamfc.annotations.text import vot_lines
from siamfc.array_types import FloatArray
from siamfc.boxes import from_polygon
from siamfc.datasets.readers.text import frame_lines, read_lines
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, clean_boxes, read_seconds
from siamfc.evaluation.formats.layout import ResultFormat, file_for, last_part, second_lines
from siamfc.evaluation.formats.series import count_repetitions, first_repetitions, repetition
from siamfc.evaluation.runs import RunRecord
from siamfc.parsers import parse_numbers

_EXPERIMENT = "baseline"
_PLACES = ("*", "*/*")
"""Sequence folders below one experiment, or below all of them."""
_INITIALIZATION, _FAILURE = 1.0, 2.0
_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])


def _recognize(folder: Path) -> bool:
    """Check that trajectories begin with a single number, VOT's code for a start."""
    for path in first_repetitions(folder, *_PLACES)[:1]:
        first = next(iter(read_lines(path)), "")
        return first.replace(".", "", 1).isdigit()
    return False


def _read(folder: Path, collected: ResultCollector) -> None:
    for first in first_repetitions(folder, *_PLACES):
        sequence = collected.find(first.parent.name)
        if sequence is None:
            continue
        with collected.skipping_damaged():
            path = repetition(first, collected.repetition)
            boxes = clean_boxes(_boxes(path, sequence), path, len(sequence))
            times = path.with_name(f"{path.stem}_time.value")
            collected.add(sequence, boxes, seconds=read_seconds(times, len(sequence)))


def _boxes(path: Path, sequence: Sequence) -> FloatArray:
    rows = []
    for frame, line in enumerate(frame_lines(path, "a rectangle, a polygon or a code")):
        try:
            numbers = parse_numbers(line)
        except ValueError:
            numbers = []
        if numbers == [_INITIALIZATION] and frame < len(sequence):
            rows.append(sequence.boxes[frame])
        elif numbers == [_FAILURE]:
            raise DatasetError(
                f"{path}, line {frame + 1}: expected one pass without restarts, got a failure: "
                "a supervised run cannot be compared in this table"
            )
        elif len(numbers) == 1:
            rows.append(np.full(4, np.nan))
        elif len(numbers) == 4:
            rows.append(np.array(numbers) - _FIRST_PIXEL)
        elif len(numbers) >= 6 and len(numbers) % 2 == 0:
            rows.append(from_polygon(numbers) - _FIRST_PIXEL)
        else:
            raise DatasetError(
                f"{path}, line {frame + 1}: expected a rectangle, a polygon or a code, "
                f"got {line[:60]!r}"
            )
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _write(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    for sequence, track in tracks:
        name = last_part(sequence.name)
        sequence_folder = folder / _EXPERIMENT / name
        file_for(sequence_folder, f"{name}_001", ".txt").write_text(
            vot_lines(track.boxes, first_code=True)
        )
        file_for(sequence_folder, f"{name}_001_time", ".value").write_text(
            second_lines(track.seconds)
        )


VOT = ResultFormat(
    name="vot",
    title="VOT",
    tree=(
        "baseline/<sequence>/<sequence>_001.txt",
        "baseline/<sequence>/<sequence>_001_time.value (seconds, one frame per line)",
    ),
    boxes="x,y,w,h or a polygon, 1-based; alone on a line: 1 start, 2 failure, 0 no box",
    source="github.com/votchallenge/toolkit, vot/tracker/results.py",
    recognize=_recognize,
    read=_read,
    write=_write,
    repetitions=lambda folder: count_repetitions(first_repetitions(folder, *_PLACES)),
)
