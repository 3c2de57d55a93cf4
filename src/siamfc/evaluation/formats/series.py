"""Several runs of one tracker: repetitions, seeds, checkpoints.

The toolkits of GOT-10k and VOT number the files of a sequence, `<sequence>_001.txt` and so on;
`siamfc evaluate` makes a folder for each repetition and for each of several weights.
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
    """Runs of one tracker that differ by chance, or by the checkpoint alone."""

    name: str
    """As in tables."""
    path: Path
    """The folder that all of them are in."""


def first_repetitions(folder: Path, *places: str) -> list[Path]:
    """The file of the first repetition of each sequence, whose folders lie at `places`."""
    found = {path for place in places for path in folder.glob(f"{place}/*_001.txt")}
    return sorted(path for path in found if path.stem == f"{path.parent.name}_001")


def repetition(first: Path, number: int) -> Path:
    """The file of a repetition; the last there is, where there are fewer.

    A toolkit repeats only what may come out differently: the last stands for the rest.
    """
    return _files(first)[: max(number, 1)][-1]


def count_repetitions(firsts: Iterable[Path]) -> int:
    """How many repetitions there are of the sequence that has most; 1 if all are the same."""
    files = [_files(first) for first in firsts]
    if all(one.read_bytes() == some[0].read_bytes() for some in files for one in some[1:]):
        return 1
    return max(map(len, files))


def _files(first: Path) -> list[Path]:
    """All repetitions of a sequence, in order."""
    stem = first.stem.removesuffix("_001")
    found = first.parent.glob(f"{escape(stem)}_*.txt")
    return sorted(one for one in found if one.stem.removeprefix(stem)[1:].isdigit())


def member_folders(folder: Path) -> list[Path]:
    """The runs of a series that `siamfc evaluate` made; empty where a folder is of something else.

    That is all of `repetition_1`, `repetition_2` …, or all of `1_<weights>`, `2_<weights>` …, each
    of which may have repetitions in turn. Folders that were named so by hand are told by what
    their files say of the weights.
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
    """What weights the runs in a folder had, without folder and ending."""
    for path in sorted(folder.rglob("*.csv")):
        try:
            return Path(str(read_track(path)[1].get("weights", ""))).stem
        except DatasetError:
            continue
    return None
