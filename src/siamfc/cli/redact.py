"""`siamfc redact`."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from siamfc.cli.console import format_ranges
from siamfc.cli.edits import TargetOptions, VideoOptions, open_job, report, write_video
from siamfc.cli.parameters import Flag, SourceReadTwice
from siamfc.cli.usage import UsageError

if TYPE_CHECKING:
    from siamfc.annotations import VideoAnnotation

_logger = logging.getLogger(__name__)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """Areas to hide, and their appearance."""

    style: Literal["blur", "pixelate", "fill"] = "blur"
    """Appearance of hidden areas; fill is flat black."""
    shape: Literal["ellipse", "box"] = "ellipse"
    """Ellipse through the corners of the box, or the box."""
    margin: float | None = None
    """Margin covered on each side of the box, as a fraction of its size, by default 0.35; larger
    where the score is low. Not with --except."""
    when_lost: Literal["grow", "frame"] = "grow"
    """While the object is lost, cover a growing margin around its possible positions, or the whole
    frame."""
    outside: Annotated[Flag, Parameter(name="--except")] = False
    """Hide everything but the objects; while one is lost, the whole frame."""


_LOOK, _TARGET = LookOptions(), TargetOptions()


def redact(
    source: SourceReadTwice,
    /,
    *,
    video: VideoOptions,
    target: TargetOptions = _TARGET,
    look: LookOptions = _LOOK,
) -> int:
    """Blur, pixelate or black out objects in a video.

    The objects are covered in every frame. While one is lost or has no box, a generous guess of its
    position is covered, and the summary lists these frames: check them.

    Parameters
    ----------
    video
        Video to write.
    target
        Boxes of the objects.
    look
        Areas to hide, and their appearance.
    """
    from siamfc.edits import CoverSettings, RedactSettings, frame_ranges, plan_cover, redact_frame

    settings = RedactSettings(style=look.style, shape=look.shape, outside=look.outside)
    if look.outside and look.margin is not None:
        raise UsageError("expected either --except or --margin, got both")
    default = 0.0 if look.outside else CoverSettings().margin
    cover_settings = CoverSettings(
        margin=default if look.margin is None else look.margin, when_lost=look.when_lost
    )
    with open_job(source, target, video) as job:
        if target.results is not None and _hides_losses(target.results, job.annotation):
            _logger.warning(
                "%s does not say in which frames an object was lost: check every frame, or give a "
                ".csv or .jsonl file of siamfc track",
                target.results,
            )
        cover = plan_cover(job.annotation, job.frame_count, cover_settings)
        count = write_video(
            job,
            lambda image, index: redact_frame(image, cover, index, settings),
            video,
            label="redact",
        )
        bridged = frame_ranges(cover.bridged)
        report(job, video, count, bridged=bridged)
    if not video.json:
        print(_summary(bridged, count, look))
    return 0


def _hides_losses(path: Path, annotation: "VideoAnnotation") -> bool:
    """Return True for a benchmark's text file, which has a box in every frame and no score."""
    return path.suffix.lower() == ".txt" and not (annotation.scores >= 0).any()


def _summary(bridged: list[tuple[int, int]], count: int, look: LookOptions) -> str:
    total = sum(last - first + 1 for first, last in bridged)
    if not total:
        return "no frame was bridged"
    how = (
        "whole frame covered"
        if look.when_lost == "frame" or look.outside
        else "covered with a growing margin"
    )
    return f"bridged: {total} of {count} frames, {how}: {format_ranges(bridged)}"
