"""Sources of frames from cameras, network streams and pipes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Iterator
from itertools import chain
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import av

from siamfc.errors import InputError, SourceError
from siamfc.frames.container import VideoAddress
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.decoder import VideoDecoder
from siamfc.frames.frame import Frame
from siamfc.frames.frame_index import SourceClock
from siamfc.frames.lazy import decoded_frame
from siamfc.frames.read_ahead import ReadAheadSource

_logger = logging.getLogger(__name__)

STREAM_SCHEMES = frozenset(
    {"http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"}
)
"""URL schemes that are read as streams."""

_AVFOUNDATION_OPTIONS = {"framerate": "30"}  # its own default, 29.97, is refused by most cameras


class LiveSource(ReadAheadSource):
    """Frames of a camera, a stream or a pipe.

    The constructor connects and decodes the first frame. If the source has no end (no stated
    duration), frames after the first are dropped while the reader is busy, so that it always gets
    the current one; the dropped indices are skipped. Pipes wait for their reader. Times count from
    the first frame. If the connection breaks off, the frames end with a warning in the log.

    Args:
        address: Address from `camera_address`, `stream_address` or `pipe_address`.
        threads: Number of decoding threads; None: as for `VideoFile`.
        read_ahead: Number of frames decoded ahead, at least 1, where none are dropped.
        lazy: As for `VideoFile`.

    Raises:
        SourceError: No connection, or nothing that can be decoded.
    """

    def __init__(
        self,
        address: VideoAddress,
        *,
        threads: int | None = None,
        read_ahead: int = 4,
        lazy: bool = False,
    ) -> None:
        super().__init__(read_ahead)
        self._address = address
        self._threads = threads
        self._lazy = lazy
        self.name = address.name
        decoder = VideoDecoder(address, threads=threads)
        self.frame_count = decoder.frame_count
        self.frame_rate = decoder.frame_rate
        self._drop = decoder.duration is None and address.file is None
        pictures = decoder.pictures()
        try:
            first = next(pictures)
            self._converter = RgbConverter(first, name=self.name, threads=decoder.threads)
        except SourceError:
            decoder.close()
            raise
        self.size = self._converter.size
        self.pixel_aspect = self._converter.upright_aspect(decoder.pixel_aspect)
        """Width of a pixel divided by its height; frames are always as stored."""
        self.color_tags = self._converter.color_tags
        """Primaries and transfer function of the frames."""
        self.has_sound = bool(decoder.sound_streams)
        """True if there is sound; it is not kept."""
        self._connected: _Connection | None = _Connection(decoder, chain([first], pictures))

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from the constructor's connection; later iterations reconnect."""
        connection, self._connected = self._connected, None
        if connection is None:
            if self._address.file is not None:
                raise SourceError(f"{self.name} has been read: a pipe gives its frames once")
            decoder = VideoDecoder(self._address, threads=self._threads)
            connection = _Connection(decoder, decoder.pictures())
        return self._read_ahead(self._frames(connection), drop=self._drop)

    def close(self) -> None:
        """Stop every reader and disconnect; may be called twice."""
        super().close()
        if self._connected is not None:
            self._connected.decoder.close()
            self._connected = None

    def _frames(self, connection: _Connection) -> Generator[Frame]:
        clock = SourceClock(self.frame_rate)
        with connection.decoder as decoder:
            for index, picture in enumerate(connection.pictures):
                time = clock.time(picture.time)
                yield decoded_frame(picture, self._converter, index, time, lazy=self._lazy)
            if decoder.fault:
                _logger.warning("%s %s", self.name, decoder.fault)


class _Connection(NamedTuple):
    decoder: VideoDecoder
    pictures: Iterator[av.VideoFrame]


def stream_address(url: str, *, timeout: float) -> VideoAddress:
    """Return the address of a network stream; its name omits user and password.

    Raises:
        SourceError: An unsupported kind of URL, or not a URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets without an IPv6 address
        raise SourceError(f"{url} is not the URL of a stream: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in STREAM_SCHEMES:
        raise SourceError(
            f"{scheme}:// is not a kind of stream that can be read; known are "
            f"{', '.join(sorted(STREAM_SCHEMES))}"
        )
    name = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    # Over UDP, packets of an RTSP stream get lost and the picture tears.
    options = {"rtsp_transport": "tcp"} if scheme in {"rtsp", "rtsps"} else {}
    return VideoAddress(url=url, name=name, options=options, timeout=timeout)


def camera_address(number: int, *, timeout: float, platform: str = sys.platform) -> VideoAddress:
    """Return the address of a camera: 0 is the first.

    Args:
        number: The N of /dev/videoN on Linux; elsewhere the index in the system's list.
        timeout: Seconds without a picture after which reading fails.
        platform: Platform as in `sys.platform`.

    Raises:
        InputError: A negative number.
        SourceError: There is no such camera.
    """
    if number < 0:
        raise InputError(f"a camera's number is 0 or more; got {number}")
    name = f"camera {number}"
    if platform == "darwin":
        return VideoAddress(
            url=f"{number}:none",
            name=name,
            format="avfoundation",
            options=_AVFOUNDATION_OPTIONS,
            timeout=timeout,
        )
    if platform == "win32":
        return VideoAddress(
            url=f"video={_directshow_name(number)}", name=name, format="dshow", timeout=timeout
        )
    device = f"/dev/video{number}"
    return VideoAddress(url=device, name=f"{name} ({device})", format="v4l2", timeout=timeout)


def _directshow_name(number: int) -> str:
    devices = [
        device.name
        for device in av.enumerate_input_devices("dshow")
        if "video" in device.media_types
    ]
    if not 0 <= number < len(devices):
        raise SourceError(f"there is no camera {number}; found {len(devices)}: {devices}")
    return devices[number]
