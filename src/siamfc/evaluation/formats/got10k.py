"""Results as the GOT-10k toolkit and its server want them, with times."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from siamfc.data.sequences import Sequence
from siamfc.evaluation.formats.inbox import Inbox, read_box_lines, read_seconds
from siamfc.evaluation.formats.layout import ResultFormat, box_lines, file_for, last_part
from siamfc.evaluation.runs import Track


def _first_runs(folder: Path) -> list[Path]:
    """The file of the first repetition of each sequence."""
    found = folder.glob("*/*_001.txt")
    return sorted(path for path in found if path.stem == f"{path.parent.name}_001")


def _read(folder: Path, inbox: Inbox) -> None:
    for path in _first_runs(folder):
        sequence = inbox.find(path.parent.name)
        if sequence is None:
            continue
        with inbox.leaving_out_damage():
            count = len(sequence)
            boxes = read_box_lines(path, count, index_base=0)
            times = path.with_name(f"{path.parent.name}_time.txt")
            inbox.add(sequence, boxes, seconds=read_seconds(times, count))
            others = [one for one in _repetitions(path) if one.read_bytes() != path.read_bytes()]
            if others:
                inbox.notes.append(
                    f"{path.parent}: {len(others) + 1} repetitions differ; the first is taken"
                )


def _repetitions(first: Path) -> list[Path]:
    name = first.parent.name
    return [one for one in first.parent.glob("*.txt") if one.stem.removeprefix(name)[1:].isdigit()]


def _write(folder: Path, tracks: Iterable[tuple[Sequence, Track]]) -> None:
    for sequence, track in tracks:
        name = last_part(sequence.name)
        home = folder / name
        text = box_lines(track.boxes, index_base=0, decimals=3)
        file_for(home, f"{name}_001", ".txt").write_text(text, encoding="utf-8")
        seconds = "".join(f"{value:.8f}\n" for value in np.nan_to_num(track.seconds))
        file_for(home, f"{name}_time", ".txt").write_text(seconds, encoding="utf-8")


GOT10K = ResultFormat(
    name="got10k",
    title="GOT-10k",
    tree=(
        "<sequence>/<sequence>_001.txt (to _003: repetitions)",
        "<sequence>/<sequence>_time.txt (seconds, a frame a line, a repetition a column)",
    ),
    boxes="x,y,w,h, a frame a line, 0-based, to 1/1000 pixel",
    source="github.com/got-10k/toolkit, experiments/got10k.py; its server takes a zip of these",
    recognize=lambda folder: bool(_first_runs(folder)),
    read=_read,
    write=_write,
)
