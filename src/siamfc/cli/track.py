"""`siamfc track`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from siamfc.cli.boxes import BoxOptions
from siamfc.cli.console import counted, print_json
from siamfc.cli.loop import LostCounter, Outcome, exit_status, run_loop
from siamfc.cli.parameters import ExportFormat, Flag, Source, StreamNumber, Whole
from siamfc.cli.sinks import Sink, results_sink, video_sink
from siamfc.cli.tracker_options import TrackerOptions
from siamfc.cli.usage import UsageError
from siamfc.frames import FrameSource, Image, IndexedSource, Trail, open_source
from siamfc.tracking import FrameResult, follow
from siamfc.tracking.batch_inputs import expand_sources


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Files to write, or a page to watch."""

    out: Annotated[Path | None, Parameter(alias="-o")] = None
    """Video with the boxes drawn in: .mp4, .mov, .mkv, .webm, or a folder of PNG images (a name
    without a suffix)."""
    results: Path | None = None
    """File with the boxes: .csv, .jsonl, .txt (OTB convention, one file per object), .json (COCO),
    .xml (CVAT), or with --format a folder (a name without a suffix)."""
    format: ExportFormat | None = None
    """Format of --results; by default the suffix decides."""
    classes: Annotated[list[str] | None, Parameter(name="--class", negative=())] = None
    """Class of the objects in --results, one for all or one for each; by default an object's name
    is its class."""
    codec: Literal["h264", "vp9", "av1"] | None = None
    """Codec of the video; by default H.264, in .webm VP9."""
    sound: Annotated[bool, Parameter(negative="--no-sound", show_default=False)] = True
    """Copy the source's sound into the video if the container can hold it."""
    trail: Flag = False
    """Draw the path of each object over the last second."""
    show: Flag = False
    """Open a page in the browser that shows the tracking live, and where boxes can be corrected and
    files saved."""
    overwrite: Flag = False
    """Replace existing files."""
    json: Flag = False
    """Print one JSON object instead of text; without --results it contains the boxes of every
    frame."""

    def check(self) -> None:
        """Raise UsageError for flags of a file that is not written, or one name for both files."""
        if self.results is None and (self.classes or self.format):
            raise UsageError("--class, --format: expected --results FILE")
        if self.out is None and (self.codec or self.trail or not self.sound):
            raise UsageError("--codec, --trail, --no-sound: expected -o FILE")
        if self.out is not None and self.out == self.results and self.format:
            raise UsageError(f"-o and --results: expected two names, got {self.out} twice")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BatchFlags:
    """Processes or cluster for several sources."""

    workers: Whole = 1
    """Number of processes, each with one thread; 1: this process, with all cores."""
    cluster: str | None = None
    """Address of a Dask scheduler whose workers track."""


_MANY = BatchFlags()
_OUTPUT, _TRACKER, _TARGETS = OutputOptions(), TrackerOptions(), BoxOptions()
_SHOW = OutputOptions(show=True)


def track(
    *sources: Source,
    targets: BoxOptions = _TARGETS,
    output: OutputOptions = _OUTPUT,
    tracker: TrackerOptions = _TRACKER,
    stream: StreamNumber = None,
    many: BatchFlags = _MANY,
) -> int:
    """Track objects through a video.

    Given only a source, open a page to draw the box on, as `siamfc serve` does.

    If the track goes wrong, give the correct box in that frame too, and run the command again.
    `siamfc review` lists the frames to check.

    Several sources, or a folder of videos, are tracked one after the other, each with the same
    --box or its own from --boxes; --results and -o then name folders. Sources already tracked are
    skipped. The exit status is 1 if a source failed.

    Ctrl-C (SIGTERM, SIGHUP) stops after the current frame and keeps what was tracked; pressed
    twice, or before the first result, it stops at once and leaves no files. A truncated video is
    tracked as far as it can be decoded.

    Parameters
    ----------
    targets
        Objects to track, and frames.
    output
        Files to write, or a page to watch.
    tracker
        The tracker.
    many
        Processes or cluster for several sources.
    """
    if not sources:
        raise UsageError("expected a source: a video, a folder or glob of images, a camera, a URL")
    every = expand_sources(map(str, sources))
    request = _Request(targets=targets, output=output, tracker=tracker, stream=stream, many=many)
    output.check()
    if len(every) > 1 or targets.boxes is not None:
        return _track_many(every, request)
    if many != _MANY:
        raise UsageError("--workers, --cluster: expected several sources, got one")
    if output.show or not targets.given_boxes():
        return _track_on_page(every[0], request)
    return _track_one(every[0], request)


