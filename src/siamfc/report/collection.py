"""Results for a report, and the data set that their records name."""

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
    """The data set; missing fields are filled in from the records of the results."""

    root: Path | None = None
    """Folder of the data set."""
    format: str | None = None
    """Layout, such as otb."""
    split: str | None = None
    """Split, such as test."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CollectedResults:
    """Results with their data set."""

    trackers: tuple[TrackerResults, ...]
    sequences: tuple[Sequence, ...]
    title: str
    """Title of the data set."""
    protocol: Protocol
    """Rules of its own benchmark."""

    @property
    def can_be_scored(self) -> bool:
        """True if the data set has more than first boxes, unlike the test splits of servers."""
        return any(map(has_score, self.sequences))

    def study(self, *, separate: bool = False) -> Study:
        """Compare the trackers; see `make_study`."""
        return make_study(
            self.trackers,
            self.sequences,
            title=self.title,
            protocol=self.protocol,
            separate=separate,
        )


def collect_results(
    results: AbstractSequence[tuple[str | None, Path]],
    choice: DatasetChoice,
    *,
    results_format: str | None = None,
) -> CollectedResults:
    """Read results and their ground truth.

    Args:
        results: folders, each with a name, or None for the folder's own.
        choice: of the data set.
        results_format: as for `read_trackers`.

    Raises:
        InputError: the data set's folder is unknown, or the format is.
        DatasetError: as for `read_trackers` and the data set's reader.
    """
    for _, path in results:
        require_result_folder(path)
    record = next((found for _, path in results if (found := read_record(path))), {})
    dataset = record.get("dataset", {})
    layout = find_format(choice.format or dataset.get("format") or "otb")
    root = choice.root or record.get("root")
    if root is None:
        raise InputError("expected --data ROOT: the results do not name the data set's folder")
    root = Path(root).absolute()
    split = choice.split or dataset.get("split") or layout.evaluated
    sequences = tuple(read_sequences(layout.open(root, split=split)))
    return CollectedResults(
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
