"""`siamfc crop`."""

from siamfc.cli.edits import TargetOptions, VideoOptions, open_job, report, write_video
from siamfc.cli.parameters import SourceReadTwice, Whole
from siamfc.cli.usage import UsageError, parse_size

_TARGET = TargetOptions()


def crop(
    source: SourceReadTwice,
    /,
    *,
    video: VideoOptions,
    target: TargetOptions = _TARGET,
    size: str | None = None,
    margin: float = 0.25,
    every: Whole = 1,
) -> int:
    """Crop an object, as a video or a folder of thumbnails.

    Parameters
    ----------
    video
        The output.
    target
        The object.
    size
        WxH of the pictures; by default large enough for the largest object.
    margin
        Around the object on each side, as a fraction of its size.
    every
        Use only frames whose number is a multiple of this.
    """
    from siamfc.edits import plan_crop

    if every < 1:
        raise UsageError(f"--every: expected at least 1, got {every}")
    output = None if size is None else parse_size(size)
    with open_job(source, target, video) as job:
        windows = plan_crop(job.annotation, job.frame_count, margin=margin, output=output)
        count = write_video(job, windows.cut, video, label="crop", every=every)
        report(job, video, count, size=windows.size)
    return 0