@dataclass(frozen=True, kw_only=True)
class _Request:
    """All arguments but the sources."""

    targets: BoxOptions
    output: OutputOptions
    tracker: TrackerOptions
    stream: int | None
    many: BatchFlags


def _track_on_page(source: str, request: _Request) -> int:
    """Open the page on a source, with its boxes drawn for --show."""
    from siamfc.cli.serve import open_page, require_browser

    targets, output = request.targets, request.output
    boxes = None
    if request.stream is not None:
        raise UsageError("--stream: expected -o or --results: the page shows the largest video")
    if not targets.given_boxes():
        if output not in (_OUTPUT, _SHOW) or targets != _TARGETS:
            raise UsageError(
                "expected a box, got none: say with --box X,Y,W,H where the object is in the first "
                "frame, in pixels; or name the source alone, to draw the box on a page"
            )
    else:
        if output != _SHOW or targets != BoxOptions(box=targets.box, name=targets.name):
            raise UsageError(
                "--show: expected no flag of what is written or which frames are tracked: the page "
                "tracks all from the first box on, and its Share button saves"
            )
        require_browser("--show")
        with open_source(source) as frames:
            if not isinstance(frames, IndexedSource):
                raise UsageError(
                    f"--show: expected a video file or images, got {frames.name}; leave --box and "
                    "--show out to draw the box on the page"
                )
            boxes, _ = targets.in_source(frames)
    return open_page(request.tracker, source=source, boxes=boxes)


def _track_one(source: str, request: _Request) -> int:
    """Track one source, write its files, and print a summary."""
    targets, output = request.targets, request.output
    settings = request.tracker.settings
    kept: list[FrameResult] = []
    with ExitStack() as stack:
        frames = stack.enter_context(
            open_source(source, stream=request.stream, lazy=output.out is None)
        )
        boxes, frame_range = targets.in_source(frames)
        sinks = [
            stack.enter_context(sink) for sink in _files(output, frames, len(boxes), targets.every)
        ]
        if output.json and output.results is None:
            sinks.append(lambda _, result: kept.append(result))
        tallies = [LostCounter(row) for row in range(len(boxes))]
        sinks += [tally.add for tally in tallies]
        matcher = request.tracker.load()
        outcome = run_loop(
            lambda on_frame: follow(
                frames,
                boxes,
                matcher,
                settings,
                frame_range=frame_range,
                smooth=targets.smooth,
                on_frame=on_frame,
            ),
            sinks,
            total=frame_range.count(boxes, frames.frame_count, smooth=targets.smooth),
        )
    paths = _result_paths(output, len(boxes))
    if output.json:
        summary = _summary(outcome, tallies, output.out, paths)
        print_json({"source": source, **summary, **_boxes(kept)})
    else:
        _print(outcome, tallies, output.out, paths)
    for tally in tallies:
        if tally.is_lost_at_once:
            print(tally.hint, file=sys.stderr)
    return exit_status(outcome)


