"""Subject of a report: results read from files, scored on the sequences that all trackers have."""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.errors import DatasetError, InputError
from siamfc.evaluation import protocol_of
from siamfc.evaluation.formats import (
    TrackerResults,
    read_record,
    read_trackers,
    require_result_folder,
)
from siamfc.evaluation.runs import Run
from siamfc.evaluation.scoring.measures import Score
from siamfc.evaluation.scoring.protocols import OTB, Protocol
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme, Tracked
from siamfc.report.scored_tracker import ScoredTracker, mean_tracker, score_sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """Trackers compared on the same sequences."""

    entries: tuple[ScoredTracker, ...]
    """Trackers; the others are compared with the first."""
    sequences: tuple[Sequence, ...]
    """Sequences that count, in the data set's order."""
    title: str
    """Title of the data set."""
    protocol: Protocol
    """Rules of the data set's own benchmark."""
    scheme: Scheme = ONE_PASS
    """Scheme of the runs."""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sequences that do not count, and the trackers that lack them."""
    problems: tuple[str, ...] = ()
    """A line for each file that was skipped or is not as expected."""

    @property
    def frame_count(self) -> int:
        """Number of frames of all sequences."""
        return sum(map(len, self.sequences))

    @property
    def benchmark(self) -> tuple[str, tuple[Score, ...]] | None:
        """Name and scores of further rules besides OTB's; None if there are none."""
        if self.scheme.benchmark is not None:
            return self.scheme.name, self.scheme.scores
        if self.protocol.name != OTB.name:
            return self.protocol.name, self.protocol.measures
        return None

    @property
    def repeated(self) -> bool:
        """True if a tracker was run several times, so that there are deviations."""
        return any(one.repetitions for one in self.entries)

    @cached_property
    def worst_first(self) -> tuple[Sequence, ...]:
        """The sequences, in ascending order of the first tracker's score."""
        results = self.entries[0].results
        return tuple(sorted(self.sequences, key=lambda one: results[one.name].scores["auc"]))

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Names of the sequences by attribute, including those that have it only in some frames."""
        found: dict[str, list[str]] = {}
        for one in self.sequences:
            tags = [name for name, flags in one.tags.items() if flags.any()]
            for attribute in dict.fromkeys([*one.attributes, *tags]):
                found.setdefault(attribute, []).append(one.name)
        return {name: tuple(found[name]) for name in sorted(found)}


def make_study(
    trackers: AbstractSequence[TrackerResults],
    sequences: AbstractSequence[Sequence],
    *,
    title: str,
    protocol: Protocol = OTB,
    separate: bool = False,
) -> Study:
    """Score trackers on the sequences that all of them have, so that means are comparable.

    Args:
        trackers: their results; the others are compared with the first.
        sequences: of the data set.
        title: of the data set.
        protocol: rules of the data set's own benchmark.
        separate: make each run of a series an entry; otherwise their mean is one.

    Raises:
        DatasetError: there is no tracker, no sequence that all of them have, or no ground truth; or
            the trackers were run by different schemes.
    """
    scheme = _common_scheme(trackers)
    plan = {one.name: scheme.runs(one) for one in sequences}
    lacking = {
        name: tuple(one.name for one in trackers if any(run.name not in one.tracks for run in runs))
        for name, runs in plan.items()
    }
    common = [one for one in sequences if not lacking[one.name]]
    if not trackers or not common:
        raise _nothing_in_common(trackers)
    scored = tuple(filter(has_score, common))
    if not scored:
        raise DatasetError(
            "expected ground truth, got only first boxes: such results can be exported for a "
            "server that has the rest, but not scored here"
        )
    parts = [(one, plan[one.name]) for one in scored]
    groups = [[one] for one in trackers] if separate else _series(trackers)
    names: list[str] = []
    entries: list[ScoredTracker] = []
    for index, group in enumerate(groups):
        names.append(_new_name(group, names, separate=separate))
        runs = [_score_tracker(index, names[-1], one, parts, (scheme, protocol)) for one in group]
        entries.append(runs[0] if len(runs) == 1 else mean_tracker(names[-1], runs))
    return Study(
        entries=tuple(entries),
        sequences=scored,
        title=title,
        protocol=protocol,
        scheme=scheme,
        left_out={name: those for name, those in lacking.items() if those},
        problems=tuple(
            dict.fromkeys(line for each in trackers for line in (*each.damaged, *each.notes))
        ),
    )


def has_score(sequence: Sequence) -> bool:
    """Return whether there is ground truth beyond the tracker's initial box."""
    return int(sequence.annotated.sum()) > 1


def _nothing_in_common(trackers: AbstractSequence[TrackerResults]) -> DatasetError:
    damaged = [line for each in trackers for line in each.damaged]
    reasons = [f"the first file left out is {line}" for line in damaged]
    reasons += [line for each in trackers for line in each.notes]
    message = "expected at least one sequence with results of every tracker, got none"
    return DatasetError("; ".join([message, *reasons[:1]]))


def _common_scheme(trackers: AbstractSequence[TrackerResults]) -> Scheme:
    ways = {one.scheme.title: one.name for one in reversed(trackers)}
    if len(ways) > 1:
        raise DatasetError(
            "expected trackers run by one scheme, so that scores can be compared, got "
            + "; ".join(f"{title} ({name})" for title, name in reversed(ways.items()))
            + ": make a report of each"
        )
    return trackers[0].scheme if trackers else ONE_PASS


def _series(trackers: AbstractSequence[TrackerResults]) -> list[list[TrackerResults]]:
    """Group consecutive runs of one series."""
    groups = groupby(enumerate(trackers), lambda pair: pair[1].series or pair[0])
    return [[one for _, one in group] for _, group in groups]


def _score_tracker(
    index: int,
    name: str,
    tracker: TrackerResults,
    sequences: AbstractSequence[tuple[Sequence, AbstractSequence[Run]]],
    rules: tuple[Scheme, Protocol],
) -> ScoredTracker:
    scheme, protocol = rules
    tracked = [
        Tracked(sequence=one, runs=runs, tracks=[tracker.tracks[run.name] for run in runs])
        for one, runs in sequences
    ]
    if scheme.benchmark is not None:
        benchmark = scheme.benchmark(tracked)
    else:
        benchmark = protocol.summarize([one.compare(protocol) for one in tracked])
    return ScoredTracker(
        name=name,
        index=index,
        results={one.sequence.name: score_sequence(one) for one in tracked},
        benchmark=benchmark,
        sources=(tracker,),
    )


def _new_name(group: list[TrackerResults], taken: list[str], *, separate: bool) -> str:
    """Return a unique name for a tracker, with its folder or a number added if needed."""
    first = group[0]
    base, path = first.name, first.path
    if first.series is not None and not separate:
        base, path = first.series.name, first.series.path
    name = f"{path.absolute().parent.name}/{base}" if base in taken else base
    number = 2
    while name in taken:
        name, number = f"{base} ({number})", number + 1
    return name


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
