"""`siamfc evaluate`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from siamfc.cli.console import print_error, print_json, print_table
from siamfc.cli.parameters import Device, Flag
from siamfc.cli.progress import Progress
from siamfc.cli.usage import UsageError

if TYPE_CHECKING:
    from siamfc.data.sequences import Sequence
    from siamfc.evaluation import Evaluation


def evaluate(
    format: str,  # noqa: A002 - the argument's name in the help
    root: Path,
    /,
    *,
    weights: str = "default",
    scales: int = 3,
    device: Device = "auto",
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
        A name that `siamfc models` lists, or the path of a checkpoint.
    scales
        Sizes of the target that are tried in each frame: an odd number.
    device
        Where the network runs.
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
    from siamfc.evaluation import ResultFolder, SiamFC, protocol_of, run_record
    from siamfc.evaluation import evaluate as run
    from siamfc.tracking import settings_for
    from siamfc.workers import Workers

    if cluster is not None and workers != 1:
        raise UsageError("expected either --workers or --cluster, got both")
    layout = find_format(format)
    split = split or layout.evaluated
    videos = layout.open(root.absolute(), split=split)
    chosen = _choose(list(read_sequences(videos)), sequence or [])
    spread = cluster is not None or workers > 1
    tracker = SiamFC(
        weights=weights,
        device=device,
        threads=1 if spread else None,
        settings=settings_for(scales),
    )
    record = run_record(tracker.record(), {"format": format, "split": split}, weights=weights)
    with (
        Workers(workers, cluster=cluster) as processes,
        Progress("evaluate", sum(map(len, chosen))) as progress,
    ):
        evaluation = run(
            tracker,
            chosen,
            protocol=protocol_of(format),
            results=ResultFolder(path=out, record=record) if out else None,
            workers=processes if spread else None,
            on_frames=progress.advance,
        )
    if json:
        print_json({**record, **evaluation.to_json()})
    else:
        _print(evaluation)
    for name, reason in evaluation.failures.items():
        print_error(f"{name}: {reason}")
    return 1 if evaluation.failures else 0


def _choose(sequences: "list[Sequence]", names: list[str]) -> "list[Sequence]":
    known = [one.name for one in sequences]
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {len(known)} others"
            raise UsageError(f"--sequence: no sequence {name!r}: {advice}")
    return [one for one in sequences if not names or one.name in names]


def _print(evaluation: "Evaluation") -> None:
    rows = [
        [
            name,
            *(f"{one.scores[key]:.3f}" for key in ("auc", "precision")),
            f"{one.scores['center_error']:.2f}",
            str(one.frames),
            f"{one.frames_per_second:.1f}",
        ]
        for name, one in evaluation.sequences.items()
    ]
    total = [
        "mean",
        *(f"{evaluation.scores[key]:.3f}" for key in ("auc", "precision")),
        f"{evaluation.scores['center_error']:.2f}",
        str(evaluation.frames),
        f"{evaluation.frames_per_second:.1f}",
    ]
    header = ["sequence", "AUC", "precision", "centre error", "frames", "frames/s"]
    print_table(header, [*rows, total])
    if evaluation.protocol != "otb":
        scores = ", ".join(f"{name} {value:.3f}" for name, value in evaluation.benchmark.items())
        print(f"\nby the rules of {evaluation.protocol}: {scores}")
    sys.stdout.flush()
