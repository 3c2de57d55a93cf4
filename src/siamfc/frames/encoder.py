"""Encoding of pictures into a video file, or into numbered PNG files."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image as PillowImage
from PIL import ImageOps

from siamfc.errors import OutputError
from siamfc.frames.conversion import ColorTags
from siamfc.frames.frame import Image
from siamfc.frames.sound import Sound, SoundCopy
from siamfc.frames.thread_priority import ordinary_threads

_logger = logging.getLogger(__name__)

_SQUARE = Fraction(1)
_BT709_TAGS = ColorTags()

TIME_BASE = Fraction(1, 120_000)
"""Unit of the videos' time stamps: a frame lasts a whole number of them at 24, 25, 30, 50, 60 and
120 frames/s, and at 1000/1001 times 24, 30, 60 and 120."""

_CLOCK_RESET = 1.0
"""Seconds backwards that indicate a restarted clock instead of two frames out of order."""

_SMALLEST_STEP = 0.001
"""Minimum seconds between two frames. Matroska counts milliseconds; other formats allow less if the
frame rate requires it."""

_KEY_FRAME_SECONDS = 2.0
_KEY_FRAME_FRAMES = 250
"""Largest distance between key frames, small enough for seeking in the video."""

_PNG_COMPRESSION = 1
"""Compression level, 0 to 9: the fastest that compresses."""

_BT709 = 1
"""Matrix number in H.273, which FFmpeg uses for AVCOL_SPC_BT709."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """Settings of a video codec.

    Attributes:
        encoders: FFmpeg's encoder names with their options; the first available one is used.
        suffixes: Suffixes of files that can hold it.
        worst_crf: Highest constant rate factor; 0 is the best quality and the largest file.
    """

    encoders: dict[str, dict[str, str]]
    suffixes: tuple[str, ...]
    worst_crf: int = 63


# The fastest settings of each, so that a video costs little compared with the network.
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
"""Suffixes of all files that can hold one of these codecs."""


class Encoder(Protocol):
    """Encoder of pictures in order; used by one thread at a time."""

    def add(self, image: Image, time: float, /) -> None:
        """Add the next picture and its time in seconds; NaN: one step after the last."""
        ...

    def finish(self) -> None:
        """Write everything that is still buffered, and close."""
        ...

    def abandon(self) -> None:
        """Release all files without finishing them."""
        ...


class VideoEncoder:
    """Encodes into a file as yuv420p by BT.709's matrix, of limited range.

    An odd width or height is made even by repeating the last column or row. Pictures of another
    size are fitted between black bars, with their aspect ratio kept. Non-square pixels are
    resampled to square ones except in H.264, because with the other codecs the container does not
    store their shape.

    Args:
        path: File to write; its suffix selects the container.
        name: The file's name for messages.
        size: Width and height of the first picture.
        codec: A key of `CODECS`.
        frame_rate: Frames per second for pictures without a time.
        threads: Number of encoding threads.
        crf: Constant rate factor; None: the codec's default.
        pixel_aspect: Width of a pixel divided by its height.
        color_tags: Primaries and transfer function of the pictures.
        sound: Sound to copy: up to the last picture, or all if that is the source's last frame;
            None: no sound.

    Raises:
        OutputError: This build of FFmpeg has no encoder for the codec, or it refuses the size.
        av.FFmpegError: While encoding: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        name: str,
        codec: str,
        frame_rate: float,
        threads: int,
        crf: int | None = None,
        pixel_aspect: Fraction = _SQUARE,
        color_tags: ColorTags = _BT709_TAGS,
        sound: Sound | None = None,
    ) -> None:
        encoder, options = find_encoder(codec)
        if crf is not None:
            options = {**options, "crf": str(crf)}
        if codec != "h264":
            self._stretch, pixel_aspect = pixel_aspect, _SQUARE
        else:
            self._stretch = _SQUARE
        self._size = size
        stored_width = round(size[0] * self._stretch)
        self._stored = (stored_width + stored_width % 2, size[1] + size[1] % 2)
        is_matroska = path.suffix.lower() in {".mkv", ".webm"}
        self._clock = VideoClock(frame_rate, finest=_SMALLEST_STEP if is_matroska else 0.0)
        if is_matroska and frame_rate * _SMALLEST_STEP > 1:
            _logger.warning(
                "%s files keep no more than 1000 frames/s: the video lasts longer than its source; "
                "name an .mp4", path.suffix,
            )  # fmt: skip
        self._step = self._clock.step
        self._reformatter = VideoReformatter()
        # The index goes to the front, so that browsers can start before they have the whole file.
        front = {"movflags": "+faststart"} if path.suffix.lower() in {".mp4", ".mov"} else {}
        self._container = av.open(str(path), "w", container_options=front)
        self._stream = self._add_stream(encoder, options, frame_rate)
        context = self._stream.codec_context
        context.thread_count = threads
        context.sample_aspect_ratio = pixel_aspect
        context.color_primaries, context.color_trc = color_tags
        try:
            with ordinary_threads():
                context.open()
        except av.FFmpegError as error:
            width, height = size
            reason = str(error.strerror).lower()
            raise OutputError(f"{codec} cannot encode {width}×{height} pixels: {reason}") from None
        self._sound = sound
        self._sounds: list[SoundCopy] = []
        if sound is not None:
            self._sounds = [
                SoundCopy(sound, number, self._container, name=name) for number in sound.streams
            ]
        self._time: float | None = None

    def add(self, image: Image, time: float) -> None:
        """Encode the next picture."""
        if self._time is None:
            for sound in self._sounds:
                sound.begin(0.0 if math.isnan(time) else time)
        self._time = time
        picture = self._convert(image)
        picture.pts = self._clock.stamp(time)
        picture.time_base = TIME_BASE
        self._mux(picture)

    def finish(self) -> None:
        """Write the encoder's buffered packets, the rest of the sound, then the file's index."""
        self._mux(None)
        is_whole = self._sound is not None and self._time == self._sound.last_time()
        end = math.inf if is_whole else float((self._clock.last + self._step) * TIME_BASE)
        for sound in self._sounds:
            sound.copy_until(end)
            sound.close()
        self._container.close()

    def abandon(self) -> None:
        """Close the files without finishing them."""
        for sound in self._sounds:
            sound.close()
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()

    def _add_stream(
        self, encoder: str, options: Mapping[str, str], frame_rate: float
    ) -> VideoStream:
        """Add the video stream, not yet opened, with BT.709's matrix and limited range."""
        # SVT-AV1 prints its settings to standard error unless this is set before it starts.
        os.environ.setdefault("SVT_LOG", "1")
        added = self._container.add_stream(
            encoder,
            rate=Fraction(frame_rate).limit_denominator(1001),
            options=dict(options),
            time_base=TIME_BASE,
            width=self._stored[0],
            height=self._stored[1],
        )
        stream = cast(VideoStream, added)
        context = stream.codec_context
        context.gop_size = min(_KEY_FRAME_FRAMES, max(1, round(_KEY_FRAME_SECONDS * frame_rate)))
        context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        return stream

    def _mux(self, picture: av.VideoFrame | None) -> None:
        with ordinary_threads():  # some start with the first pictures
            packets = self._stream.encode(picture)
        for packet in packets:
            packet.duration = self._step  # used for the last one only
            seconds = float((packet.pts or 0) * TIME_BASE)
            self._container.mux(packet)
            for sound in self._sounds:
                sound.copy_until(seconds)

    def _convert(self, image: Image) -> av.VideoFrame:
        height, width, _ = image.shape
        if (width, height) != self._size:
            fitted = ImageOps.pad(PillowImage.fromarray(image), self._size)
            image = np.asarray(fitted)
            width, height = self._size
        if self._stretch == 1 and (width % 2 or height % 2):
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24"),
            width=self._stored[0],
            height=self._stored[1],
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )


