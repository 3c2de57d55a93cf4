"""Decoding of a video, camera, stream or pipe in one pass with PyAV, with our own errors."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from siamfc.errors import InputError, SourceError
from siamfc.frames.avi_stamps import AviStamps, needs_avi_stamps
from siamfc.frames.missing_end import missing_end
from siamfc.system import core_count

FOREIGN_TAGS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)
"""Arguments for `av.open` that accept titles and comments in encodings other than UTF-8; PyAV 19
always does."""

_NOT_VIDEO_FORMATS = frozenset({"tty"})
"""Input formats that FFmpeg renders as video although they are not: plain text."""

_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Flags of streams that hold the cover of a piece of music or other still pictures."""

_PIXELS_OF_A_THREAD = 1920 * 1088

_PACKETS_LOOKED_AT = 1000
"""Number of packets inspected to find which of several streams hold more than one picture."""

_NOT_FROM_A_PIPE = "an .mp4 or .mov whose index is at its end can only be read by its name"

_UNKNOWN_CODEC = (
    "{} uses a codec that this build of FFmpeg cannot decode: convert it, for example to H.264"
)

_MISSING_FRACTION = 0.02
_MISSING_SECONDS = 0.5
"""Fraction of a video, and duration if frames are not counted, that may be missing without a
warning: the sound can be longer than the picture, and frames can be omitted on purpose."""


class Readable(Protocol):
    """Object from which FFmpeg can read instead of a file."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...

    def close(self) -> None:
        """Release it. May be called twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class VideoAddress:
    """Address under which FFmpeg opens a video.

    Attributes:
        url: A path, URL or device name.
        name: The same for messages, without passwords.
        format: FFmpeg's input format; None: detected.
        options: FFmpeg's options for the format or protocol.
        timeout: Seconds without any data after which opening or reading fails; None: no limit.
        max_pixels: Largest picture that is decoded, whatever the container states.
        stream: Number of the stream to decode, as FFmpeg counts them; None: the largest video.
        file: Object to read in place of the URL: a pipe.
    """

    url: str
    name: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    max_pixels: int | None = None
    stream: int | None = None
    file: Readable | None = None


class Stamp(NamedTuple):
    """Time and kind of one frame, as stated by the container."""

    ticks: int
    """Time in the stream's time base."""
    seconds: float
    is_key: bool


