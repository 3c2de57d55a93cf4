"""Opening of a container with PyAV, choice of its video stream, and our own errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from siamfc.errors import InputError, SourceError

FOREIGN_TAGS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)
"""Arguments for `av.open` that accept titles and comments in encodings other than UTF-8; PyAV 19
always does."""

_NOT_VIDEO_FORMATS = frozenset({"tty"})
"""Input formats that FFmpeg renders as video although they are not: plain text."""

_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Flags of streams that hold the cover of a piece of music or other still pictures."""

_PACKETS_LOOKED_AT = 1000
"""Number of packets inspected to find which of several streams hold more than one picture."""

_NOT_FROM_A_PIPE = "an .mp4 or .mov whose index is at its end can only be read by its name"

_UNKNOWN_CODEC = (
    "{} uses a codec that this build of FFmpeg cannot decode: convert it, for example to H.264"
)


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

    @property
    def is_file(self) -> bool:
        """True for a file that can be opened again, in a format that FFmpeg detects."""
        return self.file is None and self.format is None and self.timeout is None


def open_container(address: VideoAddress) -> InputContainer:
    """Open the container at an address.

    Raises:
        SourceError: It cannot be opened, or is a text.
    """
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
        reason = explain(error, address)
        raise SourceError(f"{address.name} cannot be opened: {reason}") from None
    if container.format.name in _NOT_VIDEO_FORMATS:
        container.close()
        raise SourceError(f"{address.name} is a text, not a video")
    return container


def find_video_stream(container: InputContainer, address: VideoAddress) -> VideoStream:
    """Return the requested stream, or else the video with the most pixels, as FFmpeg chooses.

    Covers, thumbnails and videos of a single frame beside others are ignored.

    Raises:
        SourceError: There is no video, or none that can be decoded.
        InputError: The requested stream is no video.
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
    if not address.is_file:
        return streams
    counts: Counter[int] = Counter()
    with open_container(address) as container, suppress(av.FFmpegError):
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


def explain(error: av.FFmpegError | IndexError, address: VideoAddress) -> str:
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
