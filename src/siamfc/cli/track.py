"""`siamfc track`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from siamfc.cli.console import print_error, print_json
from siamfc.cli.loop import Outcome, Sink, run_loop
from siamfc.cli.parameters import Device, Flag, Source, Update
from siamfc.cli.serve import open_page
from siamfc.cli.usage import UsageError, parse_box
from siamfc.errors import OutputError
from siamfc.frames import FrameSource, open_source, open_writer
from siamfc.network import DEFAULT_WEIGHTS, load_matcher
from siamfc.tracking import FrameResult, follow, open_results, result_paths, settings_for_weights


def track(
    source: Source,
    /,
    *,
    box: Annotated[list[str] | None, Parameter(negative=(), allow_leading_hyphen=True)] = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    results: Path | None = None,
    weights: str = DEFAULT_WEIGHTS,
    scales: int | None = None,
    update: Update = "none",
    search_again: Flag = False,
    codec: Literal["h264", "vp9", "av1"] | None = None,
    device: Device = "auto",
    overwrite: Flag = False,
    json: Flag = False,
) -> int:
    """Follow objects through a video.

    With a source alone, a page opens on which the box can be drawn, as `siamfc serve` does.

    Ctrl-C ends after the frame in hand and keeps what was tracked; pressed twice it ends at once
    and leaves no files. A video that is cut off is tracked as far as it can be decoded.

    Parameters
    ----------
    source
        A video file, a folder or glob of images, a camera's number, or a stream's URL.
    box
        X,Y,W,H of the object in the first frame, in pixels from its top left corner. Once for
        each object.
    out
        The film to write, with the boxes drawn in: .mp4, .mov, .mkv or .webm, or a folder of PNG
        images (a name without an ending).
    results
        The boxes as a file: .txt (OTB's convention, a file for each object), .csv or .jsonl.
    weights
        A name that `siamfc models` lists, or a path.
    scales
        Sizes of the object that are tried in each frame: an odd number, 3 by default. Only for
        networks that search scales: --weights siamfc.
    update
        What is searched for. none: the object as it was in the first frame. previous: as it was
        one frame ago. average: a moving average. sure: one of the frames with a high score. both:
        the first frame and such an average together. Only with --weights siamfc.
    search_again
        Look for an object that is lost all over the frame, which takes about four times as long
        while it is lost.
    codec
        Of the film. By default H.264, in .webm VP9.
    device
        Where the network runs.
    overwrite
        Replace files that exist.
    json
        Print one JSON object instead of text; without --results it holds every frame's boxes.
    """
    boxes = [parse_box(text) for text in box or ()]
    if not boxes:
        options = search_again or update != "none"
        output = out is not None or results is not None or codec is not None or overwrite
        if output or json or options:
            raise UsageError(
                "expected a box, got none: say with --box X,Y,W,H where the object is in the first "
                "frame, in pixels; or name the source alone, to draw the box on a page"
            )
        return open_page(source=str(source), weights=weights, scales=scales, device=device)
    settings = settings_for_weights(weights, scales, update=update, search_again=search_again)
    kept: list[FrameResult] = []
    with ExitStack() as stack:
        frames = stack.enter_context(open_source(source))
        sinks: list[Sink] = []
        if out is not None:
            _protect(source, out)
            sinks.append(stack.enter_context(_film(out, frames, codec, overwrite)))
        if results is not None:
            sinks.append(stack.enter_context(_results(results, len(boxes), overwrite)))
        elif json:
            sinks.append(lambda _, result: kept.append(result))
        tracked = follow(frames, boxes, load_matcher(weights, device=device), settings)
        outcome = run_loop(tracked, sinks, total=frames.frame_count)
    files = [] if results is None else result_paths(results, len(boxes))
    if json:
        print_json({"source": str(source), **_summary(outcome, out, files), **_boxes(kept)})
    else:
        _print(outcome, out, files)
    if outcome.stopped:
        print_error(f"stopped by Ctrl-C after {outcome.count} frames; what was tracked is kept")
    return 130 if outcome.stopped else 0


def _protect(source: Source, out: Path) -> None:
    """Refuse to put a film in the place of what it is made from, even to overwrite."""
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise OutputError(f"{out} is the source itself: name another file")


@contextmanager
def _film(out: Path, frames: FrameSource, codec: str | None, overwrite: bool) -> Iterator[Sink]:
    """A film with the boxes drawn in, kept only if the block ends well."""
    rate = frames.frame_rate
    with open_writer(out, codec=codec, frame_rate=rate, overwrite=overwrite) as writer:
        yield lambda frame, result: writer.write(result.draw(frame.image), frame.time)


@contextmanager
def _results(path: Path, targets: int, overwrite: bool) -> Iterator[Sink]:
    """A file of results, kept only if the block ends well."""
    with open_results(path, targets=targets, overwrite=overwrite) as add:
        yield lambda _, result: add(result)


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
    return [False] * len(result.boxes) if result.lost is None else result.lost.tolist()


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
