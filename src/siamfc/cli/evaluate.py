"""`siamfc evaluate`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from siamfc.checks import shown
from siamfc.cli.console import print_error, print_json, print_table
from siamfc.cli.parameters import Device, Json, Threads, Whole
from siamfc.cli.progress import Progress
from siamfc.cli.tracker_options import SearchOptions
from siamfc.cli.usage import UsageError, make_workers
from siamfc.network import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import Token

    from siamfc.evaluation import Evaluation
    from siamfc.evaluation.trackers.entries import Task, TrackerEntry

_MOST_REPETITIONS = 1000

SchemeName = Literal["ope", "tre", "sre", "vot-supervised", "vot-multistart"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluatedOptions:
    """The tracker."""

    weights: Annotated[list[str] | None, Parameter(negative=())] = None
    """A name that `siamfc models` lists, or the path of a checkpoint; by default light. If given
    several times, the mean of all, its deviation and the mean of each are printed.
    """
    tracker: str | None = None
    """Another tracker: opencv:NAME, trax:COMMAND, or module:name of a class or function."""
    device: Device = "auto"
    threads: Threads = None
    time_limit: float | None = None
    """Seconds per frame for the tracker, which then runs in a separate process. Third-party
    trackers always do, with 60.
    """


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """The runs."""

    protocol: SchemeName = "ope"
    """ope: once from the first box. tre, sre: OTB's robustness, from 20 frames, and from 12 wrong
    first boxes. vot-supervised: restarted five frames after each failure. vot-multistart: from
    anchors, forwards and backwards.
    """
    repeat: Whole = 1
    """Number of repetitions, of which the mean and deviation are printed; three in GOT-10k. Tracks
    that prove deterministic are not repeated.
    """
    split: str | None = None
    """The data set's split; by default the one on which trackers are compared."""
    sequence: Annotated[list[str] | None, Parameter(negative=())] = None
    """Only this sequence; may be given several times."""


def _parse_folder(_type: object, tokens: "Sequence[Token]") -> Path:
    if not tokens[0].value:
        raise ValueError("expected the name of a folder, got ''")
    return Path(tokens[0].value)


_TRACKER, _SEARCH, _RUNS = EvaluatedOptions(), SearchOptions(), TaskOptions()


def evaluate(
    format: str,
    root: Path,
    /,
    *,
    tracker: EvaluatedOptions = _TRACKER,
    search: SearchOptions = _SEARCH,
    runs: TaskOptions = _RUNS,
    out: Annotated[Path | None, Parameter(alias="-o", converter=_parse_folder)] = None,
    workers: Whole = 1,
    cluster: str | None = None,
    json: Json = False,
) -> int:
    """Track a data set's sequences and score the boxes.

    Each sequence is tracked once, from its first box to its end. AUC, precision at 20 pixels and
    centre error follow the OTB toolkit: the first frame counts, the mean is over sequences; frames
    without a target do not count. A benchmark with its own rules has those scores printed too. The
    exit status is 1 if a sequence cannot be read or the tracker failed on it; the others are
    scored.

    Parameters
    ----------
    format
        The data set's layout, such as otb; `siamfc datasets` lists them.
    root
        Its folder.
    tracker
        The tracker.
    search
        How siamfc's tracker searches.
    runs
        The runs.
    out
        Folder for the tracks, one file per sequence. The same command resumes a stopped run.
    workers
        Number of processes that track, each with a network of one thread. 1: this one, with all
        cores.
    cluster
        Address of a Dask scheduler, whose workers track.
    """
    from siamfc.evaluation.trackers.entries import evaluate_trackers

    pool = make_workers(workers, cluster)
    spread = cluster is not None or workers > 1
    entries = _entries(tracker, search, threads=tracker.threads or (1 if spread else None))
    task = _task(format, root, runs)
    total = task.frame_count * len(entries)
    with pool as processes, Progress("evaluate", total) as progress:
        result = evaluate_trackers(
            entries,
            task,
            out=out,
            workers=processes if spread else None,
            on_frames=progress.advance,
        )
    if json:
        print_json({**_record(task, entries), **result.to_json()})
    elif result.sequences:
        _print(result, [one.weights for one in entries])
    for name, reason in result.failures.items():
        print_error(f"{name}: {reason}")
    return 1 if result.failures else 0


