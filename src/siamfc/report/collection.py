"""Finds what a report is about: the data set that results name, and the results."""

from collections.abc import Iterable
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass
from pathlib import Path

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.errors import InputError
from siamfc.evaluation import Protocol, protocol_of
from siamfc.evaluation.formats import (
    TrackerResults,
    read_record,
    read_trackers,
    require_result_folder,
)
from siamfc.report.study import Study, has_score, make_study


@dataclass(frozen=True, kw_only=True)
class DatasetChoice:
    """The data set; what isn't said is taken from the records of the results."""

    root: Path | None = None
    """Its folder."""
    format: str | None = None
    """Its layout, such as otb."""
    split: str | None = None
    """Its part."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathered:
    """Results, and the data set that they are of."""

    trackers: tuple[TrackerResults, ...]
    sequences: tuple[Sequence, ...]
    title: str
    """Of the data set."""
    protocol: Protocol
    """The rules of its own benchmark."""

    @property
    def can_be_scored(self) -> bool:
        """Whether the data set has more than first boxes; the test splits of servers don't."""
        return any(map(has_score, self.sequences))

    def study(self, *, separate: bool = False) -> Study:
        """Set the trackers side by side; see `make_study`."""
        return make_study(
            self.trackers,
            self.sequences,
            title=self.title,
            protocol=self.protocol,
            separate=separate,
        )


def gather(
    results: AbstractSequence[tuple[str | None, Path]],
    choice: DatasetChoice,
    *,
    results_format: str | None = None,
) -> Gathered:
    """Read results and the true boxes.

    Args:
        results: folders, each with a name, or None for the folder's own.
        choice: of the data set.
        results_format: see `read_trackers`.

    Raises:
        InputError: nobody says where the data set is; or an unknown format.
        DatasetError: as `read_trackers` and the data set's reader.
    """
    for _, path in results:
        require_result_folder(path)
    record = next((found for _, path in results if (found := read_record(path))), {})
    dataset = record.get("dataset", {})
    layout = find_format(choice.format or dataset.get("format") or "otb")
    root = choice.root or record.get("root")
    if root is None:
        raise InputError("expected --data ROOT: the results don't say where the data set is")
    root = Path(root).absolute()
    split = choice.split or dataset.get("split") or layout.evaluated
    sequences = tuple(read_sequences(layout.open(root, split=split)))
    return Gathered(
        trackers=tuple(_read(results, sequences, results_format)),
        sequences=sequences,
        title=f"{root.name} ({layout.name})",
        protocol=protocol_of(layout.name),
    )


def _read(
    results: Iterable[tuple[str | None, Path]], sequences: tuple[Sequence, ...], form: str | None
) -> Iterable[TrackerResults]:
    for name, path in results:
        yield from read_trackers(path, sequences, format=form, name=name)
