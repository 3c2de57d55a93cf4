"""`follow`: tracks targets through a source, forwards and backwards; all other code uses it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.checks import check_whole
from siamfc.errors import InputError, SourceError
from siamfc.tracking.defaults import Settings
from siamfc.tracking.fusion import fuse
from siamfc.tracking.key_frames import GivenBoxes, KeyFrames, as_key_frames
from siamfc.tracking.results import FrameResult, Status
from siamfc.tracking.smoothing import smooth_results
from siamfc.tracking.step import Stepper
from siamfc.tracking.sweep import Found, sweep

if TYPE_CHECKING:
    from siamfc.frames import Frame, IndexedSource
    from siamfc.network.matcher import Network


@dataclass(frozen=True, kw_only=True)
class FrameRange:
    """Selection of a source's frames to track; frames with a given box are always included."""

    start: int = 0
    """First frame."""
    end: int | None = None
    """Last frame; None: the source's last."""
    every: int = 1
    """Step from one tracked frame to the next."""

    def __post_init__(self) -> None:
        check_whole("start", self.start, 0)
        check_whole("every", self.every, 1)
        if self.end is not None:
            check_whole("end", self.end, self.start)

    def frames(self, source: Iterable[Frame], key_frames: KeyFrames) -> Iterator[Frame]:
        """Yield the frames of a source that are tracked, in order."""
        from siamfc.frames import IndexedSource

        if self.start and isinstance(source, IndexedSource):
            source = source.frames(self.start)
        for frame in source:
            if frame.index >= self.start and self._has(frame.index, key_frames):
                yield frame
            if self.end is not None and frame.index >= self.end:
                return

    def select(self, frames: Iterable[Frame], key_frames: KeyFrames) -> Iterator[Frame]:
        """Return only those of the given frames that are tracked."""
        return (frame for frame in frames if self._has(frame.index, key_frames))

    def count(self, key_frames: KeyFrames, source_count: int | None, *, smooth: bool) -> int | None:
        """Return the number of frames that all passes of `follow` visit; None if unknown."""
        ends = [self.end, None if source_count is None else source_count - 1]
        last = min((end for end in ends if end is not None), default=None)
        if last is None:
            return None
        ahead = self._count(range(self.start, last + 1), key_frames)
        behind = self._count(self.backward_frames(key_frames), key_frames)
        return ahead * (2 if smooth else 1) + behind

    def backward_frames(self, key_frames: KeyFrames) -> range:
        """Return the indices that a backward pass covers; it visits those that are tracked."""
        has_all = key_frames.latest_first == self.start  # then nothing is left to find there
        return range(self.start + has_all, key_frames.last + 1)

    def _count(self, indices: range, key_frames: KeyFrames) -> int:
        first = self.start + -(-(indices.start - self.start) // self.every) * self.every
        extra = (k for k in key_frames.by_frame if k in indices and not self._is_regular(k))
        return len(range(first, indices.stop, self.every)) + sum(1 for _ in extra)

    def _has(self, index: int, key_frames: KeyFrames) -> bool:
        return self._is_regular(index) or index in key_frames.by_frame

    def _is_regular(self, index: int) -> bool:
        return (index - self.start) % self.every == 0


WHOLE = FrameRange()
"""All frames of a source."""


def follow(
    frames: Iterable[Frame],
    boxes: GivenBoxes | KeyFrames,
    matcher: Network,
    settings: Settings | None = None,
    *,
    frame_range: FrameRange = WHOLE,
    smooth: bool = False,
    on_frame: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Frame, FrameResult]]:
    """Track targets through frames and yield each frame with its result.

    Between two frames with a given box, a target is tracked forwards from the first and backwards
    from the second, and the two tracks are fused (see `siamfc.tracking.fusion`). Before its first
    given box it is tracked backwards, after its last one forwards. If boxes are given in later
    frames, the source is therefore read backwards before the first result is yielded. With
    `smooth` it is read to its end and then once more.

    Args:
        frames: an open source; any iterable of frames if boxes are given only in its first one.
        boxes: in any form that `siamfc.track` accepts; a box without a frame is in the first.
        matcher: the loaded network.
        settings: None: the network's defaults.
        frame_range: which frames are tracked.
        smooth: remove jitter from the boxes and bridge stretches in which a target is lost; see
            `siamfc.tracking.smoothing`.
        on_frame: called for each frame tracked before the first result is yielded.

    Raises:
        InputError: a box that cannot be tracked or lies outside the range, or settings for the
            other kind of network.
        SourceError: no frame; frames that change size; `smooth` or boxes in later frames with a
            source that can be read only once.
    """
    key_frames = boxes if isinstance(boxes, KeyFrames) else as_key_frames(boxes, frame_range.start)
    if frame_range.end is not None and key_frames.last > frame_range.end:
        raise InputError(
            f"expected boxes in frames {frame_range.start} to {frame_range.end}, "
            f"got one in {key_frames.last}"
        )
    stepper = Stepper(matcher, settings)
    if smooth:
        require_indexed(frames, "a path is smoothed in two readings")
    if key_frames.begins_at(frame_range.start):
        pairs = _follow_forwards(frames, key_frames, stepper, frame_range)
    else:
        pairs = _follow_both_ways(frames, key_frames, stepper, frame_range, on_frame)
    if not smooth:
        yield from pairs
        return
    results = []
    for _, result in pairs:
        results.append(result)
        on_frame()
    yield from zip(frame_range.frames(frames, key_frames), smooth_results(results), strict=False)


