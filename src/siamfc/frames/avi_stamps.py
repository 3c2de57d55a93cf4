"""Time stamps of H.264 and HEVC in AVI files, which have none of presentation."""

from __future__ import annotations

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_CODECS = frozenset({"h264", "hevc"})
"""Codecs whose order of presentation FFmpeg does not derive from an AVI file's packets."""


def needs_avi_stamps(container: InputContainer, stream: VideoStream) -> bool:
    """Return True if FFmpeg invents a stream's presentation stamps, from the next packets."""
    return container.format.name == "avi" and stream.codec_context.name in _CODECS


class AviStamps:
    """Gives pictures the time stamps of their order of presentation, for one pass of a decoder.

    A decoder returns pictures in this order, each with the decoding stamp of the packet that it had
    read last: a constant number of frames late.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._delay = 0
        self._last: int | None = None
        self._step = 1

    def read(self, packet: Packet[VideoStream] | None) -> None:
        """Note a packet that goes to the decoder."""
        if self._first is None and packet is not None:
            self._first = packet.dts

    def correct(self, picture: av.VideoFrame) -> None:
        """Set a picture's presentation stamp; pictures must come in the decoder's order."""
        if self._last is None:
            self._last = self._first or 0
            self._delay = (picture.dts or 0) - self._last
        else:
            if picture.dts is not None:  # else the decoder was flushed
                self._step = picture.dts - self._delay - self._last
            self._last += self._step
        picture.pts = self._last
