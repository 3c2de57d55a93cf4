"""`siamfc reframe`."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from siamfc.cli.edits import TargetOptions, VideoOptions, open_job, report, write_video
from siamfc.cli.parameters import SourceReadTwice
from siamfc.cli.usage import parse_aspect


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CutOptions:
    """Shape and motion of the cut."""

    aspect: Annotated[str, Parameter(help="Aspect ratio of the cut, W:H.")] = "9:16"
    zoom: float | None = None
    """Fraction of the cut that the object fills, in height or width, whichever is larger. By
    default the cut is as large as fits into the frame."""
    dead_zone: float = 0.3
    """Central fraction of the cut in which the object moves without the cut following."""
    acceleration: float = 4.0
    """Upper bound of the cut's acceleration, in widths of the cut per second²."""


_CUT, _TARGET = CutOptions(), TargetOptions()


def reframe(
    source: SourceReadTwice,
    /,
    *,
    video: VideoOptions,
    target: TargetOptions = _TARGET,
    cut: CutOptions = _CUT,
) -> int:
    """Crop a video to another aspect ratio, such as vertical, keeping objects in view.

    The cut moves as calmly as possible while it keeps the objects in view, and never leaves the
    frame.

    Parameters
    ----------
    video
        Video to write.
    target
        Boxes of the objects.
    cut
        Shape and motion of the cut.
    """
    from siamfc.edits import ReframeSettings, plan_reframe

    settings = ReframeSettings(
        aspect=parse_aspect(cut.aspect),
        dead_zone=cut.dead_zone,
        acceleration=cut.acceleration,
        zoom=cut.zoom,
    )
    with open_job(source, target, video) as job:
        windows = plan_reframe(
            job.annotation,
            job.frame_count,
            job.size,
            job.frame_rate,
            settings,
            pixel_aspect=job.pixel_aspect,
        )
        count = write_video(job, windows.cut, video, label="reframe")
        report(job, video, count, size=windows.size)
    return 0
