"""Sinks for the frames and boxes of a loop: a video, a file of results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError
from siamfc.frames import Frame, FrameSource, Image, open_writer
from siamfc.frames.paths import exists
from siamfc.tracking import FrameResult

Sink = Callable[[Frame, FrameResult], object]
"""Function of a frame and the targets' boxes in it."""


@contextmanager
def video_sink(
    out: Path,
    draw: Callable[[Image, FrameResult], Image],
    frames: FrameSource,
    *,
    source: str | Path,
    codec: str | None = None,
    sound: bool = True,
    overwrite: bool,
) -> Iterator[Sink]:
    """Write a video of each frame as `draw` returns it, kept only if the block succeeds.

    It has the timing, pixel aspect ratio and sound of `frames`. It never replaces its own `source`,
    not even to overwrite.
    """
    _check_other(out, source)
    with open_writer(out, like=frames, sound=sound, codec=codec, overwrite=overwrite) as writer:
        yield lambda frame, result: writer.write(draw(frame.image, result), frame.time)


@contextmanager
def results_sink(
    path: Path,
    frames: FrameSource,
    *,
    source: str | Path,
    targets: int,
    format: str | None = None,
    labels: Sequence[str] = (),
    overwrite: bool,
) -> Iterator[Sink]:
    """Write a result file, kept only if the block succeeds; it never replaces the `source`."""
    from siamfc.tracking import VideoInfo, export_paths, open_export

    for file in export_paths(path, targets, format):
        _check_other(file, source)
    with open_export(
        path,
        targets=targets,
        format=format,
        video=VideoInfo.of(frames),
        labels=labels,
        overwrite=overwrite,
    ) as add:
        yield lambda _, result: add(result)


def _check_other(path: Path, source: str | Path) -> None:
    """Refuse to overwrite the file being read."""
    if exists(path) and exists(Path(source)) and path.samefile(source):
        raise OutputError(f"{path} is the source itself: name another file")