class PngEncoder:
    """Writes pictures as 000000.png, 000001.png … into a folder; times are not kept.

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
        """Do nothing: every file is complete."""

    def abandon(self) -> None:
        """Do nothing: no file is open."""


class VideoClock:
    """Time stamps for a video being written: the source's, made strictly increasing.

    The video starts at 0. A picture without a time comes one step after the last; so does the first
    one after a jump back of more than a second, which means that the source's clock restarted. Two
    pictures are at least a millisecond apart, or half a step if that is less.

    Args:
        frame_rate: Frames per second for pictures without a time.
        finest: Minimum seconds between pictures at any frame rate.

    >>> clock = VideoClock(25)
    >>> [clock.stamp(time) * TIME_BASE.numerator / TIME_BASE.denominator
    ...  for time in (7.0, 7.5, math.nan, 7.6)]
    [0.0, 0.5, 0.54, 0.6]
    """

    def __init__(self, frame_rate: float, *, finest: float = 0.0) -> None:
        ticks = TIME_BASE.denominator
        self.step = max(1, round(ticks / frame_rate), round(ticks * finest))
        self._smallest = max(
            1, round(ticks * finest), min(round(ticks * _SMALLEST_STEP), self.step // 2)
        )
        self.last = -self.step
        """Latest time stamp."""
        self._zero: float | None = None

    def stamp(self, time: float) -> int:
        """Return the next time stamp in units of `TIME_BASE`; `time` is in seconds or NaN."""
        ticks = TIME_BASE.denominator
        following = self.last + self.step
        if math.isnan(time):
            self.last = following
            return following
        if self._zero is None or time - self._zero < self.last / ticks - _CLOCK_RESET:
            self._zero = time - following / ticks
        self.last = max(round((time - self._zero) * ticks), self.last + self._smallest)
        return self.last


def find_encoder(codec: str) -> tuple[str, dict[str, str]]:
    """Return the codec's first encoder that this build of FFmpeg has, with its options.

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
