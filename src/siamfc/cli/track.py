"""`siamfc track`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from siamfc.cli.console import print_json
from siamfc.cli.loop import Outcome, exit_status, run_loop
from siamfc.cli.parameters import (
    Device,
    ExportFormat,
    Flag,
    SearchOptions,
    Source,
    Threads,
    Weights,
)
from siamfc.cli.serve import open_page
from siamfc.cli.sinks import Sink, film_sink, results_sink
from siamfc.cli.usage import UsageError, check_corners, parse_box
from siamfc.frames import FrameSource, open_source
from siamfc.network import DEFAULT_WEIGHTS, load_matcher
from siamfc.tracking import FrameResult, export_paths, follow


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is written."""

    out: Annotated[Path | None, Parameter(alias="-o")] = None
    """The film to write, with the boxes drawn in: .mp4, .mov, .mkv or .webm, or a folder of PNG
    images (a name without an ending)."""
    results: Path | None = None
    """The boxes as a file: .csv, .jsonl, .txt (OTB's convention, a file for each object), .json
    (COCO), .xml (CVAT), or a folder (a name without an ending) with --format."""
    format: ExportFormat | None = None
    """Of --results, in place of what its ending means."""
    codec: Literal["h264", "vp9", "av1"] | None = None
    """Of the film. By default H.264, in .webm VP9."""
    overwrite: Flag = False
    """Replace files that exist."""
    json: Flag = False
    """Print one JSON object instead of text; without --results it holds every frame's boxes."""


_OUTPUT, _SEARCH = OutputOptions(), SearchOptions()


def track(
    source: Source,
    /,
    *,
    box: Annotated[list[str] | None, Parameter(negative=(), allow_leading_hyphen=True)] = None,
    output: OutputOptions = _OUTPUT,
    weights: Weights = DEFAULT_WEIGHTS,
    search: SearchOptions = _SEARCH,
    device: Device = "auto",
    threads: Threads = None,
) -> int:
    """Follow objects through a video.

    With a source alone, a page opens on which the box can be drawn, as `siamfc serve` does.

    Ctrl-C ends after the frame in hand and keeps what was tracked; pressed twice it ends at once
    and leaves no files. A video that is cut off is tracked as far as it can be decoded.

    Parameters
    ----------
    box
        X,Y,W,H of the object in the first frame, in pixels from its top left corner. Once for
        each object.
    output
        What is written.
    search
        How to search for the object.
    """
    boxes = [parse_box(text) for text in box or ()]
    if not boxes:
        if output != _OUTPUT:
            raise UsageError(
                "expected a box, got none: say with --box X,Y,W,H where the object is in the first "
                "frame, in pixels; or name the source alone, to draw the box on a page"
            )
        return open_page(
            source=str(source), weights=weights, search=search, device=device, threads=threads
        )
    settings = search.settings(weights)
    kept: list[FrameResult] = []
    with ExitStack() as stack:
        frames = stack.enter_context(open_source(source))
        check_corners(boxes, frames.size)
        sinks = [stack.enter_context(sink) for sink in _files(output, source, frames, len(boxes))]
        if output.json and output.results is None:
            sinks.append(lambda _, result: kept.append(result))
        tracked = follow(
            frames, boxes, load_matcher(weights, device=device, threads=threads), settings
        )
        outcome = run_loop(tracked, sinks, total=frames.frame_count)
    files = (
        [] if output.results is None else export_paths(output.results, len(boxes), output.format)
    )
    if output.json:
        print_json({"source": str(source), **_summary(outcome, output.out, files), **_boxes(kept)})
    else:
        _print(outcome, output.out, files)
    return exit_status(outcome)


def _files(
    output: OutputOptions, source: str | Path, frames: FrameSource, targets: int
) -> Iterator[AbstractContextManager[Sink]]:
    """The files that were asked for, each unopened."""
    if output.out is not None:
        yield film_sink(
            output.out,
            lambda image, result: result.draw(image),
            frames,
            source=source,
            codec=output.codec,
            overwrite=output.overwrite,
        )
    if output.results is not None:
        yield results_sink(
            output.results,
            frames,
            source=source,
            targets=targets,
            format=output.format,
            overwrite=output.overwrite,
        )


def _summary(outcome: Outcome, out: Path | None, files: list[Path]) -> dict[str, Any]:
    first, last = outcome.first, outcome.last
    return {
        "frames": outcome.count,
        "seconds": outcome.seconds,
        "fps": outcome.rate,
        "complete": not outcome.stopped,
        "targets": [
            {"first_box": before, "last_box": after, "last_score": score, "lost": bool(lost)}
            for before, after, score, lost in zip(
                first.boxes, last.boxes, last.scores, _lost(last), strict=True
            )
        ],
        "out": None if out is None else str(out),
        "results": [str(path) for path in files],
    }


def _boxes(kept: list[FrameResult]) -> dict[str, Any]:
    """Every frame's boxes, as a line of a .jsonl file has them; nothing if none were kept."""
    return {"track": [one.to_dict() for one in kept]} if kept else {}


def _lost(result: FrameResult) -> list[bool]:
    return [False] * len(result.boxes) if result.lost_flags is None else result.lost_flags.tolist()


def _print(outcome: Outcome, out: Path | None, files: list[Path]) -> None:
    print(f"{outcome.count} frames in {outcome.seconds:.1f} s, {outcome.rate:.1f} frames/s")
    last = outcome.last
    found = zip(last.boxes, last.scores, _lost(last), strict=True)
    for number, (box, score, lost) in enumerate(found, start=1):
        place = ", ".join(f"{value:.1f}" for value in box)
        note = ", lost" if lost else ""
        print(f"object {number}: at {place} in the end, score {score:.2f}{note}")
    if out is not None:
        print(f"film: {out}")
    for path in files:
        print(f"boxes: {path}")
