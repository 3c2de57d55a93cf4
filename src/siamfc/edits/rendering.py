"""A second pass over a video: each frame is changed and written, with its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from siamfc.array_types import ByteImage
from siamfc.errors import OutputError, SourceError
from siamfc.frames import FrameSource, ImageFiles, VideoFile, open_writer
from siamfc.frames.paths import exists

EditFrame = Callable[[ByteImage, int], ByteImage]
"""Makes a frame, (H, W, 3) uint8 RGB, of one and its index in the source."""


def render(
    source: FrameSource,
    edit: EditFrame,
    out: str | Path,
    *,
    path: str | Path,
    codec: str | None = None,
    crf: int | None = None,
    overwrite: bool = False,
    sound: bool = True,
    every: int = 1,
    on_frame: Callable[[], object] | None = None,
) -> int:
    """Write each frame of a source as `edit` makes it; returns the count of frames.

    Args:
        source: a video file or a folder of images.
        edit: as described.
        out: a video, or a folder of PNG files; it appears whole or not at all.
        path: of the source, which is never overwritten.
        codec: as in `open_writer`, like crf.
        crf: quality of the video.
        overwrite: whether `out` may be replaced.
        sound: whether the source's sound is copied, as far as the container can hold it.
        every: writes each frame whose index is a multiple of it.
        on_frame: called after each frame.

    Raises:
        InputError: an argument that cannot be used.
        SourceError: a source that cannot be read, or whose frames have gone by.
        OutputError: `out` is in the way, or cannot be written.
    """
    if exists(Path(out)) and exists(Path(path)) and Path(out).samefile(path):
        raise OutputError(f"{out} is the source itself: name another file")
    count = 0
    rate = source.frame_rate / every if source.frame_rate else None
    with open_writer(
        out,
        like=source,
        sound=sound,
        codec=codec,
        crf=crf,
        frame_rate=rate,
        overwrite=overwrite,
    ) as writer:
        for frame in source:
            if frame.index % every == 0:
                writer.write(edit(frame.image, frame.index), frame.time)
                count += 1
            if on_frame is not None:
                on_frame()
    return count


def count_frames(source: FrameSource) -> int:
    """Frames of a source, exactly: a video file is read once for it, without decoding.

    Raises:
        SourceError: they can be read only once: a camera, or a stream.
    """
    if isinstance(source, VideoFile):
        return source.count_frames()
    if isinstance(source, ImageFiles):
        return source.frame_count
    raise SourceError(
        f"{source.name}: expected a video file or a folder of images, which are read twice"
    )
