"""Results in the layout of the GOT-10k toolkit and server, with times."""

from collections.abc import Iterable
from pathlib import Path

from siamfc.annotations.text import box_lines
from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.formats.collector import ResultCollector, read_box_lines, read_seconds
from siamfc.evaluation.formats.layout import (
    ResultFormat,
    file_for,
    last_part,
    second_lines,
)
from siamfc.evaluation.formats.series import count_repetitions, first_repetitions, repetition
from siamfc.evaluation.runs import RunRecord


def _read(folder: Path, collected: ResultCollector) -> None:
    for first in first_repetitions(folder, "*"):
        sequence = collected.find(first.parent.name)
        if sequence is None:
            continue
        with collected.skipping_damaged():
            count = len(sequence)
            path = repetition(first, collected.repetition)
            times = first.with_name(f"{first.parent.name}_time.txt")
            seconds = read_seconds(times, count, column=collected.repetition - 1)
            collected.add(sequence, read_box_lines(path, count, index_base=0), seconds=seconds)


def _write(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    for sequence, track in tracks:
        name = last_part(sequence.name)
        sequence_folder = folder / name
        text = box_lines(track.boxes, index_base=0, decimals=3)
        file_for(sequence_folder, f"{name}_001", ".txt").write_text(text, encoding="utf-8")
        seconds = second_lines(track.seconds)
        file_for(sequence_folder, f"{name}_time", ".txt").write_text(seconds, encoding="utf-8")


GOT10K = ResultFormat(
    name="got10k",
    title="GOT-10k",
    tree=(
        "<sequence>/<sequence>_001.txt (to _003: repetitions)",
        "<sequence>/<sequence>_time.txt (seconds; one frame per line, one repetition per column)",
    ),
    boxes="x,y,w,h, one frame per line, 0-based, to 1/1000 pixel",
    source="github.com/got-10k/toolkit, experiments/got10k.py; its server takes a zip of these",
    recognize=lambda folder: bool(first_repetitions(folder, "*")),
    read=_read,
    write=_write,
    repetitions=lambda folder: count_repetitions(first_repetitions(folder, "*")),
)
