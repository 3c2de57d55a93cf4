"""`siamfc evaluate`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter

from siamfc.cli.console import print_error, print_json, print_table
from siamfc.cli.parameters import Device, Flag
from siamfc.cli.progress import Progress
from siamfc.cli.usage import UsageError

if TYPE_CHECKING:
    from siamfc.data.sequences import Sequence as VideoSequence
    from siamfc.evaluation import Evaluation, Protocol, ResultFolder, Scheme
    from siamfc.evaluation.adapters import RecordedFactory
    from siamfc.workers import Workers

SchemeName = Literal["ope", "tre", "sre", "vot-supervised", "vot-multistart"]


class _Contender(NamedTuple):
    """A tracker that takes part."""

    factory: "RecordedFactory"
    weights: str
    """What its weights were asked for by."""
    record: Mapping[str, Any]
    """Of its run; see `run_record`."""


class _Task(NamedTuple):
    """What each contender does."""

    sequences: "list[VideoSequence]"
    scheme: "Scheme"
    protocol: "Protocol"
    repetitions: int


def evaluate(
    format: str,  # noqa: A002 - the argument's name in the help
    root: Path,
    /,
    *,
    weights: Annotated[list[str] | None, Parameter(negative=())] = None,
    tracker: str | None = None,
    protocol: SchemeName = "ope",
    repeat: int = 1,
    scales: int = 3,
    device: Device = "auto",
    time_limit: float | None = None,
    split: str | None = None,
    sequence: Annotated[list[str] | None, Parameter(negative=())] = None,
    out: Path | None = None,
    workers: int = 1,
    cluster: str | None = None,
    json: Flag = False,
) -> int:
    """Track a data set's sequences and score the boxes.

    Each sequence is tracked once, from its first box to its end. AUC, precision at 20 pixels and
    centre error follow the OTB toolkit: the first frame counts, the mean is over sequences;
    frames without a target don't count. A benchmark with rules of its own has its scores beside
    them. Ends with 1 if the tracker failed on a sequence; the others are scored.

    Parameters
    ----------
    format
        The data set's layout, such as otb; `siamfc datasets` lists them.
    root
        Its folder.
    weights
        A name that `siamfc models` lists, or the path of a checkpoint; `default` unless given.
        Given several times, the mean of all and its deviation are printed.
    tracker
        Another tracker: opencv:NAME, trax:COMMAND, or module:name of a class or function.
    protocol
        ope: once from the first box. tre, sre: OTB's robustness, from 20 places in time, and from
        12 wrong first boxes. vot-supervised: begun anew five frames after it lost the target.
        vot-multistart: from anchors, forwards and backwards.
    repeat
        Repetitions, whose mean and deviation are printed; three in GOT-10k. Tracks that prove to
        be always the same are not made again.
    scales
        Sizes of the target that are tried in each frame: an odd number.
    device
        Where the network runs.
    time_limit
        Seconds that a tracker may take for a frame; it then runs in a process of its own. Another
        tracker always does, with 60.
    split
        The data set's part; by default the one that trackers are compared on.
    sequence
        Only this sequence; may be given several times.
    out
        Folder for the tracks, one file a sequence. Stopped and started again, it goes on.
    workers
        Processes that track, each with a network of one thread. 1: this one, with all cores.
    cluster
        Address of a Dask scheduler, whose workers track.
    json
        Print one JSON object instead of a table.
    """
    from siamfc.data.readers import find_format
    from siamfc.data.sequences import read_sequences
    from siamfc.evaluation import find_scheme, plan_runs, protocol_of, run_record
    from siamfc.evaluation.repeating import average
    from siamfc.workers import Workers

    if cluster is not None and workers != 1:
        raise UsageError("expected either --workers or --cluster, got both")
    if tracker is not None and weights is not None:
        raise UsageError("expected either --weights or --tracker, got both")
    if repeat < 1:
        raise UsageError(f"--repeat: expected at least 1, got {repeat}")
    layout = find_format(format)
    split = split or layout.evaluated
    videos = layout.open(root.absolute(), split=split)
    chosen = _choose(list(read_sequences(videos)), sequence or [])
    spread = cluster is not None or workers > 1
    names = [tracker] if tracker is not None else weights or ["default"]
    if tracker is not None:
        factories = [_other_tracker(tracker, time_limit)]
    else:
        threads = 1 if spread else None
        factories = [_network(name, device, scales, threads, time_limit) for name in names]
    task = _Task(chosen, find_scheme(protocol), protocol_of(format), repeat)
    dataset = {"format": format, "split": split}
    contenders = [
        _Contender(
            factory,
            name,
            run_record(
                factory.record(),
                dataset,
                root=root,
                weights="" if tracker is not None else name,
                scheme=task.scheme,
            ),
        )
        for factory, name in zip(factories, names, strict=True)
    ]
    runs = [run for some in plan_runs(chosen, task.scheme).values() for run in some]
    total = sum(map(len, runs)) * repeat * len(contenders)
    with Workers(workers, cluster=cluster) as processes, Progress("evaluate", total) as progress:
        evaluations = _evaluate(
            contenders, task, out, processes if spread else None, progress.advance
        )
    result = average(evaluations) if len(evaluations) > 1 else evaluations[0]
    if json:
        print_json({**contenders[0].record, **result.to_json()})
    else:
        _print(result, len(evaluations))
    for name, reason in result.failures.items():
        print_error(f"{name}: {reason}")
    return 1 if result.failures else 0


def _evaluate(
    contenders: "Sequence[_Contender]",
    task: _Task,
    out: Path | None,
    workers: "Workers | None",
    on_frames: Callable[[int], None],
) -> "list[Evaluation]":
    """Every repetition of every contender."""
    from siamfc.evaluation.repeating import evaluate_repeatedly

    evaluations: list[Evaluation] = []
    for number, one in enumerate(contenders, 1):
        folder = out
        if out is not None and len(contenders) > 1:
            folder = out / f"{number}_{Path(one.weights).stem}"
        evaluations += evaluate_repeatedly(
            one.factory,
            task.sequences,
            repetitions=task.repetitions,
            results=_result_folders(folder, task.repetitions, one.record),
            deterministic=getattr(one.factory, "deterministic", False),
            scheme=task.scheme,
            protocol=task.protocol,
            workers=workers,
            on_frames=on_frames,
        )
    return evaluations


def _result_folders(
    folder: Path | None, repetitions: int, record: Mapping[str, Any]
) -> "list[ResultFolder | None]":
    """A folder for each repetition: the one that was named, or folders in it."""
    from siamfc.evaluation import ResultFolder

    if folder is None:
        return [None] * repetitions
    if repetitions == 1:
        return [ResultFolder(path=folder, record=record)]
    return [
        ResultFolder(path=folder / f"repetition_{number}", record=record)
        for number in range(1, repetitions + 1)
    ]


def _network(
    weights: str, device: str, scales: int, threads: int | None, time_limit: float | None
) -> "RecordedFactory":
    from siamfc.evaluation import SiamFC
    from siamfc.evaluation.isolation import Isolated
    from siamfc.tracking import settings_for

    tracker = SiamFC(weights=weights, device=device, threads=threads, settings=settings_for(scales))
    return tracker if time_limit is None else Isolated(factory=tracker, time_limit=time_limit)


def _other_tracker(text: str, time_limit: float | None) -> "RecordedFactory":
    from siamfc.evaluation.adapters import parse_tracker
    from siamfc.evaluation.isolation import Isolated

    tracker = parse_tracker(text)
    if time_limit is None:
        return Isolated(factory=tracker)
    return Isolated(factory=tracker, time_limit=time_limit)


def _choose(sequences: "list[VideoSequence]", names: list[str]) -> "list[VideoSequence]":
    known = [one.name for one in sequences]
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {len(known)} others"
            raise UsageError(f"--sequence: no sequence {name!r}: {advice}")
    return [one for one in sequences if not names or one.name in names]


def _print(evaluation: "Evaluation", count: int) -> None:
    rows = [
        _row(name, one.scores, one.frames, one.frames_per_second)
        for name, one in evaluation.sequences.items()
    ]
    rows.append(_row("mean", evaluation.scores, evaluation.frames, evaluation.frames_per_second))
    deviation = getattr(evaluation, "deviation", None)
    if deviation:
        rows.append([*_row("deviation", deviation, 0, 0)[:4], "", ""])
    header = ["sequence", "AUC", "precision", "centre error", "frames", "frames/s"]
    print_table(header, rows)
    if evaluation.protocol != "otb":
        scores = ", ".join(f"{name} {value:.3f}" for name, value in evaluation.benchmark.items())
        print(f"\nby the rules of {evaluation.protocol}: {scores}")
    if count > 1:
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