def _entries(
    tracker: EvaluatedOptions, search: SearchOptions, *, threads: int | None
) -> "list[TrackerEntry]":
    from siamfc.evaluation.trackers.entries import pretrained_entry, third_party_entry

    if tracker.tracker is not None:
        if tracker.weights is not None:
            raise UsageError("expected either --weights or --tracker, got both")
        return [third_party_entry(tracker.tracker, time_limit=tracker.time_limit)]
    return [
        pretrained_entry(
            name,
            device=tracker.device,
            threads=threads,
            settings=search.settings_for(name),
            time_limit=tracker.time_limit,
        )
        for name in tracker.weights or [DEFAULT_WEIGHTS]
    ]


def _task(name: str, root: Path, runs: TaskOptions) -> "Task":
    from siamfc.datasets.readers import find_format
    from siamfc.errors import InputError
    from siamfc.evaluation import find_scheme, protocol_of
    from siamfc.evaluation.trackers.entries import Task, choose_sequences

    if not 1 <= runs.repeat <= _MOST_REPETITIONS:
        raise UsageError(f"--repeat: expected 1 to {_MOST_REPETITIONS}, got {shown(runs.repeat)}")
    layout = find_format(name)
    split = runs.split or layout.evaluated
    videos = layout.open(root.absolute(), split=split)
    try:
        chosen, unreadable = choose_sequences(videos, runs.sequence or [])
    except InputError as error:
        raise UsageError(f"--sequence: {error}") from None
    return Task(
        sequences=chosen,
        unreadable=unreadable,
        dataset={"format": name, "split": split},
        root=root,
        scheme=find_scheme(runs.protocol),
        protocol=protocol_of(name),
        repetitions=runs.repeat,
    )


def _record(task: "Task", entries: "list[TrackerEntry]") -> dict[str, Any]:
    """Return what was evaluated; lists of the trackers and their weights if there are several."""
    records = [task.record(one) for one in entries]
    if len(records) == 1:
        return {**records[0]}
    several = {name: [one[name] for one in records] for name in ("tracker", "weights")}
    return {**records[0], **several}


def _print(evaluation: "Evaluation", names: list[str]) -> None:
    """Print the scores, and the means of each evaluation if there are several named weights."""
    from siamfc.evaluation import Average

    rows = [
        _row(name, one.scores, one.frames, one.frames_per_second)
        for name, one in evaluation.sequences.items()
    ]
    rows.append(_row("mean", evaluation.scores, evaluation.frames, evaluation.frames_per_second))
    if isinstance(evaluation, Average):
        rows.append([*_row("deviation", evaluation.deviation, 0, 0)[:4], "", ""])
        each = len(evaluation.repetitions) // len(names)
        rows += [
            _row(f"mean of {names[at // each]}", one.scores, one.frames, one.frames_per_second)
            for at, one in enumerate(evaluation.repetitions)
            if len(names) > 1
        ]
    header = ["sequence", "AUC", "precision", "centre error", "frames", "frames/s"]
    print_table(header, rows)
    if evaluation.protocol != "otb":
        scores = ", ".join(f"{name} {value:.3f}" for name, value in evaluation.benchmark.items())
        print(f"\nby the rules of {evaluation.protocol}: {scores}")
    if isinstance(evaluation, Average):
        count = len(evaluation.repetitions)
        print(f"\nmean of {count} evaluations, and their sample standard deviation")
    sys.stdout.flush()


def _row(name: str, scores: dict[str, float], frames: int, rate: float) -> list[str]:
    return [
        name,
        f"{scores['auc']:.3f}",
        f"{scores['precision']:.3f}",
        f"{scores['center_error']:.2f}",
        str(frames),
        f"{rate:.1f}",
    ]
