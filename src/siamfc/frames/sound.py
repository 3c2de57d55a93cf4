"""Copying of a video's sound, packet by packet, into the video made from its pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from siamfc.frames.container import FOREIGN_TAGS

_logger = logging.getLogger(__name__)

_CLOCK_RESET = 1.0
"""Seconds backwards that indicate a restarted clock instead of two packets out of order."""

_TAGS = {"language", "title"}
"""Metadata that are copied."""


class Sound(NamedTuple):
    """Sound that belongs to a video's frames."""

    url: str
    """The file's absolute path."""
    start: float
    """Time in the file, in seconds, of the frame with time 0."""
    streams: tuple[int, ...]
    """Numbers of the audio streams, as FFmpeg counts them."""
    last_time: Callable[[], float | None]
    """Returns the time of the file's last frame, or None as long as it is unknown."""


class SoundCopy:
    """Adds an audio stream to a video being written, and fills it up to the pictures' time.

    Args:
        sound: The sound to copy.
        stream: Number of the stream among those of `sound`.
        container: The video; nothing has been written to it yet.
        name: The video's name for messages.
    """

    def __init__(self, sound: Sound, stream: int, container: OutputContainer, *, name: str) -> None:
        self._container = container
        self._start = sound.start
        self._name = name
        self._packets: Iterator[tuple[float, Packet[AudioStream]]] = iter(())
        self._waiting: tuple[float, Packet[AudioStream]] | None = None
        self._last = -1
        self._input: InputContainer | None = None
        try:
            self._input = cast(InputContainer, av.open(sound.url, **FOREIGN_TAGS))
            self._source = cast(AudioStream, self._input.streams[stream])
            self._copy = _add_copy(container, self._source)
        except (av.FFmpegError, ValueError) as error:
            missing = "sound" if len(sound.streams) == 1 else f"sound of stream {stream}"
            self._give_up(f"{name} has no {missing}: {error}")

    def begin(self, time: float) -> None:
        """Set the source's time, in seconds, at which the video begins."""
        if self._input is None:
            return
        self._start += time
        if time > 0:
            self._input.seek(int(max(0.0, self._start - 1) * av.time_base))
        self._packets = _timed(self._input, self._source)

    def copy_until(self, time: float) -> None:
        """Write the sound up to a time of the video, in seconds; infinite: to its end."""
        if self._input is None:
            return
        try:
            while True:
                self._waiting = self._waiting or next(self._packets, None)
                if self._waiting is None or self._waiting[0] - self._start >= time:
                    return
                self._write(*self._waiting)
                self._waiting = None
        except av.FFmpegError as error:
            self._give_up(f"the sound of {self._name} ends at {time:.1f} s: {error.strerror}")

    def close(self) -> None:
        """Release the source. May be called twice."""
        if self._input is not None:
            self._input.close()
            self._input = None

    def _write(self, seconds: float, packet: Packet[AudioStream]) -> None:
        stamp = round((seconds - self._start) / float(packet.time_base or 1))
        if stamp <= self._last:
            return
        packet.pts = packet.dts = self._last = stamp
        packet.stream = self._copy
        self._container.mux(packet)

    def _give_up(self, reason: str) -> None:
        _logger.warning(reason)
        self.close()


def _add_copy(container: OutputContainer, source: AudioStream) -> AudioStream:
    """Add a stream like the source; ValueError if its codec is not supported."""
    if source.codec_context is None:  # contrary to its type
        raise ValueError("its codec is unknown to this build of FFmpeg")
    codec = source.codec_context.codec.canonical_name
    if codec not in container.supported_codecs:
        raise ValueError(f"a {container.format.name} file holds no {codec}; .mkv does")
    copy = container.add_stream_from_template(source)
    copy.disposition = source.disposition
    copy.metadata.update({key: source.metadata[key] for key in _TAGS & source.metadata.keys()})
    return copy


def _timed(
    container: InputContainer, stream: AudioStream
) -> Iterator[tuple[float, Packet[AudioStream]]]:
    """Yield packets with their times in seconds, which continue when the clock restarts."""
    offset, end = 0.0, None
    for packet in container.demux(stream):
        if packet.pts is None or packet.time_base is None:
            continue
        time = float(packet.pts * packet.time_base) + offset
        if end is not None and time < end - _CLOCK_RESET:
            offset += end - time
            time = end
        end = time + float((packet.duration or 0) * packet.time_base)
        yield time, packet
