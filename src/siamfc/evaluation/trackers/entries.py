"""Trackers evaluated on one task: the entries and the task."""

import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from siamfc.datasets.sequences import Sequence, Video
from siamfc.errors import DatasetError, InputError, OutputError, suggest
from siamfc.evaluation.evaluations import Evaluation, describe_run, plan_runs
from siamfc.evaluation.repetitions import average, evaluate_repeatedly
from siamfc.evaluation.results import Record, ResultFolder
from siamfc.evaluation.runs import OnFrames
from siamfc.evaluation.scoring.protocols import OTB, Protocol
from siamfc.evaluation.scoring.schemes import ONE_PASS, Scheme
from siamfc.evaluation.trackers.isolation import Isolated
from siamfc.evaluation.trackers.pretrained import PretrainedTracker
from siamfc.evaluation.trackers.third_party import RecordedFactory, parse_tracker
from siamfc.tracking import Settings
from siamfc.workers import Workers


@dataclass(frozen=True, kw_only=True)
class TrackerEntry:
    """A tracker in an evaluation."""

    factory: RecordedFactory
    """Makes the tracker."""
    weights: str = ""
    """Weights as the user named them; empty for a third-party tracker."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The task of each tracker."""

    sequences: AbstractSequence[Sequence]
    dataset: Mapping[str, Any]
    """Format and split, for the record."""
    root: Path
    """Folder of the data set."""
    scheme: Scheme = ONE_PASS
    protocol: Protocol = OTB
    """Rules of the data set's own benchmark."""
    repetitions: int = 1
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Videos whose annotation cannot be read: the reasons, by name."""

    def __post_init__(self) -> None:
        if self.repetitions < 1:
            raise InputError(f"repetitions: expected at least 1, got {self.repetitions}")

    @property
    def frame_count(self) -> int:
        """Number of frames that a tracker processes."""
        runs = plan_runs(self.sequences, self.scheme).values()
        return self.repetitions * sum(len(run) for some in runs for run in some)

    def record(self, entry: TrackerEntry) -> Record:
        """Return the record of a tracker's runs; see `describe_run`."""
        return describe_run(
            entry.factory.record(),
            self.dataset,
            root=self.root,
            weights=entry.weights,
            scheme=self.scheme,
        )


def pretrained_entry(
    weights: str,
    *,
    device: str = "auto",
    threads: int | None = None,
    settings: Settings | None = None,
    time_limit: float | None = None,
) -> TrackerEntry:
    """Return an entry of siamfc's own tracker.

    Args:
        weights: a name that `siamfc models` lists, or the path of a checkpoint.
        device: device of the network.
        threads: as for `PretrainedTracker`.
        settings: as for `PretrainedTracker`.
        time_limit: seconds per frame, enforced in a separate process; None: no limit.

    Raises:
        InputError: the limit is impossible.
    """
    tracker = PretrainedTracker(weights=weights, device=device, threads=threads, settings=settings)
    if time_limit is None:
        return TrackerEntry(factory=tracker, weights=weights)
    return TrackerEntry(factory=Isolated(factory=tracker, time_limit=time_limit), weights=weights)


def third_party_entry(text: str, *, time_limit: float | None = None) -> TrackerEntry:
    """Return an entry of a third-party tracker, in a separate process; see `parse_tracker`.

    Raises:
        InputError: the text names no tracker, or the limit is impossible.
    """
    tracker = parse_tracker(text)
    if time_limit is None:
        return TrackerEntry(factory=Isolated(factory=tracker))
    return TrackerEntry(factory=Isolated(factory=tracker, time_limit=time_limit))


def evaluate_trackers(
    entries: AbstractSequence[TrackerEntry],
    task: Task,
    *,
    out: Path | None = None,
    workers: Workers | None = None,
    on_frames: OnFrames | None = None,
) -> Evaluation:
    """Evaluate each tracker and return the scores, or their `Average` for several evaluations.

    Args:
        entries: at least one.
        task: the task of each.
        out: folder of the results; see `result_folders`. None: results are not saved.
        workers: as for `siamfc.evaluation.evaluate`.
        on_frames: as for `siamfc.evaluation.evaluate`.

    Raises:
        InputError: there is no entry.
        OutputError: results cannot be written to `out`.
        Exception: any error of `siamfc.evaluation.evaluate`.
    """
    records = [task.record(one) for one in entries]  # bad weights fail before any work is done
    if out is not None:
        _require_folder(out)
    evaluations: list[Evaluation] = []
    for number, (one, record) in enumerate(zip(entries, records, strict=True), 1):
        run_folder = out
        if out is not None and len(entries) > 1:
            run_folder = out / f"{number}_{Path(one.weights).stem}"
        evaluations += evaluate_repeatedly(
            one.factory,
            task.sequences,
            repetitions=task.repetitions,
            results=list(result_folders(run_folder, task.repetitions, record)),
            deterministic=getattr(one.factory, "deterministic", False),
            scheme=task.scheme,
            protocol=task.protocol,
            workers=workers,
            on_frames=on_frames,
        )
    found = evaluations[0] if len(evaluations) == 1 else average(evaluations)
    return replace(found, failures={**task.unreadable, **found.failures})


def _require_folder(path: Path) -> None:
    """Create a folder if needed; raise OutputError if it cannot be created or written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: expected a folder for results: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise OutputError(f"{path}: results cannot be written there: permission denied")


def result_folders(
    run_folder: Path | None, repetitions: int, record: Record
) -> Iterator[ResultFolder | None]:
    """Yield a folder for each repetition: the given one, or subfolders of it for several."""
    for number in range(1, repetitions + 1):
        if run_folder is None:
            yield None
        else:
            path = run_folder if repetitions == 1 else run_folder / f"repetition_{number}"
            yield ResultFolder(path=path, record=record)


def choose_sequences(
    videos: AbstractSequence[Video], names: AbstractSequence[str]
) -> tuple[list[Sequence], dict[str, str]]:
    """Read the named sequences, or all if no name is given.

    A video whose annotation cannot be read does not stop the others. Videos with other names are
    not opened.

    Returns:
        The sequences, and the reasons why other videos cannot be read, by name.

    Raises:
        InputError: no sequence has such a name; the message gives the nearest.
        DatasetError: no sequence can be read, or two have the same name.
    """
    likely = [one for one in videos if not names or any(n.startswith(one.name) for n in names)]
    known, unreadable = _read(likely)
    if not known.keys() | unreadable.keys() >= set(names):
        known, unreadable = _read(videos)
    for name in names:
        if name not in known and not any(name.startswith(video) for video in unreadable):
            advice = suggest(name, known, f"there are {len(known)} others")
            raise InputError(f"no sequence {name!r}: {advice}")
    chosen = [one for name, one in known.items() if not names or name in names]
    if not chosen:
        name, reason = next(iter(unreadable.items()))
        raise DatasetError(f"{name}: {reason}")
    return chosen, unreadable


def _read(videos: Iterable[Video]) -> tuple[dict[str, Sequence], dict[str, str]]:
    """Return the sequences of videos by name, and the reasons why videos have none."""
    known: dict[str, Sequence] = {}
    unreadable: dict[str, str] = {}
    for video in videos:
        try:
            found = video.read()
        except DatasetError as error:
            unreadable[video.name] = str(error)
            continue
        if not any(one.annotated.any() for one in found):
            unreadable[video.name] = "expected at least one target, found none"
            continue
        for one in found:
            if one.name in known:
                raise DatasetError(f"expected unique sequence names, got {one.name!r} twice")
            known[one.name] = one
    return known, unreadable
