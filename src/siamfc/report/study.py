"""What a report is about: trackers scored on the sequences that all of them have."""

from collections.abc import Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats import TrackerResults
from siamfc.evaluation.runs import Run
from siamfc.evaluation.scoring.measures import Score
from siamfc.evaluation.scoring.protocols import OTB, Protocol
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme, Tracked
from siamfc.report.entry import Entry, mean_entry, score_sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """Trackers side by side."""

    entries: tuple[Entry, ...]
    """The first is the one that the others are compared with."""
    sequences: tuple[Sequence, ...]
    """Those that count, in the data set's order."""
    title: str
    """Of the data set."""
    protocol: Protocol
    """The rules of the data set's own benchmark."""
    scheme: Scheme = ONE_PASS
    """How the trackers were run."""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sequences that don't count, and the trackers that don't have them."""
    problems: tuple[str, ...] = ()
    """A line for each file that was left out or isn't as expected."""

    @property
    def frame_count(self) -> int:
        """Frames of all sequences."""
        return sum(map(len, self.sequences))

    @property
    def benchmark(self) -> tuple[str, tuple[Score, ...]] | None:
        """Name and scores of the rules that stand beside OTB's; None: there are none."""
        if self.scheme.benchmark is not None:
            return self.scheme.name, self.scheme.scores
        if self.protocol.name != OTB.name:
            return self.protocol.name, self.protocol.measures
        return None

    @property
    def repeated(self) -> bool:
        """Whether a tracker was run several times, so that there are deviations."""
        return any(one.repetitions for one in self.entries)

    @cached_property
    def worst_first(self) -> tuple[Sequence, ...]:
        """The sequences, those first in which the first tracker does worst."""
        results = self.entries[0].results
        return tuple(sorted(self.sequences, key=lambda one: results[one.name].scores["auc"]))

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attribute → names of the sequences that have it, or that have it in some frame."""
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
    """Score trackers on the sequences that all of them have, so that means can be compared.

    Args:
        trackers: what they said; the first is the one that the others are compared with.
        sequences: of the data set.
        title: of the data set.
        protocol: rules of the data set's own benchmark.
        separate: whether each run of a series is an entry of its own; otherwise their mean is one.

    Raises:
        DatasetError: no tracker, or no sequence that all of them have, or nothing to score by; or
            trackers that were run in different ways.
    """
    scheme = _common_scheme(trackers)
    plan = {one.name: scheme.runs(one) for one in sequences}
    lacking = {
        name: tuple(one.name for one in trackers if any(run.name not in one.tracks for run in runs))
        for name, runs in plan.items()
    }
    common = [one for one in sequences if not lacking[one.name]]
    if not trackers or not common:
        damaged = [line for each in trackers for line in each.damaged]
        notes = [line for each in trackers for line in each.notes]
        raise DatasetError(
            "expected at least one sequence of which every tracker has results, got none"
            + (f"; the first file left out is {damaged[0]}" if damaged else "")
            + (f"; {notes[0]}" if notes and not damaged else "")
        )
    scored = tuple(filter(has_score, common))
    if not scored:
        raise DatasetError(
            "expected true boxes to score by, got only first ones: such results can be exported, "
            "for a server that has the others, but not shown"
        )
    parts = [(one, plan[one.name]) for one in scored]
    groups = [[one] for one in trackers] if separate else _series(trackers)
    names: list[str] = []
    entries: list[Entry] = []
    for index, group in enumerate(groups):
        names.append(_new_name(group, names, separate=separate))
        runs = [_enter(index, names[-1], one, parts, (scheme, protocol)) for one in group]
        entries.append(runs[0] if len(runs) == 1 else mean_entry(names[-1], runs))
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
    """Whether there is ground truth beyond the first box, which initialises the tracker."""
    return int(sequence.annotated.sum()) > 1


def _common_scheme(trackers: AbstractSequence[TrackerResults]) -> Scheme:
    ways = {one.scheme.title: one.name for one in reversed(trackers)}
    if len(ways) > 1:
        raise DatasetError(
            "expected trackers that were run in one way, so that scores can be compared, got "
            + "; ".join(f"{title} ({name})" for title, name in reversed(ways.items()))
            + ": make a report of each"
        )
    return trackers[0].scheme if trackers else ONE_PASS


def _series(trackers: AbstractSequence[TrackerResults]) -> list[list[TrackerResults]]:
    """Put runs of one series, which follow one another, together."""
    groups = groupby(enumerate(trackers), lambda pair: pair[1].series or pair[0])
    return [[one for _, one in group] for _, group in groups]


def _enter(
    index: int,
    name: str,
    tracker: TrackerResults,
    sequences: AbstractSequence[tuple[Sequence, AbstractSequence[Run]]],
    rules: tuple[Scheme, Protocol],
) -> Entry:
    scheme, protocol = rules
    tracked = [
        Tracked(sequence=one, runs=runs, tracks=[tracker.tracks[run.name] for run in runs])
        for one, runs in sequences
    ]
    if scheme.benchmark is not None:
        benchmark = scheme.benchmark(tracked)
    else:
        benchmark = protocol.summarize([one.compare(protocol) for one in tracked])
    return Entry(
        name=name,
        index=index,
        results={one.sequence.name: score_sequence(one) for one in tracked},
        benchmark=benchmark,
        sources=(tracker,),
    )


def _new_name(group: list[TrackerResults], taken: list[str], *, separate: bool) -> str:
    """A name that tells a tracker from others: one that is taken gets a folder, or a number."""
    first = group[0]
    base, path = first.name, first.path
    if first.series is not None and not separate:
        base, path = first.series.name, first.series.path
    name = f"{path.absolute().parent.name}/{base}" if base in taken else base
    number = 2
    while name in taken:
        name, number = f"{base} ({number})", number + 1
    return name
