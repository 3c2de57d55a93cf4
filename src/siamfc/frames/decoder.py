"""Decoding of a video, camera, stream or pipe in one pass with PyAV, with our own errors."""

from __future__ import annotations

import math
import re
from collections.abc import Generator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

import av
from av.packet import Packet
from av.video.stream import VideoStream

from siamfc.errors import InputError, SourceError
from siamfc.frames.avi_stamps import AviStamps, needs_avi_stamps
from siamfc.frames.container import VideoAddress, explain, find_video_stream, open_container
from siamfc.frames.missing_end import missing_end
from siamfc.system import core_count

_PIXELS_OF_A_THREAD = 1920 * 1088

_MISSING_FRACTION = 0.02
_MISSING_SECONDS = 0.5
"""Fraction of a video, and duration if frames are not counted, that may be missing without a
warning: the sound can be longer than the picture, and frames can be omitted on purpose."""


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
        self._container = open_container(address)
        try:
            self._stream = find_video_stream(self._container, address)
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
            reason = explain(error, self._address)
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
        reason = f" ({explain(failure, self._address)})" if failure else ""
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
        if not self._address.is_file:
            return ""
        return missing_end(Path(self._address.url), self._stream.id)

    def _note_faults(self, count: int, shortfall: str, damaged: int) -> None:
        if self._broken_off is not None:
            reason = explain(self._broken_off, self._address)
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
