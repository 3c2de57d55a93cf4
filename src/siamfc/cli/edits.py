"""Options and steps shared by redact, reframe, stabilise and crop."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter

from siamfc.boxes import to_corners
from siamfc.cli.boxes import BoxOptions
from siamfc.cli.console import counted, print_json
from siamfc.cli.interrupt import StopRequest, end_at_once
from siamfc.cli.parameters import Flag, Json, Out, Whole
from siamfc.cli.progress import Progress
from siamfc.cli.tracker_options import NetworkOptions
from siamfc.cli.usage import UsageError
from siamfc.errors import InputError

if TYPE_CHECKING:
    from siamfc.annotations import VideoAnnotation
    from siamfc.edits.edited_video import EditFrame
    from siamfc.frames import FrameSource

_logger = logging.getLogger(__name__)
_NETWORK = NetworkOptions()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """Boxes of the target."""

    box: Annotated[list[str] | None, Parameter(negative=(), allow_leading_hyphen=True)] = None
    """Box of an object, [FRAME:]X,Y,W,H, as for `siamfc track`; the objects are tracked first."""
    name: Annotated[list[str] | None, Parameter(negative=())] = None
    """Name of each object, or, given once per --box, of that box's object."""
    results: Path | None = None
    """File of boxes in place of --box, from `siamfc track --results` or an annotation tool."""
    network: NetworkOptions = _NETWORK


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Video to write."""

    out: Out
    """Video, .mp4, .mov, .mkv or .webm, or folder of PNG images (a name without a suffix)."""
    codec: Literal["h264", "vp9", "av1"] | None = None
    """Codec of the video; by default H.264, in .webm VP9."""
    crf: Whole | None = None
    """Quality of the video; 0 is the best and gives the largest file. By default 23 for H.264, 32
    for VP9, 35 for AV1."""
    sound: Annotated[bool, Parameter(negative="--no-sound", show_default=False)] = True
    """Copy the source's sound into the video if the container can hold it."""
    overwrite: Flag = False
    """Replace existing files."""
    json: Json = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """An open source and the boxes of its targets."""

    path: str | Path
    """Path as typed."""
    frames: "FrameSource"
    annotation: "VideoAnnotation"
    frame_count: int
    size: tuple[int, int]
    """Width and height of the frames."""

    @property
    def frame_rate(self) -> float:
        """Frame rate of the source, or 25, the rate of a written video, if it has none."""
        return self.frames.frame_rate or 25.0

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel divided by its height."""
        return float(getattr(self.frames, "pixel_aspect", 1))


@contextmanager
def open_job(source: str | Path, target: TargetOptions, video: VideoOptions) -> Iterator[Job]:
    """Open a source and get its boxes: read a file, or track with progress on standard error.

    A video that cannot be written is refused before the tracking.

    Raises:
        UsageError: neither --box nor --results, or both.
    """
    from siamfc.edits.edited_video import count_frames
    from siamfc.frames import open_source, open_writer

    if (target.results is None) == (not target.box):
        found = "both" if target.box else "neither"
        raise UsageError(f"expected either --box X,Y,W,H or --results FILE, got {found}")
    if target.name and not target.box:
        raise UsageError("--name: expected a --box for each")
    with open_source(source) as frames:
        count = count_frames(frames)
        if frames.size is None:
            raise InputError(f"{source}: expected a video of known size")
        open_writer(
            video.out,
            like=frames,
            sound=False,
            codec=video.codec,
            crf=video.crf,
            overwrite=video.overwrite,
        ).discard()
        yield Job(
            path=source,
            frames=frames,
            annotation=_annotation(frames, count, target),
            frame_count=count,
            size=frames.size,
        )


def _annotation(frames: "FrameSource", count: int, target: TargetOptions) -> "VideoAnnotation":
    from siamfc.tracking import follow, read_track, to_annotation

    if target.results is not None:
        annotation = read_track(target.results)
        _check_fits(annotation, target.results, frames.size, count)
        return annotation
    boxes, frame_range = BoxOptions(box=target.box, name=target.name).in_source(frames)
    matcher = target.network.load()
    results = []
    total = frame_range.count(boxes, frames.frame_count, smooth=False)
    with Progress("track", total) as progress:
        for _, result in follow(
            frames, boxes, matcher, frame_range=frame_range, on_frame=progress.advance
        ):
            results.append(result)
            progress.advance()
    return to_annotation(results)


def _check_fits(
    annotation: "VideoAnnotation", path: Path, size: tuple[int, int] | None, count: int
) -> None:
    """Check that boxes may be those of a video: a box elsewhere would cover or show something else.

    Boxes after the video's last frame or outside its frames cause a warning.

    Raises:
        InputError: they are of frames of another size.
    """
    if annotation.size is not None and annotation.size != size:
        of, here = ("×".join(map(str, one or ())) for one in (annotation.size, size))
        raise InputError(
            f"{path}: expected boxes in frames of {here} pixels, as the video's, got {of}: "
            "name the boxes of this video"
        )
    last = int(annotation.frames.max(initial=-1))
    if last >= count:
        _logger.warning(
            "%s has boxes up to frame %d, the video only frames 0 to %d: is it another video?",
            path, last, count - 1,
        )  # fmt: skip
    if size is None:
        return
    corner, opposite = np.split(to_corners(annotation.boxes), 2, axis=-1)
    outside = ((corner >= size) | (opposite <= 0)).any(axis=(1, 2))
    if outside.any():
        _logger.warning(
            "%s has a box outside the frames of %d×%d pixels, first in frame %d: is it another "
            "video?", path, *size, annotation.frames[outside.argmax()],
        )  # fmt: skip


def write_video(
    job: Job, edit: "EditFrame", video: VideoOptions, *, label: str, every: int = 1
) -> int:
    """Edit and write all frames; return the number of frames written.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; nothing is written.
        Terminated: another request to stop; likewise.
    """
    from siamfc.edits import render

    with StopRequest() as stop, Progress(label, job.frame_count) as progress:

        def advance() -> None:
            progress.advance()
            if stop.number is not None:
                end_at_once(stop.number)

        return render(
            job.frames,
            edit,
            video.out,
            codec=video.codec,
            crf=video.crf,
            sound=video.sound,
            overwrite=video.overwrite,
            every=every,
            on_frame=advance,
        )


def report(job: Job, video: VideoOptions, count: int, **rest: Any) -> None:
    """Print a summary as text or as one JSON object."""
    if video.json:
        print_json({"source": str(job.path), "out": str(video.out), "frames": count, **rest})
    else:
        print(f"{counted(count, 'frame')}: {video.out}")
