"""`siamfc track` of several videos."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from siamfc.annotations import ANNOTATION_FORMATS
from siamfc.cli.boxes import BoxOptions, assign_boxes, parse_place
from siamfc.cli.console import print_error, print_json, print_table
from siamfc.cli.progress import Progress
from siamfc.cli.usage import UsageError, make_workers
from siamfc.system import frames_per_second
from siamfc.tracking import FrameRange, GivenBoxes
from siamfc.tracking.batch import (
    BatchOptions,
    BatchOutcome,
    BatchTask,
    track_batch,
)
from siamfc.tracking.batch_inputs import name_sources, read_boxes


def plan_batch(
    sources: Sequence[str],
    targets: BoxOptions,
    options: BatchOptions,
    *,
    results: Path | None,
    format: str | None,
    out: Path | None,
) -> list[BatchTask]:
    """Return each source's boxes and output files.

    Raises:
        UsageError: there is no folder to write to, or neither --box nor --boxes.
        DatasetError: a source has no boxes.
    """
    for flag, folder in (("--results", results), ("--out", out)):
        if folder is not None and folder.suffix:
            raise UsageError(
                f"{flag}: expected a folder for {len(sources)} sources, got {str(folder)!r}"
            )
    if results is None and out is None:
        raise UsageError(f"expected --results FOLDER or -o FOLDER for {len(sources)} sources")
    names = name_sources(sources)
    boxes = _boxes(sources, names, targets)
    known = ANNOTATION_FORMATS.get(format or "")
    suffix = f".{format or 'csv'}" if known is None else known.suffix
    return [
        BatchTask(
            source=source,
            boxes=boxes[source],
            results=None if results is None else results / f"{name}{suffix}",
            format=format,
            video=None if out is None else out / f"{name}.mp4",
            options=options,
        )
        for source, name in zip(sources, names, strict=True)
    ]


def frame_range_of(targets: BoxOptions) -> FrameRange:
    """Return --start, --end and --every by number, since a time is another frame in every video.

    Raises:
        UsageError: one of them is a time.
    """
    for flag, text in (("--start", targets.start), ("--end", targets.end)):
        if text is not None and ":" in text:
            raise UsageError(f"{flag}: expected a frame's number for several sources, got {text!r}")
    start = parse_place(targets.start or "0", "--start").frame
    end = None if targets.end is None else parse_place(targets.end, "--end").frame
    return FrameRange(start=start, end=end, every=targets.every)


def track_many(
    tasks: Sequence[BatchTask], *, workers: int, cluster: str | None, overwrite: bool, json: bool
) -> int:
    """Track all sources, print a table, and return the exit status: 1 if one failed."""
    pool = make_workers(workers, cluster)
    spread = cluster is not None or workers > 1
    outcomes = {}
    with pool as processes, Progress("track", len(tasks), unit="videos") as progress:
        used = processes if spread else None
        for outcome in track_batch(tasks, workers=used, overwrite=overwrite):
            outcomes[outcome.source] = outcome
            progress.advance()
    ordered = [outcomes[task.source] for task in tasks]
    if json:
        print_json({"videos": [asdict(outcome) for outcome in ordered]})
    else:
        print_table(["source", "state", "frames", "lost", "frames/s"], map(_row, ordered))
    failed = [outcome for outcome in ordered if outcome.state == "failed"]
    for outcome in failed:
        print_error(f"{outcome.source}: {outcome.reason}")
    return 1 if failed else 0


def _boxes(
    sources: Sequence[str], names: Sequence[str], targets: BoxOptions
) -> dict[str, GivenBoxes]:
    if targets.boxes is not None:
        return read_boxes(targets.boxes, sources, names)
    start, placed = frame_range_of(targets).start, []
    for place, box in targets.given_boxes():
        if place is not None and not math.isnan(place.seconds):
            raise UsageError("--box: expected a frame's number for several sources, got a time")
        placed.append((start if place is None else place.frame, box))
    return dict.fromkeys(sources, assign_boxes(placed, targets.name or ()))


def _row(outcome: BatchOutcome) -> list[str]:
    if outcome.state != "done":
        return [outcome.source, outcome.state, "", "", ""]
    rate = frames_per_second(outcome.frames, outcome.seconds)
    return [outcome.source, "done", str(outcome.frames), str(outcome.lost), f"{rate:.1f}"]
