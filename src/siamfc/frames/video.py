"""Source of frames from a video file."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, suppress
from itertools import chain, islice
from pathlib import Path

import av

from siamfc.errors import InputError, SourceError
from siamfc.frames.container import VideoAddress
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.decoder import VideoDecoder
from siamfc.frames.frame import Frame
from siamfc.frames.frame_index import FrameIndex, StreamIdentity, shared_index
from siamfc.frames.lazy import decoded_frame
from siamfc.frames.paths import require_file
from siamfc.frames.read_ahead import IndexedReadAheadSource
from siamfc.frames.sound import Sound

_logger = logging.getLogger(__name__)

_PIXELS_COUNTED = 2e9
"""Number of pixels that are decoded to find the frames, about five seconds' worth. If more would be
needed and the container is regular, the frames it lists are used instead."""

_HELD_BYTES = 256e6
"""Memory for decoded pictures while frames are read backwards."""
_HELD_FRAMES = 8
"""Minimum number of decoded pictures, whatever their size."""


class VideoFile(IndexedReadAheadSource):
    """Frames of a video file, with the file's own times: a variable rate is kept.

    The constructor decodes the first frame, so that a file that is no video fails here. The file
    stays open for the first reading, which goes on from there. From a damaged or truncated file,
    the frames that can be decoded are read, with a warning in the log. Frame `i` by index is always
    frame `i` in order. A picture that differs in size from the first is scaled to its size.

    Args:
        path: The file.
        threads: Number of decoding threads. None: one, because the network needs the cores, and
            more only for pictures larger than 1920×1088 pixels.
        read_ahead: Number of frames decoded ahead, at least 1.
        stream: Number of the stream, as FFmpeg counts them; None: the largest video.
        max_pixels: Largest picture that is decoded; None: no limit.
        container: FFmpeg's name of the container; None: detected.
        lazy: Convert a frame's pixels to RGB where and when they are used, by the thread that uses
            them, not by the one that decodes.

    Raises:
        InputError: The stream with this number is no video.
        SourceError: No such file, or no video in it that can be decoded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int | None = None,
        read_ahead: int = 4,
        stream: int | None = None,
        max_pixels: int | None = None,
        container: str | None = None,
        lazy: bool = False,
    ) -> None:
        super().__init__(read_ahead)
        self.path = path = Path(path)
        self._lazy = lazy
        require_file(path)
        # FFmpeg would take a relative name with a colon for a protocol.
        self._address = VideoAddress(
            url=str(path.absolute()),
            name=str(path),
            format=container,
            stream=stream,
            max_pixels=max_pixels,
        )
        self.name = path.name
        self.fault = ""
        """Problem found when reading to the end; empty if none so far."""
        with ExitStack() as unless_ready:
            decoder = unless_ready.enter_context(VideoDecoder(self._address, threads=threads))
            self._threads = decoder.threads
            self._stated_count = decoder.frame_count
            self.frame_rate = decoder.frame_rate
            pictures = decoder.pictures()
            first = next(pictures)
            self._converter = RgbConverter(first, name=str(path), threads=decoder.threads)
            self.size = self._converter.size
            self.pixel_aspect = self._converter.upright_aspect(decoder.pixel_aspect)
            """Width of a pixel divided by its height; frames are always as stored."""
            self.color_tags = self._converter.color_tags
            """Primaries and transfer function of the frames."""
            start = float(first.time or 0)
            streams = decoder.sound_streams
            self._index = self._find_index(decoder)
            last_time = self._index.last_time
            self.sound = Sound(self._address.url, start, streams, last_time) if streams else None
            """None: the video has no sound."""
            self._begun = [(decoder, chain([first], pictures))]
            unless_ready.pop_all()
        if self.pixel_aspect != 1:
            _logger.warning("%s: pixels are not square; boxes count them as they are stored", path)

    def close(self) -> None:
        """Stop every reader of this source; may be called twice."""
        super().close()
        self._drop_begun()

    @property
    def frame_count(self) -> int | None:
        """Number of frames: exact once the video has been read, before that as stated."""
        return len(self._index) if self._index.is_complete else self._stated_count

    def count_frames(self) -> int:
        """Count the frames that can be decoded, by decoding them unless that was done before.

        For a long video with a regular container, the container's list is used instead.
        """
        self._learn(None)
        return len(self._index)

    def position_at(self, time: float) -> int:
        """Return the index of the first frame that is not before a time in seconds.

        Raises:
            InputError: The video ends earlier.
        """
        index = self._index
        self._learn(int(time * (self.frame_rate or 0)))
        while not index.is_complete and index[-1].time < time:
            self._learn(len(index))
        position = index.position_at(time)
        if position == len(index):
            raise InputError(f"{self.name} ends at {index[-1].time:.3f} s; got {time:g} s")
        return position

    def _count(self) -> int:
        return self.count_frames()

    def _check_index(self, index: int) -> None:
        if index >= 0:
            self._learn(index)
        if not 0 <= index < len(self._index):
            super()._check_index(index)

    def _learn(self, position: int | None) -> None:
        """Decode until a frame is known, or all are."""
        index = self._index
        if index.is_complete or (position is not None and position < len(index)):
            return
        if self._is_long(position) and self._trust_container():
            return
        with closing(self._pictures_from(max(len(index) - 1, 0))) as pictures:
            for _ in pictures:
                if position is not None and position < len(index):
                    return

    def _is_long(self, position: int | None) -> bool:
        width, height = self.size
        stated = _PIXELS_COUNTED if self._stated_count is None else self._stated_count
        last = float(stated if position is None else position)
        return bool((last - len(self._index)) * width * height > _PIXELS_COUNTED)

    def _trust_container(self) -> bool:
        with VideoDecoder(self._address, threads=1) as decoder:
            stamps = decoder.stamps()
        if not stamps:
            return False
        self._index.trust(stamps)
        return True

    def _frames_from(self, start: int) -> Generator[Frame]:
        with closing(self._pictures_from(start)) as pictures:
            for position, picture in enumerate(pictures, start):
                yield self._frame(picture, position)

    def _frames_back(self, start: int, stop: int) -> Generator[Frame]:
        """Decode block by block, each from a key frame; about 256 MB of pictures are held."""
        width, height = self.size
        held = max(_HELD_FRAMES, int(_HELD_BYTES / (1.5 * width * height)))
        while stop > start:
            block = max(start, stop - held, self._index.key_before(stop - 1))
            with closing(self._pictures_from(block)) as decoded:
                pictures = list(islice(decoded, stop - block))
            while pictures:
                picture = pictures.pop()
                yield self._frame(picture, block + len(pictures))
            stop = block

    def _frame(self, picture: av.VideoFrame, position: int) -> Frame:
        time = self._index[position].time
        return decoded_frame(picture, self._converter, position, time, lazy=self._lazy)

    def _pictures_from(self, start: int) -> Generator[av.VideoFrame]:
        """Decode from an earlier key frame, or from the start if seeking does not lead there."""
        position = start
        if start:
            self._drop_begun()
            for entry in self._index.entry_points(start):
                position, is_end = yield from self._pictures_after(entry, position)
                if is_end:
                    return
        decoder, pictures = self._from_start()
        with decoder:
            count = 0
            for picture in pictures:
                self._index.note(count, picture)
                count += 1
                if count > position:
                    yield picture
            self._end(decoder, count)

    def _from_start(self) -> tuple[VideoDecoder, Iterator[av.VideoFrame]]:
        """Return the decoder that has decoded the first picture, or a new one, and all pictures."""
        with suppress(IndexError):  # another thread may have taken it
            return self._begun.pop()
        decoder = VideoDecoder(self._address, threads=self._threads)
        return decoder, decoder.pictures()

    def _drop_begun(self) -> None:
        with suppress(IndexError):
            self._begun.pop()[0].close()

    def _pictures_after(
        self, entry: int, position: int
    ) -> Generator[av.VideoFrame, None, tuple[int, bool]]:
        """Decode from a key frame on, as long as everything matches the index.

        Args:
            entry: Position of the key frame.
            position: Position of the first frame that is yielded.

        Returns:
            The position of the next frame, and True if there is none.
        """
        known = self._index[entry].stamp
        at: int | None = None
        with VideoDecoder(self._address, threads=self._threads) as decoder:
            try:
                for picture in decoder.pictures_from(known or 0):
                    if at is None and picture.pts == known:
                        at = entry
                    if at is not None:
                        if not self._index.agrees(at, picture):
                            return position, False
                        at += 1
                        if at > position:
                            yield picture
                            position = at
            except SourceError:  # seeking failed, or nothing can be decoded from there
                return position, False
            if at is None or at < len(self._index):
                return position, False
            self._end(decoder, at)
            return position, True

    def _end(self, decoder: VideoDecoder, count: int) -> None:
        self._index.finish(count)
        if decoder.fault and not self.fault:
            _logger.warning("%s %s", self._address.name, decoder.fault)
        self.fault = self.fault or decoder.fault

    def _find_index(self, decoder: VideoDecoder) -> FrameIndex:
        file = Path(self._address.url).stat()
        identity = StreamIdentity(
            url=self._address.url,
            bytes=file.st_size,
            modified_ns=file.st_mtime_ns,
            stream=decoder.stream_number,
            threads=self._threads,
            frame_rate=decoder.frame_rate,
        )
        return shared_index(identity)
