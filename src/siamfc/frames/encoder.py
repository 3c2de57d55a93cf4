"""Encode pictures into one video file, or number them as PNG files."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image as PillowImage
from PIL import ImageOps

from siamfc.errors import OutputError
from siamfc.frames.frame import Image

TIME_BASE = Fraction(1, 120_000)
"""Unit of the films' time stamps: a frame takes a whole number of them at 24, 25, 30, 50, 60 and
120 frames/s, and at 1000/1001 of 24, 30, 60 and 120."""

_CLOCK_RESET = 1.0
"""Seconds backwards that mean a new clock, not two frames out of order."""

_KEY_FRAME_SECONDS = 2.0
"""Between two frames from which a player can start: short, for moving about in the film."""

_PNG_COMPRESSION = 1
"""Of 0 to 9: the fastest that compresses."""

_BT709 = 1
"""The matrix's number in H.273, which FFmpeg uses for AVCOL_SPC_BT709."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A way to encode.

    Attributes:
        encoders: FFmpeg's names of encoders with their options; the first there is gets used.
        suffixes: Endings of files that can hold it.
        worst_crf: Highest constant rate factor; 0 is the best quality and the largest file.
    """

    encoders: dict[str, dict[str, str]]
    suffixes: tuple[str, ...]
    worst_crf: int = 63


# The fastest settings of each: the film must cost little beside the network.
CODECS = {
    "h264": Codec(
        encoders={"libx264": {"preset": "ultrafast", "crf": "23"}},
        suffixes=(".mp4", ".mov", ".mkv"),
        worst_crf=51,
    ),
    "vp9": Codec(
        encoders={
            "libvpx-vp9": {
                "deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32", "b": "0"
            }
        },
        suffixes=(".webm", ".mkv", ".mp4"),
    ),
    "av1": Codec(
        encoders={
            "libsvtav1": {"preset": "10", "crf": "35"},
            "libaom-av1": {"usage": "realtime", "cpu-used": "10", "crf": "35"},
        },
        suffixes=(".mp4", ".webm", ".mkv"),
    ),
}  # fmt: skip

VIDEO_SUFFIXES = tuple(sorted({suffix for codec in CODECS.values() for suffix in codec.suffixes}))
"""Endings of all files that can hold one of them."""


class Encoder(Protocol):
    """Takes pictures in order; used by one thread at a time."""

    def add(self, image: Image, time: float, /) -> None:
        """Take the next picture and its time in seconds, NaN for one step after the last."""
        ...

    def finish(self) -> None:
        """Write what is still held back and close."""
        ...

    def abandon(self) -> None:
        """Let go of files, whatever became of them."""
        ...


class VideoEncoder:
    """Encode into a file as yuv420p with BT.709 colours of limited range.

    An odd width or height is made even by repeating the last column or row. Pictures of another
    size are fitted between black bars, their aspect kept.

    Args:
        path: The file to write; its ending decides the container.
        size: Width and height of the first picture.
        codec: A key of `CODECS`.
        frame_rate: Frames per second where pictures have no time.
        threads: Threads that encode.
        crf: Constant rate factor; None: the codec's own.

    Raises:
        OutputError: This build of FFmpeg has no encoder for the codec, or it refuses the size.
        av.FFmpegError: While encoding: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        codec: str,
        frame_rate: float,
        threads: int,
        crf: int | None = None,
    ) -> None:
        encoder, options = find_encoder(codec)
        if crf is not None:
            options = {**options, "crf": str(crf)}
        self._size = size
        self._clock = VideoClock(frame_rate)
        self._step = self._clock.step
        self._reformatter = VideoReformatter()
        # The index at the front of the file, for a browser to start before it has all.
        front = {"movflags": "+faststart"} if path.suffix.lower() in {".mp4", ".mov"} else {}
        self._container = av.open(str(path), "w", container_options=front)
        # SVT-AV1 writes its settings to standard error unless told before it starts.
        os.environ.setdefault("SVT_LOG", "1")
        self._stream = cast(
            VideoStream,
            self._container.add_stream(
                encoder,
                rate=Fraction(frame_rate).limit_denominator(1001),
                options=dict(options),
                time_base=TIME_BASE,
                width=size[0] + size[0] % 2,
                height=size[1] + size[1] % 2,
            ),
        )
        context = self._stream.codec_context
        context.thread_count = threads
        context.gop_size = max(1, round(_KEY_FRAME_SECONDS * frame_rate))
        context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        try:
            context.open()
        except av.FFmpegError as error:
            width, height = size
            reason = str(error.strerror).lower()
            raise OutputError(f"{codec} cannot encode {width}×{height} pixels: {reason}") from None

    def add(self, image: Image, time: float) -> None:
        """Encode the next picture."""
        picture = self._convert(image)
        picture.pts = self._clock.stamp(time)
        picture.time_base = TIME_BASE
        self._mux(picture)

    def finish(self) -> None:
        """Write what the encoder holds back, then the file's index."""
        self._mux(None)
        self._container.close()

    def abandon(self) -> None:
        """Close the file, whatever became of it."""
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            packet.duration = self._step  # counts for the last one, which no other follows
            self._container.mux(packet)

    def _convert(self, image: Image) -> av.VideoFrame:
        height, width, _ = image.shape
        if (width, height) != self._size:
            fitted = ImageOps.pad(PillowImage.fromarray(image), self._size)
            image = np.asarray(fitted)
            width, height = self._size
        if width % 2 or height % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )


