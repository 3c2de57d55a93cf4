"""Writing of pictures as a video or a folder of PNG files, all or nothing."""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from numpy.typing import ArrayLike

from siamfc.checks import check_whole
from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.files import StagedFile, StagedFolder, Staging
from siamfc.frames.arrays import check_frame_rate
from siamfc.frames.conversion import ColorTags
from siamfc.frames.encoder import (
    CODECS,
    VIDEO_SUFFIXES,
    Encoder,
    PngEncoder,
    VideoEncoder,
    find_encoder,
)
from siamfc.frames.frame import FrameSource, Image
from siamfc.frames.images import check_image
from siamfc.frames.paths import check_not_source

_logger = logging.getLogger(__name__)

_WAITING = 4
"""Maximum number of pictures waiting for the encoder."""


class FrameWriter:
    """Encodes pictures in order in a thread, so that tracking continues meanwhile.

    As a context manager, it publishes the finished video at the end of the block. If the block ends
    with an exception, nothing is written and an existing file stays.

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.mp4"
    ...     with open_writer(path) as writer:
    ...         writer.write(np.zeros((48, 64, 3), np.uint8))
    ...     path.exists()
    True

    Args:
        staging: The temporary output and its final path.
        start: Opens the encoder, when the first picture arrives.
    """

    def __init__(self, staging: Staging, start: Callable[[Path, Image], Encoder]) -> None:
        self._staging = staging
        self._start = start
        self._encoder: Encoder | None = None
        self._error: Exception | None = None
        self._queue: queue.Queue[tuple[Image, float] | None] = queue.Queue(_WAITING)
        self._closed = False
        self._thread = threading.Thread(target=self._encode, name="siamfc-writer", daemon=True)
        self._thread.start()

    def write(self, image: ArrayLike, time: float = math.nan) -> None:
        """Append a picture.

        Args:
            image: (H, W, 3) RGB or (H, W) grey, uint8. It is copied and may be modified later.
            time: Time in seconds, as in `Frame.time`; NaN: one step after the last.

        Raises:
            InputError: `image` is not such a picture, or `time` is infinite.
            OutputError: The writer is closed, or an earlier picture could not be written.
        """
        if self._closed:
            raise OutputError(f"{self._staging.target} is closed: open another writer")
        checked = check_image(image, what="a frame to write")
        if math.isinf(time):
            raise InputError(f"time: expected seconds, or NaN if unknown, got {time}")
        if self._error is not None:
            self.discard()
            raise self._refusal(self._error)
        self._queue.put((checked.copy(), time))

    def close(self) -> None:
        """Finish the video and move it to its final path; may be called twice.

        Raises:
            OutputError: It could not be written completely, or has no picture; nothing is left.
        """
        if self._closed:
            return
        try:
            self._closed = True
            self._end_thread()
            if self._error is not None:
                raise self._error
            if self._encoder is None:
                raise OutputError(f"{self._staging.target} is not written: it has no frames")
            self._encoder.finish()
            self._staging.commit()
        except BaseException as error:
            self._abandon()
            if isinstance(error, Exception):
                raise self._refusal(error) from None
            raise

    def discard(self) -> None:
        """Cancel and remove everything written; may be called twice, and after `close`."""
        if not self._closed:
            self._closed = True
            self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        if error_type is None:
            self.close()
        else:
            self.discard()

    def _encode(self) -> None:
        """Encode queued pictures; after an error only empty the queue, so that nobody waits."""
        while (item := self._queue.get()) is not None:
            if self._error is None:
                image, time = item
                try:
                    if self._encoder is None:
                        self._encoder = self._start(self._staging.path, image)
                    self._encoder.add(image, time)
                except Exception as error:  # raised by the next write or by close
                    self._error = error

    def _end_thread(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _abandon(self) -> None:
        if self._error is None:  # what is still queued need not be encoded
            self._error = OutputError(f"{self._staging.target} was cancelled")
        self._end_thread()  # again if Ctrl-C ended the first wait
        if self._encoder is not None:
            self._encoder.abandon()
        self._staging.discard()

    def _refusal(self, error: Exception) -> SiamFCError:
        if isinstance(error, SiamFCError):
            return error
        reason = str(error)
        if isinstance(error, av.FFmpegError | OSError) and error.errno:
            reason = error.strerror or os.strerror(error.errno)
        return OutputError(f"{self._staging.target} cannot be written: {reason.lower()}")


def open_writer(
    path: str | Path,
    *,
    like: FrameSource | None = None,
    sound: bool = True,
    codec: str | None = None,
    frame_rate: float | None = None,
    overwrite: bool = False,
    threads: int = 1,
    crf: int | None = None,
) -> FrameWriter:
    """Open a video, or a folder of PNG files, for writing.

    Args:
        path: A file ending in .mp4, .mov, .mkv or .webm, or a folder: a name without a suffix, or
            with a trailing slash.
        like: Source of the pictures, which is never replaced: the video gets its frame rate, pixel
            shape, colour primaries and transfer function, and sound.
        sound: Copy the sound of `like`, if the container supports it.
        codec: "h264" (not in .webm), "vp9" or "av1" (neither in .mov); None: H.264, which every
            browser plays, or VP9 in .webm.
        frame_rate: Frames per second for pictures without a time; None: that of `like`, or 25.
        overwrite: Replace an existing file, or a folder that contains only numbered PNG files.
        threads: Number of encoding threads for a video.
        crf: Constant rate factor of a video: 0 is the best quality; None: 23 for H.264, 32 for
            VP9, 35 for AV1.

    Raises:
        InputError: An invalid argument.
        OutputError: The path exists, or cannot be written.
    """
    known = None if like is None else like.frame_rate
    check_frame_rate(frame_rate)
    rate = (known or 25.0) if frame_rate is None else frame_rate
    check_whole("threads", threads, 1)
    target = Path(path)
    if like is not None:
        check_not_source(target, like)
    if not target.suffix or str(path).endswith(("/", os.sep)):
        if codec is not None:
            raise InputError(f"{path} is a folder of PNG files, without a codec; got {codec!r}")
        if crf is not None:
            raise InputError(f"{path} is a folder of PNG files, without a crf; got {crf}")
        return FrameWriter(
            StagedFolder(target, overwrite=overwrite), lambda folder, _: PngEncoder(folder)
        )
    chosen = _choose_codec(target, codec)
    if sound and getattr(like, "has_sound", False):
        _logger.warning("%s has no sound: that of a stream or pipe cannot be copied", target.name)
    if crf is not None and not 0 <= crf <= CODECS[chosen].worst_crf:
        raise InputError(f"crf of {chosen}: expected 0 to {CODECS[chosen].worst_crf}, got {crf}")
    find_encoder(chosen)  # fails here rather than at the first picture

    def start(staged: Path, image: Image) -> Encoder:
        height, width, _ = image.shape
        return VideoEncoder(
            staged,
            (width, height),
            name=target.name,
            codec=chosen,
            frame_rate=rate,
            threads=threads,
            crf=crf,
            pixel_aspect=getattr(like, "pixel_aspect", Fraction(1)),
            color_tags=getattr(like, "color_tags", ColorTags()),
            sound=getattr(like, "sound", None) if sound else None,
        )

    return FrameWriter(StagedFile(target, overwrite=overwrite), start)


def _choose_codec(target: Path, codec: str | None) -> str:
    suffix = target.suffix.lower()
    suiting = [name for name, known in CODECS.items() if suffix in known.suffixes]
    if not suiting:
        raise InputError(
            f"cannot write {suffix}; use {', '.join(VIDEO_SUFFIXES)} or a folder, not {target}"
        )
    if codec is None:
        return suiting[0]
    if codec not in CODECS:
        raise InputError(f"codec must be one of {', '.join(CODECS)}; got {codec!r}")
    if codec not in suiting:
        raise InputError(f"{suffix} files hold {' or '.join(suiting)}, not {codec}: {target}")
    return codec
