"""What a form of result files is: the part that each form states of its own."""

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
"""By the name of the sequence."""


@dataclass(frozen=True, kw_only=True)
class ResultFormat:
    """A form in which a run's boxes are handed on, with its conventions and their source."""

    name: str
    """As typed on the command line."""
    title: str
    tree: tuple[str, ...]
    """What lies in the folder of a run: one path a line, `<…>` for what varies."""
    boxes: str
    """Form and index base of a box."""
    source: str
    """Where these conventions are laid down."""
    recognize: Callable[[Path], bool] = field(repr=False)
    """Whether a folder looks like one of a run in this form."""
    read: Callable[[Path, ResultCollector], None] = field(repr=False)
    """Read a run's folder into an collected."""
    write: Callable[[Path, Iterable[tuple[Sequence, RunRecord]]], None] = field(repr=False)
    """Write tracks into an empty folder."""
    repetitions: Callable[[Path], int] = field(default=lambda _: 1, repr=False)
    """How many repetitions a run's folder holds."""


def file_for(folder: Path, name: str, suffix: str) -> Path:
    """Where the file of a sequence goes; makes the folders on the way to it.

    Raises:
        OutputError: a name that would lead out of the folder.
    """
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in name:
        raise OutputError(f"expected a sequence's name fit for a file, got {name!r}")
    path = folder.joinpath(*parts[:-1], parts[-1] + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def last_part(name: str) -> str:
    """What benchmarks call a sequence that we call `<split>/<name>`."""
    return name.rpartition("/")[2]


def second_lines(seconds: FloatArray) -> str:
    """Lines of seconds, one a frame; zero where they are not known."""
    return "".join(f"{value:.8f}\n" for value in np.nan_to_num(seconds))


def text_files(folder: Path) -> Iterator[Path]:
    """The text files of a folder that may hold boxes, in order: not lists, not times."""
    for path in sorted(folder.glob("*.txt")):
        if not path.stem.endswith("_time") and path.stem != "list":
            yield path