def _track_many(sources: list[str], request: _Request) -> int:
    """Track several sources, each with its own files."""
    from siamfc.cli.batch import frame_range_of, plan_batch, track_many
    from siamfc.tracking.batch import BatchOptions

    targets, output, tracker, many = (
        request.targets,
        request.output,
        request.tracker,
        request.many,
    )
    if output.show:
        raise UsageError("--show: expected one source and its --box")
    if output.codec or output.trail or not output.sound or request.stream is not None:
        raise UsageError(
            "--codec, --trail, --no-sound, --stream: expected one source and its --box"
        )
    if targets.boxes is None and not targets.box:
        raise UsageError(
            f"expected --box X,Y,W,H for all of {len(sources)} sources, or --boxes with those of "
            "each, got neither"
        )
    if targets.boxes is not None and targets.box:
        raise UsageError("expected either --box or --boxes, got both")
    spread = many.workers > 1 or many.cluster is not None
    options = BatchOptions(
        weights=tracker.weights,
        device=tracker.device,
        threads=tracker.threads or (1 if spread else None),
        settings=tracker.settings,
        frame_range=frame_range_of(targets),
        smooth=targets.smooth,
        labels=tuple(output.classes or ()),
    )
    tasks = plan_batch(
        sources, targets, options, results=output.results, format=output.format, out=output.out
    )
    return track_many(
        tasks,
        workers=many.workers,
        cluster=many.cluster,
        overwrite=output.overwrite,
        json=output.json,
    )


def _files(
    output: OutputOptions, frames: FrameSource, targets: int, every: int
) -> Iterator[AbstractContextManager[Sink]]:
    """Yield the requested files, each unopened."""
    if output.out is not None:
        yield video_sink(
            output.out,
            _drawing(output, (frames.frame_rate or 25) / every),
            frames,
            codec=output.codec,
            sound=output.sound,
            overwrite=output.overwrite,
        )
    if output.results is not None:
        yield results_sink(
            output.results,
            frames,
            targets=targets,
            format=output.format,
            labels=output.classes or (),
            overwrite=output.overwrite,
        )


def _result_paths(output: OutputOptions, targets: int) -> list[Path]:
    """Return the paths of the files of boxes."""
    if output.results is None:
        return []
    from siamfc.tracking import export_paths

    return export_paths(output.results, targets, output.format)


def _drawing(output: OutputOptions, frame_rate: float) -> Callable[[Image, FrameResult], Image]:
    """Return the function that draws a frame of the video; `frame_rate` is that of those drawn."""
    if not output.trail:
        return lambda image, result: result.draw(image)
    trail = Trail(round(frame_rate))
    return lambda image, result: result.draw(trail.draw(image, result.boxes))


def _summary(
    outcome: Outcome, tallies: list[LostCounter], out: Path | None, files: list[Path]
) -> dict[str, Any]:
    first, last = outcome.first.rounded(), outcome.last.rounded()
    return {
        "frames": outcome.count,
        "seconds": outcome.seconds,
        "fps": outcome.rate,
        "complete": not outcome.stopped,
        "targets": [
            {
                "name": tally.name,
                "first_box": first.boxes[row],
                "last_box": last.boxes[row],
                "last_score": last.scores[row],
                "lost": last.lost_flags is not None and bool(last.lost_flags[row]),
                "lost_frames": tally.lost,
                "first_lost": tally.first_lost.index if tally.first_lost else None,
            }
            for row, tally in enumerate(tallies)
        ],
        "out": None if out is None else str(out),
        "results": [str(path) for path in files],
    }


def _boxes(kept: list[FrameResult]) -> dict[str, Any]:
    """Return every frame's boxes as in a .jsonl file; nothing if none were kept."""
    return {"track": [one.rounded().to_dict() for one in kept]} if kept else {}


def _print(
    outcome: Outcome, tallies: list[LostCounter], out: Path | None, files: list[Path]
) -> None:
    frames = counted(outcome.count, "frame")
    print(f"{frames} in {outcome.seconds:.1f} s, {outcome.rate:.1f} frames/s")
    for row, tally in enumerate(tallies):
        x, y, w, h = outcome.last.boxes[row]
        print(
            f"{tally.name}: last box x={x:.1f} y={y:.1f} w={w:.1f} h={h:.1f}, "
            f"score {outcome.last.scores[row]:.2f}; {tally.text}"
        )
    if out is not None:
        print(f"video: {out}")
    for path in files:
        print(f"boxes: {path}")
