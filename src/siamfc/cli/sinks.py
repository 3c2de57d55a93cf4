"""Sinks for the frames and boxes of a loop: a video, a file of results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from siamfc.frames import Frame, FrameSource, Image, open_writer
from siamfc.frames.paths import check_not_source
from siamfc.tracking import FrameResult

Sink = Callable[[Frame, FrameResult], object]
"""Function of a frame and the targets' boxes in it."""


@contextmanager
def video_sink(
    out: Path,
    draw: Callable[[Image, FrameResult], Image],
    frames: FrameSource,
    *,
    codec: str | None = None,
    sound: bool = True,
    overwrite: bool,
) -> Iterator[Sink]:
    """Write a video of each frame as `draw` returns it, kept only if the block succeeds.

    It has the timing, pixel aspect ratio and sound of `frames`, which it never replaces.
    """
    with open_writer(out, like=frames, sound=sound, codec=codec, overwrite=overwrite) as writer:
        yield lambda frame, result: writer.write(draw(frame.image, result), frame.time)


@contextmanager
def results_sink(
    path: Path,
    frames: FrameSource,
    *,
    targets: int,
    format: str | None = None,
    labels: Sequence[str] = (),
    overwrite: bool,
) -> Iterator[Sink]:
    """Write a result file, kept only if the block succeeds; it never replaces the source."""
    from siamfc.tracking import export_paths, open_export

    for file in export_paths(path, targets, format):
        check_not_source(file, frames)
    with open_export(
        path,
        targets=targets,
        format=format,
        video=frames,
        labels=labels,
        overwrite=overwrite,
    ) as add:
        yield lambda _, result: add(result)
