"""Definition of a result format: the part that each format states for itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.datasets.sequences import Sequence
from siamfc.errors import OutputError
from siamfc.evaluation.formats.collector import ResultCollector
from siamfc.evaluation.runs import RunRecord

Tracks = Mapping[str, RunRecord]
"""Tracks by the sequence's name."""


@dataclass(frozen=True, kw_only=True)
class ResultFormat:
    """A file format for a run's boxes, with its conventions and their source."""

    name: str
    """Name on the command line."""
    title: str
    tree: tuple[str, ...]
    """Contents of a run's folder: one path per line, `<…>` for what varies."""
    boxes: str
    """Form and index base of a box."""
    source: str
    """Source that defines these conventions."""
    recognize: Callable[[Path], bool] = field(repr=False)
    """Recognises a run's folder in this format."""
    read: Callable[[Path, ResultCollector], None] = field(repr=False)
    """Reads a run's folder into a collector."""
    write: Callable[[Path, Iterable[tuple[Sequence, RunRecord]]], None] = field(repr=False)
    """Writes tracks into an empty folder."""
    repetitions: Callable[[Path], int] = field(default=lambda _: 1, repr=False)
    """Counts the repetitions in a run's folder."""


def file_for(folder: Path, name: str, suffix: str) -> Path:
    """Return the path of a sequence's file, and create its parent folders.

    Raises:
        OutputError: the name would lead out of the folder.
    """
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in name:
        raise OutputError(f"expected a sequence name that is a valid file name, got {name!r}")
    path = folder.joinpath(*parts[:-1], parts[-1] + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def last_part(name: str) -> str:
    """Return the benchmark's name of a sequence that siamfc calls `<split>/<name>`."""
    return name.rpartition("/")[2]


def second_lines(seconds: FloatArray) -> str:
    """Format seconds, one line per frame; zero where unknown."""
    return "".join(f"{value:.8f}\n" for value in np.nan_to_num(seconds))


def text_files(folder: Path) -> Iterator[Path]:
    """Yield the text files of a folder that may contain boxes, in order: no lists, no times."""
    for path in sorted(folder.glob("*.txt")):
        if not path.stem.endswith("_time") and path.stem != "list":
            yield path
