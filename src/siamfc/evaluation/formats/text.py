"""Results as one text file per sequence: OTB, LaSOT, TrackingNet and similar toolkits."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.annotations.text import box_lines
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, read_box_lines, read_seconds
from siamfc.evaluation.formats.layout import (
    ResultFormat,
    file_for,
    last_part,
    second_lines,
    text_files,
)
from siamfc.evaluation.runs import RunRecord


def _columns(path: Path) -> int:
    """Return how many numbers the first line of a file has; 0 if it is not numeric."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return len(file.readline().replace(",", " ").replace(";", " ").split())
    except (OSError, UnicodeDecodeError):
        return 0


def _recognize(folder: Path) -> bool:
    return any(_columns(path) != 10 for path in text_files(folder))  # MOT's lines have 10


def _read(folder: Path, collected: ResultCollector, *, index_base: int) -> None:
    for path in text_files(folder):
        sequence = collected.find(path.stem)
        if sequence is None:
            continue
        with collected.skipping_damaged():
            count = len(sequence)
            boxes = read_box_lines(path, count, index_base=index_base)
            name = f"{path.stem}_time.txt"
            beside = path.with_name(name)
            times = beside if beside.exists() else folder / "times" / name
            collected.add(sequence, boxes, seconds=read_seconds(times, count))


def _write(
    folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]], *, index_base: int, times: bool
) -> None:
    written: dict[Path, str] = {}
    for sequence, track in tracks:
        path = file_for(folder, last_part(sequence.name), ".txt")
        if path in written:
            raise DatasetError(
                f"expected unique sequence names, got {sequence.name!r} and {written[path]!r}"
            )
        written[path] = sequence.name
        path.write_text(box_lines(track.boxes, index_base=index_base), encoding="utf-8")
        if times and not np.isnan(track.seconds).all():
            place = file_for(folder / "times", f"{path.stem}_time", ".txt")
            place.write_text(second_lines(track.seconds))


def _format(
    name: str, title: str, *, index_base: int, source: str, times: bool = False
) -> ResultFormat:
    time_tree = ("times/<sequence>_time.txt (seconds, one frame per line; optional)",)
    return ResultFormat(
        name=name,
        title=title,
        tree=("<sequence>.txt", *(time_tree if times else ())),
        boxes=f"x,y,w,h, one frame per line, {index_base}-based",
        source=source,
        recognize=_recognize,
        read=partial(_read, index_base=index_base),
        write=partial(_write, index_base=index_base, times=times),
    )


OTB = _format(
    "otb",
    "OTB, and most published text files",
    index_base=1,
    times=True,
    source="Wu et al., TPAMI 2015; times as in github.com/got-10k/toolkit, experiments/otb.py",
)
LASOT = _format(
    "lasot", "LaSOT", index_base=1, source="github.com/HengLan/LaSOT_Evaluation_Toolkit"
)
UAV123 = _format("uav123", "UAV123", index_base=1, source="Mueller et al., ECCV 2016")
TRACKINGNET = _format(
    "trackingnet",
    "TrackingNet",
    index_base=0,
    source="github.com/SilvioGiancola/TrackingNet-devkit: its server takes a zip of these",
)
