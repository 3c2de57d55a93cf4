"""What takes the frames and boxes of a loop: a film, a file of results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from siamfc.errors import OutputError
from siamfc.frames import Frame, FrameSource, Image, open_writer
from siamfc.tracking import FrameResult, open_results

Sink = Callable[[Frame, FrameResult], object]
"""Takes a frame and where the targets are in it."""


@contextmanager
def film_sink(
    out: Path,
    draw: Callable[[Image, FrameResult], Image],
    frames: FrameSource,
    *,
    source: str | Path,
    codec: str | None = None,
    overwrite: bool,
) -> Iterator[Sink]:
    """A film of what `draw` makes of each frame, kept only if the block ends well.

    It never takes the place of the `source` that it is made from, not even to overwrite.
    """
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise OutputError(f"{out} is the source itself: name another file")
    rate = frames.frame_rate
    with open_writer(out, codec=codec, frame_rate=rate, overwrite=overwrite) as writer:
        yield lambda frame, result: writer.write(draw(frame.image, result), frame.time)


@contextmanager
def results_sink(path: Path, *, targets: int, overwrite: bool) -> Iterator[Sink]:
    """A file of results, kept only if the block ends well."""
    with open_results(path, targets=targets, overwrite=overwrite) as add:
        yield lambda _, result: add(result)
