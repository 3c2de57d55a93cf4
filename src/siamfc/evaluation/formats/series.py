"""Several runs of one tracker: repetitions, seeds, checkpoints.

The toolkits of GOT-10k and VOT number the files of a sequence, `<sequence>_001.txt` and so on;
`siamfc evaluate` creates a folder for each repetition and for each of several weights.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from siamfc.datasets.readers.images import list_folders
from siamfc.errors import DatasetError
from siamfc.evaluation.results import read_track

_REPETITION = re.compile(r"repetition_\d+")
_WEIGHTS = re.compile(r"\d+_(.+)")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs of one tracker that differ only by chance or by the checkpoint."""

    name: str
    """Name in tables."""
    path: Path
    """Common parent folder of the runs."""


def first_repetitions(folder: Path, *places: str) -> list[Path]:
    """Return each sequence's file of the first repetition; sequence folders lie at `places`."""
    found = {path for place in places for path in folder.glob(f"{place}/*_001.txt")}
    return sorted(path for path in found if path.stem == f"{path.parent.name}_001")


def repetition(first: Path, number: int) -> Path:
    """Return the file of a repetition, or the last one if there are fewer.

    A toolkit repeats only what may differ, so the last one stands for the rest.
    """
    return _files(first)[: max(number, 1)][-1]


def count_repetitions(firsts: Iterable[Path]) -> int:
    """Return the number of repetitions of the sequence with the most, at least 1."""
    files = [_files(first) for first in firsts]
    if all(one.read_bytes() == some[0].read_bytes() for some in files for one in some[1:]):
        return 1
    return max(map(len, files))


def _files(first: Path) -> list[Path]:
    """Return all repetitions of a sequence, in order."""
    stem = first.stem.removesuffix("_001")
    found = first.parent.glob(f"{escape(stem)}_*.txt")
    return sorted(one for one in found if one.stem.removeprefix(stem)[1:].isdigit())


def member_folders(folder: Path) -> list[Path]:
    """Return the runs of a series that `siamfc evaluate` made; empty for any other folder.

    These are all of `repetition_1`, `repetition_2` …, or all of `1_<weights>`, `2_<weights>` …,
    each of which may contain repetitions. Their files' records must name those weights, so folders
    that somebody named like this by hand are not mistaken for a series.
    """
    children = list_folders(folder)
    members: list[Path] = []
    for child in children:
        if _REPETITION.fullmatch(child.name):
            members.append(child)
        elif (match := _WEIGHTS.fullmatch(child.name)) and match[1] == _weights(child):
            members += member_folders(child) or [child]
        else:
            return []
    return members


def _weights(folder: Path) -> str | None:
    """Return the weights of the runs in a folder, without parent folder and suffix."""
    for path in sorted(folder.rglob("*.csv")):
        try:
            return Path(str(read_track(path)[1].get("weights", ""))).stem
        except DatasetError:
            continue
    return None