class VideoDecoder:
    """One open video; must be used by one thread at a time.

    Args:
        address: Address of the video.
        threads: Number of decoding threads; None: one, plus one for every further two million
            pixels of a picture, up to the number of cores.

    Raises:
        SourceError: It cannot be opened, or holds no video that can be decoded.
    """

    def __init__(self, address: VideoAddress, *, threads: int | None) -> None:
        self._address = address
        self._container = _open(address)
        try:
            self._stream = _video_stream(self._container, address)
        except (SourceError, InputError):
            self.close()
            raise
        self._stream.thread_type = "AUTO"
        self.threads = _suitable_threads(self._stream) if threads is None else threads
        """Number of decoding threads."""
        self._stream.codec_context.thread_count = self.threads
        if address.max_pixels is not None:
            self._stream.codec_context.options = {"max_pixels": str(address.max_pixels)}
        self.fault = ""
        """Problem found, once all pictures have been read; empty if there is none."""
        self._from_start = True
        self._avi_stamps = AviStamps() if needs_avi_stamps(self._container, self._stream) else None
        self._broken_off: av.FFmpegError | IndexError | None = None

    @property
    def frame_rate(self) -> float | None:
        """Mean number of frames per second."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else None

    @property
    def frame_count(self) -> int | None:
        """Number of frames stated by the container, or else duration × rate."""
        if self._stream.frames > 0:
            return self._stream.frames
        duration, rate = self.duration, self.frame_rate
        return round(duration * rate) if duration and rate else None

    @property
    def duration(self) -> float | None:
        """Length in seconds stated by the container; None for live streams."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        if not self._container.duration:
            return None
        duration, start = self._container.duration, self._container.start_time or 0
        if "matroska" in self._container.format.name:
            # The container states the end of the longest stream, the tag that of this one; other
            # formats state the length from the first frame.
            duration = min(duration, _tagged_end(self._stream) or duration)
            duration -= start if 0 < start < duration else 0
        return duration / av.time_base

    @property
    def stream_number(self) -> int:
        """Number of the decoded stream, as FFmpeg counts them."""
        return self._stream.index

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel divided by its height; 1 if unknown."""
        return Fraction(self._stream.sample_aspect_ratio or 1)

    @property
    def sound_streams(self) -> tuple[int, ...]:
        """Numbers of the audio streams, as FFmpeg counts them."""
        return tuple(stream.index for stream in self._container.streams.audio)

    def pictures(self) -> Generator[av.VideoFrame]:
        """Yield the pictures that can be decoded, in order of presentation.

        Damaged parts are skipped, and `fault` reports them at the end. Pictures that the codec
        repaired itself are yielded as they are.

        Raises:
            SourceError: Nothing could be decoded.
        """
        count = unused = damaged = 0
        last: av.VideoFrame | None = None
        failure: av.FFmpegError | None = None
        for packet in self._packets():
            if self._avi_stamps is not None:
                self._avi_stamps.read(packet)
            try:
                pictures = self._stream.decode(packet)
            except av.error.EOFError:  # the decoder was flushed earlier
                continue
            except av.FFmpegError as error:
                failure = error
                damaged += 1
                continue
            unused += packet is not None and packet.is_discard
            for last in pictures:
                count += 1
                damaged += last.is_corrupt
                if self._avi_stamps is not None:
                    self._avi_stamps.correct(last)
                yield last
        if last is None:
            raise self._nothing_decoded(self._broken_off or failure)
        self._note_faults(count, self._shortfall(count + unused, last), damaged)

    def stamps(self) -> list[Stamp]:
        """Return the container's data on every frame, in order of presentation, without decoding.

        Reads the whole file; the decoder is at its end afterwards. The result is empty if the file
        is unreliable: it does not begin with a key frame, has frames without time stamps or with
        equal ones, or marks any as damaged.
        """
        is_avi = self._avi_stamps is not None
        if is_avi and self._stream.codec_context.has_b_frames:
            return []
        base = float(self._stream.time_base or 0)
        found: list[Stamp] = []
        for packet in self._packets():
            if packet is None or packet.is_corrupt:
                return []
            if packet.size == 0 or packet.is_discard:
                continue
            ticks = packet.dts if is_avi else packet.pts
            if ticks is None or not (found or packet.is_keyframe):
                return []
            found.append(Stamp(ticks, ticks * base, packet.is_keyframe))
        found.sort()
        return [] if any(a.ticks == b.ticks for a, b in pairwise(found)) else found

    def pictures_from(self, time_stamp: int) -> Generator[av.VideoFrame]:
        """Yield the pictures from the last key frame that is not after a time stamp.

        In containers without a good index, the first picture may be another one.

        Raises:
            SourceError: The file does not support seeking, or as for `pictures`.
        """
        self._from_start = False
        try:
            self._container.seek(time_stamp, stream=self._stream, backward=True)
        except av.FFmpegError as error:
            reason = _explain(error, self._address)
            raise SourceError(f"{self._address.name}: seeking failed: {reason}") from None
        yield from self.pictures()

    def close(self) -> None:
        """Release the file or device. May be called twice."""
        self._container.close()
        if self._address.file is not None:
            self._address.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _packets(self) -> Generator[Packet[VideoStream] | None]:
        """Yield the packets, and None at the end if reading failed, which flushes the decoder."""
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, IndexError) as error:  # IndexError: a stream that was not announced
            self._broken_off = error
            yield None

    def _nothing_decoded(self, failure: av.FFmpegError | IndexError | None) -> SourceError:
        reason = f" ({_explain(failure, self._address)})" if failure else ""
        return SourceError(f"{self._address.name} holds no frame that can be decoded{reason}")

    def _shortfall(self, count: int, last: av.VideoFrame) -> str:
        """Describe what the container announced but did not contain; empty if all is there."""
        if self._container.format.name == "avi" and self._address.file is None:
            return ""  # it counts empty chunks too, which repeat a frame; see `missing_end`
        stated = self._stream.frames
        if stated:
            # Some containers also count frames that were omitted on purpose.
            short = self._from_start and count < stated - 1 - _MISSING_FRACTION * stated
            return f"it states {stated} frames" if short else ""
        if not self.duration or last.time is None:
            return ""
        end = last.time - (self._container.start_time or 0) / av.time_base
        end += 1 / (self.frame_rate or 25)  # the last frame's own duration
        missing = self.duration - end
        short = missing > max(_MISSING_SECONDS, _MISSING_FRACTION * self.duration)
        return f"it states {self.duration:.1f} s and ends at {end:.1f} s" if short else ""

    def _missing_end(self) -> str:
        """Describe the evidence that the file's end is missing; empty if there is none."""
        if self._address.file is not None or self._address.format or self._address.timeout:
            return ""
        return missing_end(Path(self._address.url), self._stream.id)

    def _note_faults(self, count: int, shortfall: str, damaged: int) -> None:
        if self._broken_off is not None:
            reason = _explain(self._broken_off, self._address)
            self.fault = f"broke off after {count} frames: {reason}"
        elif shortfall:
            self.fault = f"is cut off after {count} frames: {shortfall}"
        elif end := self._missing_end():
            self.fault = f"is cut off after {count} frames: {end}"
        elif damaged:
            self.fault = (
                f"is damaged: {damaged} {'fault' if damaged == 1 else 'faults'} in {count} frames"
            )


