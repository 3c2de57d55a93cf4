"""Synthetic videos as files: H.264 for players, FFV1 where every pixel must be kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from siamfc.disk import explained_full_disk
from siamfc.errors import InputError, OutputError
from siamfc.files import StagedFile, write_file
from siamfc.frames import open_writer
from siamfc.synthetic.otb import AnnotatedVideo, format_rows, format_truth

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov")
LOSSLESS_SUFFIX = ".mkv"


class _Writer(Protocol):
    def write(self, image: NDArray[np.uint8]) -> None: ...


def write_video_file(
    out: Path,
    video: AnnotatedVideo,
    *,
    lossless: bool = False,
    frame_rate: float = 25.0,
    on_frame: Callable[[], None] | None = None,
) -> tuple[Path, Path]:
    """Write a video as one file, with its boxes and visibility in two text files beside it.

    `square.mp4` comes with `square.txt`, boxes in OTB's format, and `square.visibility.txt`.

    Args:
        out: video file to write; must not exist.
        video: frames and ground truth.
        lossless: FFV1, bit-exact, in .mkv; otherwise H.264.
        frame_rate: frames per second.
        on_frame: called after each frame.

    Returns:
        The text files of boxes and of visibility.

    Raises:
        InputError: a suffix that cannot hold the codec.
        OutputError: an existing file, or a full disk.
    """
    suffixes = (LOSSLESS_SUFFIX,) if lossless else VIDEO_SUFFIXES
    if out.suffix.lower() not in suffixes:
        kind = "a lossless video" if lossless else "a video"
        raise InputError(f"{kind}: expected a name ending in {' or '.join(suffixes)}, got {out}")
    truth, visibility = out.with_suffix(".txt"), out.with_suffix(".visibility.txt")
    for path in (out, truth, visibility):
        if path.exists():
            raise OutputError(f"{path}: exists; choose another name or remove it")
    opened = _open_lossless if lossless else _open_lossy
    try:
        with explained_full_disk(out), opened(out, frame_rate) as writer:
            for index in range(len(video)):
                writer.write(video[index])
                if on_frame is not None:
                    on_frame()
            # The video appears when this block succeeds, after its ground truth.
            write_file(truth, format_truth(video.boxes).encode(), overwrite=True)
            write_file(visibility, format_rows(video.visibility[:, None]).encode(), overwrite=True)
    except BaseException:
        truth.unlink(missing_ok=True)
        visibility.unlink(missing_ok=True)
        raise
    return truth, visibility


@contextmanager
def _open_lossy(out: Path, frame_rate: float) -> Iterator[_Writer]:
    with open_writer(out, codec="h264", frame_rate=frame_rate) as writer:
        yield writer


@contextmanager
def _open_lossless(out: Path, frame_rate: float) -> Iterator[_Writer]:
    staged = StagedFile(out, overwrite=False)
    try:
        with av.open(str(staged.path), "w", format="matroska") as container:
            writer = _LosslessWriter(container, frame_rate)
            yield writer
            writer.flush()
        staged.commit()
    except av.FFmpegError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        staged.discard()


class _LosslessWriter:
    def __init__(self, container: av.container.OutputContainer, frame_rate: float) -> None:
        self._container = container
        rate = Fraction(frame_rate).limit_denominator(1001)
        self._stream = container.add_stream("ffv1", rate=rate)
        self._stream.pix_fmt = "bgr0"  # 8 bits of each colour, no conversion

    def write(self, image: NDArray[np.uint8]) -> None:
        if not self._stream.codec_context.is_open:
            self._stream.height, self._stream.width = image.shape[:2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        self._container.mux(self._stream.encode(frame.reformat(format="bgr0")))

    def flush(self) -> None:
        self._container.mux(self._stream.encode())
