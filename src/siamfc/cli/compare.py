"""`siamfc compare`."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from siamfc.cli.console import counted, print_error, print_json, print_table
from siamfc.cli.loop import Outcome, exit_status, run_loop
from siamfc.cli.parameters import Flag, Json, Out, Source
from siamfc.cli.sinks import results_sink, video_sink
from siamfc.cli.tracker_options import TrackerOptions
from siamfc.cli.usage import UsageError, check_corners, parse_box
from siamfc.errors import InputError
from siamfc.frames import Image, draw_boxes, open_source
from siamfc.frames.draw import draw_legend, palette
from siamfc.tracking import FrameResult

if TYPE_CHECKING:
    from siamfc.evaluation.side_by_side import SideBySide

_OPENCV = ("opencv:CSRT", "opencv:KCF", "opencv:MIL")
_OURS = "siamfc"
_OUR_TRACKER = TrackerOptions()


def compare(
    source: Source,
    /,
    *,
    box: Annotated[str, Parameter(allow_leading_hyphen=True)],
    out: Out = Path("siamfc-compare.mp4"),
    tracker: Annotated[list[str] | None, Parameter(negative=())] = None,
    results: Path | None = None,
    ours: TrackerOptions = _OUR_TRACKER,
    overwrite: Flag = False,
    json: Json = False,
) -> int:
    """Compare other trackers with siamfc on one object, in one video.

    Every tracker is given the same box and the same frames. The video shows each tracker's box in
    its colour, with a legend; a tracker that fails has no box from then on, and the exit status is
    1.

    Parameters
    ----------
    box
        X,Y,W,H of the object in the first frame, in pixels from its top left corner.
    out
        The video to write, or a folder of PNG images (a name without a suffix).
    tracker
        Another tracker: opencv:NAME, trax:COMMAND, or module:name of a Python class. May be given
        several times; by default those of opencv:CSRT, opencv:KCF and opencv:MIL that the
        installed OpenCV has.
    results
        The boxes as a file: .txt (OTB's convention, a file for each tracker), .csv or .jsonl.
    ours
        siamfc's tracker.
    overwrite
        Replace existing files.
    """
    from siamfc.evaluation.side_by_side import SideBySide
    from siamfc.evaluation.trackers.third_party import parse_tracker

    first = parse_box(box)
    others = {name: parse_tracker(name)() for name in _without_duplicates(tracker or _installed())}
    both = SideBySide(trackers={_OURS: ours.make()(), **others})
    names = [name.removeprefix("opencv:") for name in both.trackers]
    with ExitStack() as stack:
        frames = stack.enter_context(open_source(source))
        check_corners([first], frames.size)
        video = video_sink(out, _drawing(names), frames, overwrite=overwrite)
        sinks = [stack.enter_context(video)]
        if results is not None:
            boxes = results_sink(results, frames, targets=len(names), overwrite=overwrite)
            sinks.append(stack.enter_context(boxes))
        outcome = run_loop(lambda _: both.track(frames, first), sinks, total=frames.frame_count)
    if json:
        print_json(_to_json(source, out, outcome, both))
    else:
        _print(out, outcome, both)
    failed = _report_failures(both)
    return exit_status(outcome) or failed


def _without_duplicates(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise UsageError(f"--tracker: expected each tracker once, got {', '.join(names)}")
    return names


def _report_failures(both: "SideBySide") -> int:
    """Report which trackers failed; return 1 if one did."""
    failures = {name: one.failure for name, one in both.totals.items() if one.failure}
    for name, reason in failures.items():
        print_error(f"{name}: {reason}")
    return 1 if failures else 0


def _installed() -> list[str]:
    """Return the default OpenCV trackers that are installed.

    Raises:
        MissingDependencyError: cv2 is not installed.
        InputError: it has none of them.
    """
    from siamfc.evaluation.trackers.third_party import parse_tracker

    found, refusal = [], None
    for name in _OPENCV:
        try:
            parse_tracker(name)()
        except InputError as error:
            refusal = error
        else:
            found.append(name)
    if not found and refusal is not None:
        raise refusal
    return found


def _drawing(names: list[str]) -> Callable[[Image, FrameResult], Image]:
    """Return a function that draws all boxes and the legend."""
    labels = [""] * len(names)
    colors = palette(len(names))

    def draw(image: Image, result: FrameResult) -> Image:
        # siamfc's box, the first, is drawn last, on top.
        boxes = draw_boxes(image, result.boxes[::-1], labels=labels, colors=colors[::-1])
        return draw_legend(boxes, names)

    return draw


def _to_json(source: Source, out: Path, outcome: Outcome, both: "SideBySide") -> dict[str, object]:
    return {
        "source": str(source),
        "out": str(out),
        "frames": outcome.count,
        "complete": not outcome.stopped,
        "trackers": {
            name: {
                "fps": one.frames_per_second,
                "agreement": one.agreement,
                "last_box": last,
                "failure": one.failure,
            }
            for (name, one), last in zip(both.totals.items(), outcome.last.boxes, strict=True)
        },
    }


def _print(out: Path, outcome: Outcome, both: "SideBySide") -> None:
    rows = [
        [name, f"{one.frames_per_second:.1f}", f"{one.agreement:.2f}", str(one.frames)]
        for name, one in both.totals.items()
    ]
    print_table(["tracker", "frames/s", "overlap with siamfc", "frames"], rows)
    print(f"\n{counted(outcome.count, 'frame')}: {out}")