def _tagged_end(stream: VideoStream) -> int | None:
    """Return the end that Matroska's usual tag states, in units of FFmpeg's time base."""
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag is None:
        return None
    return round((60 * (60 * int(tag[1]) + int(tag[2])) + float(tag[3])) * av.time_base)


def _suitable_threads(stream: VideoStream) -> int:
    """Return the number of decoding threads: few, since the network needs the cores."""
    pixels = (stream.width or 0) * (stream.height or 0)
    return max(1, min(core_count(), math.ceil(pixels / _PIXELS_OF_A_THREAD)))


def _open(address: VideoAddress) -> InputContainer:
    try:
        container: InputContainer = av.open(
            address.url if address.file is None else address.file,
            "r",
            format=address.format,
            options=dict(address.options),
            timeout=address.timeout,
            **FOREIGN_TAGS,
        )
    except av.FFmpegError as error:
        if address.file is not None:
            address.file.close()
        reason = _explain(error, address)
        raise SourceError(f"{address.name} cannot be opened: {reason}") from None
    if container.format.name in _NOT_VIDEO_FORMATS:
        container.close()
        raise SourceError(f"{address.name} is a text, not a video")
    return container


def _video_stream(container: InputContainer, address: VideoAddress) -> VideoStream:
    """Return the requested stream, or else the video with the most pixels, as FFmpeg chooses.

    Covers, thumbnails and videos of a single frame beside others are ignored.
    """
    videos = list(container.streams.video)
    if address.stream is not None:
        return _numbered_stream(videos, address)
    streams = [stream for stream in videos if not stream.disposition & _STILL]
    if not streams:
        kinds = " and ".join(sorted({stream.type for stream in container.streams}))
        raise SourceError(f"{address.name} holds no video, only {kinds or 'an empty container'}")
    # `codec_context` is None without a decoder, contrary to its type.
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise SourceError(_UNKNOWN_CODEC.format(address.name))
    moving = known if len(known) == 1 else _moving(known, address)
    return max(moving, key=_preference)


def _moving(streams: list[VideoStream], address: VideoAddress) -> list[VideoStream]:
    """Return the streams with more than one packet near the start of a file; all if none has."""
    if address.file is not None or address.format is not None or address.timeout is not None:
        return streams
    counts: Counter[int] = Counter()
    with _open(address) as container, suppress(av.FFmpegError):
        numbers = [stream.index for stream in streams]
        for packet in islice(container.demux(numbers), _PACKETS_LOOKED_AT):
            counts[packet.stream_index] += packet.size > 0
            if all(counts[number] > 1 for number in numbers):
                break
    return [stream for stream in streams if counts[stream.index] > 1] or streams


def _preference(stream: VideoStream) -> tuple[int, bool]:
    """Return the sort key: more pixels first, then the default stream, then the first."""
    is_default = bool(stream.disposition & Disposition.default)
    return (stream.width or 0) * (stream.height or 0), is_default


def _numbered_stream(videos: list[VideoStream], address: VideoAddress) -> VideoStream:
    for stream in videos:
        if stream.index == address.stream:
            if stream.codec_context is None:
                raise SourceError(_UNKNOWN_CODEC.format(address.name))
            return stream
    held = ", ".join(
        f"{stream.index} ({stream.width}×{stream.height})"
        for stream in videos
        if stream.codec_context is not None
    )
    raise InputError(
        f"stream {address.stream} of {address.name} is not a video; its videos: {held or 'none'}"
    )


def _explain(error: av.FFmpegError | IndexError, address: VideoAddress) -> str:
    """Return the reason of an error in a few words, without paths and numbers."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError) and address.timeout:
        return f"no data for {address.timeout:g} seconds"
    if isinstance(error, av.error.InvalidDataError | IndexError):
        how = "" if address.file is None else f"; {_NOT_FROM_A_PIPE}"
        return f"not a video of a known format, or damaged{how}"
    if isinstance(error, av.error.EOFError):
        return "it is cut off"
    reason = str(error.strerror or type(error).__name__)
    return reason[:1].lower() + reason[1:]
