"""`siamfc stabilise`."""

from typing import Literal

from siamfc.cli.edits import TargetOptions, VideoOptions, open_job, report, write_video
from siamfc.cli.parameters import SourceReadTwice
from siamfc.cli.usage import parse_size

_TARGET = TargetOptions()


def stabilise(
    source: SourceReadTwice,
    /,
    *,
    video: VideoOptions,
    target: TargetOptions = _TARGET,
    size: str | None = None,
    border: Literal["black", "edge"] = "black",
) -> int:
    """Hold an object still in the middle of a video.

    Parameters
    ----------
    video
        The output.
    target
        The object.
    size
        WxH of the video; by default the source's.
    border
        Fill beyond the frame: black, or the repeated edge.
    """
    from siamfc.edits import plan_stabilise

    output = None if size is None else parse_size(size)
    with open_job(source, target, video) as job:
        windows = plan_stabilise(job.annotation, job.frame_count, job.size, output)
        count = write_video(
            job,
            lambda image, index: windows.cut(image, index, border=border),
            video,
            label="stabilise",
        )
        report(job, video, count, size=windows.size)
    return 0
