"""Second pass over a video that edits and writes each frame with its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from siamfc.array_types import ByteImage
from siamfc.errors import SourceError
from siamfc.frames import FrameSource, IndexedSource, open_writer

EditFrame = Callable[[ByteImage, int], ByteImage]
"""Returns an edited frame, (H, W, 3) uint8 RGB, from a frame and its index in the source."""


def render(
    source: FrameSource,
    edit: EditFrame,
    out: str | Path,
    *,
    codec: str | None = None,
    crf: int | None = None,
    overwrite: bool = False,
    sound: bool = True,
    every: int = 1,
    on_frame: Callable[[], object] | None = None,
) -> int:
    """Edit and write each frame of a source; return the number of frames written.

    Args:
        source: a video file or a folder of images; it is never replaced.
        edit: called with each frame and its index.
        out: a video or a folder of PNG files; it appears complete or not at all.
        codec: see `open_writer`.
        crf: quality of the video; see `open_writer`.
        overwrite: replace `out` if it exists.
        sound: copy the source's sound if the container can hold it.
        every: write only frames whose index is a multiple of it.
        on_frame: called after each frame.

    Raises:
        InputError: an unusable argument.
        SourceError: the source cannot be read, or not a second time.
        OutputError: `out` exists, or cannot be written.
    """
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
    """Count the frames of a source exactly; a video file is read once, without decoding.

    Raises:
        SourceError: a camera or a stream, which can be read only once.
    """
    if isinstance(source, IndexedSource):
        return source.count_frames()
    raise SourceError(
        f"{source.name}: expected a video file or a folder of images, which are read twice"
    )