class PngEncoder:
    """Write each picture as 000000.png, 000001.png … into a folder; times are not kept.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, image: Image, _time: float) -> None:
        """Write the next picture."""
        path = self._folder / f"{self._count:06d}.png"
        PillowImage.fromarray(image).save(path, compress_level=_PNG_COMPRESSION)
        self._count += 1

    def finish(self) -> None:
        """Every file is written already."""

    def abandon(self) -> None:
        """No file is open."""


class VideoClock:
    """Time stamps for a film: those of the source, made to rise.

    The film starts at 0. A picture without a time comes one step after the last; so does the
    first after a jump back of more than a second, which means that the source's clock was reset.
    Two pictures are at least a millisecond apart, which every container can tell apart.

    Args:
        frame_rate: Frames per second where pictures have no time.

    >>> clock = VideoClock(25)
    >>> [clock.stamp(time) * TIME_BASE.numerator / TIME_BASE.denominator
    ...  for time in (7.0, 7.5, math.nan, 7.6)]
    [0.0, 0.5, 0.54, 0.6]
    """

    def __init__(self, frame_rate: float) -> None:
        self.step = round(TIME_BASE.denominator / frame_rate)
        self._last = -self.step
        self._zero: float | None = None

    def stamp(self, time: float) -> int:
        """The next time stamp in units of `TIME_BASE`; `time` is in seconds or NaN."""
        ticks_per_second = TIME_BASE.denominator
        following = self._last + self.step
        if math.isnan(time):
            self._last = following
            return following
        if self._zero is None or time - self._zero < self._last / ticks_per_second - _CLOCK_RESET:
            self._zero = time - following / ticks_per_second
        stamp = round((time - self._zero) * ticks_per_second)
        self._last = max(stamp, self._last + ticks_per_second // 1000)
        return self._last


def find_encoder(codec: str) -> tuple[str, dict[str, str]]:
    """The first encoder of a codec that this build of FFmpeg has, with its options.

    Raises:
        OutputError: There is none.
    """
    for name, options in CODECS[codec].encoders.items():
        try:
            av.Codec(name, "w")
        except ValueError:  # av.codec.codec.UnknownCodecError
            continue
        return name, options
    raise OutputError(f"this build of FFmpeg cannot encode {codec}: choose another codec")