def _follow_forwards(
    frames: Iterable[Frame], key_frames: KeyFrames, stepper: Stepper, frame_range: FrameRange
) -> Iterator[tuple[Frame, FrameResult]]:
    """Track targets from the first frame of the range, without a backward pass."""
    ahead = frame_range.frames(frames, key_frames)
    first = next(ahead, None)
    if first is None:
        raise SourceError(
            f"expected a frame {frame_range.start}, got none: there is nothing to track"
            if frame_range.start
            else "expected at least one frame, got none: there is nothing to track"
        )
    key_frames = key_frames.moved_to(first.index)
    for frame, found in sweep(chain([first], ahead), key_frames, stepper):
        yield frame, _to_result(frame, found, key_frames)


def _follow_both_ways(
    frames: Iterable[Frame],
    key_frames: KeyFrames,
    stepper: Stepper,
    frame_range: FrameRange,
    on_frame: Callable[[], object],
) -> Iterator[tuple[Frame, FrameResult]]:
    backwards = _track_backwards(frames, key_frames, stepper, frame_range, on_frame)
    for frame, ahead in sweep(frame_range.frames(frames, key_frames), key_frames, stepper):
        agreements = None
        if frame.index < key_frames.last:
            behind = backwards.take(frame.index - frame_range.start)
            agreements = _join(frame.index, ahead, behind, key_frames)
        yield frame, _to_result(frame, ahead, key_frames, agreements)


def _track_backwards(
    frames: Iterable[Frame],
    key_frames: KeyFrames,
    stepper: Stepper,
    frame_range: FrameRange,
    on_frame: Callable[[], object],
) -> Found:
    """Track backwards from the last frame with a box to the first frame of the range."""
    source = require_indexed(frames, "give boxes in its first frame alone")
    start = frame_range.start
    indices = frame_range.backward_frames(key_frames)
    # Before any memory is taken: the source refuses a key frame after its end.
    backwards = source.reversed(indices.start, indices.stop)
    every = Found.nothing(key_frames.last - start + 1, len(key_frames))
    behind = frame_range.select(backwards, key_frames)
    for frame, found in sweep(behind, key_frames, stepper):
        every.fill(frame.index - start, found)
        on_frame()
    return every


def require_indexed(frames: Iterable[Frame], advice: str) -> IndexedSource:
    """Return the source if it can be read repeatedly and from any position.

    Raises:
        SourceError: a camera, a stream or a generator.
    """
    from siamfc.frames import ArraySource, IndexedSource

    is_generator = isinstance(frames, ArraySource) and frames.frame_count is None
    if not isinstance(frames, IndexedSource) or is_generator:
        name = getattr(frames, "name", "the source")
        raise SourceError(f"{name} can be read only once, forwards: {advice}")
    return frames


def _join(index: int, ahead: Found, behind: Found, key_frames: KeyFrames) -> FloatArray:
    """Merge `behind` into `ahead`, in place; return the agreement of both directions, (N,)."""
    agreements = np.full(len(key_frames), np.nan)
    between, progress = [], []
    for row, frames in enumerate(key_frames.frames):
        place = bisect_left(frames, index)
        if place == len(frames) or frames[place] == index:
            continue
        if place == 0:
            ahead.fill(row, behind.take(row))
            continue
        before, after = frames[place - 1], frames[place]
        between.append(row)
        progress.append((index - before) / (after - before))
    if between:
        both = ahead.take(between), behind.take(between)
        fused, agreements[between] = fuse(*both, np.array(progress))
        ahead.fill(between, fused)
    return agreements


def _to_result(
    frame: Frame, found: Found, key_frames: KeyFrames, agreements: FloatArray | None = None
) -> FrameResult:
    given = key_frames.by_frame.get(frame.index, {})
    statuses = tuple(
        Status.KEYFRAME if row in given else Status.LOST if lost else Status.TRACKED
        for row, lost in enumerate(found.lost.tolist())
    )
    return FrameResult(
        index=frame.index,
        time=frame.time,
        boxes=found.boxes,
        scores=found.scores,
        lost_flags=found.lost,
        statuses=statuses,
        agreements=agreements,
        names=key_frames.names,
    )
