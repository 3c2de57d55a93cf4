"""What was drawn in one video, and where the targets were found since."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.frames import Frame, Image
from siamfc.network import Network
from siamfc.tracking import Settings
from siamfc.web.history import History
from siamfc.web.tracking import Box, Following, NetworkView

Row = tuple[FloatArray, FloatArray]
"""Boxes (N, 4) and scores (N,) in one frame."""

Keyframes = dict[int, dict[int, Box]]
"""The boxes that were drawn, by frame and target."""


class TakenBack(NamedTuple):
    """What was there before boxes were changed, until the next frame is tracked."""

    keyframes: Keyframes
    history: History
    end: int
    """One more than the index of the last frame that was left of the history."""


class EditableTrack:
    """Boxes drawn, and rows tracked from them. Its methods may be called from any thread.

    Args:
        matcher: a network ready to track with.
        settings: of the tracker.
        frame_size: (width, height) of the video.
        max_targets: that may be drawn.

    Attributes:
        lock: held while anything here changes.
        epoch: raised each time that rows are taken back.
        history: the rows.
    """

    def __init__(
        self,
        matcher: Network,
        settings: Settings,
        *,
        frame_size: tuple[int, int],
        max_targets: int,
    ) -> None:
        self.lock = threading.RLock()
        self.epoch = 0
        self.history = History()
        self._following = Following(matcher, settings)
        self._frame_size = frame_size
        self._max_targets = max_targets
        self._keyframes: Keyframes = {}
        self._taken_back: TakenBack | None = None
        self._working = threading.Lock()
        """Held while a frame is computed; taken before `lock`."""

    # --- Drawing ----------------------------------------------------------------------------------

    def draw(self, frame: int, target: int, box: Box) -> None:
        """Say where a target is in a frame; what was tracked from there on is taken back.

        If the boxes then are what they were before, and nothing has been tracked since, so are the
        rows.

        Raises:
            InputError: no such target, or a box that cannot be tracked.
        """
        self._following.check(box, self._frame_size)
        with self.lock:
            count = self.targets
            if not 0 <= target <= min(count, self._max_targets - 1):
                raise InputError(
                    f"expected a target from 1 to {min(count + 1, self._max_targets)}, "
                    f"got {target + 1}"
                )
            self._set_keyframes(frame, {**self._keyframes.get(frame, {}), target: box})
            self.history.set_targets(target + 1)

    def erase(self, frame: int, target: int) -> None:
        """Take back a box that was drawn in a frame, and what was tracked from there on.

        As for `draw`, rows that were there without it come again. A target's only box takes the
        target with it, as `remove` does.

        Raises:
            InputError: none was drawn there.
        """
        with self.lock:
            boxes = dict(self._keyframes.get(frame, {}))
            if boxes.pop(target, None) is None:
                raise InputError(f"no box of target {target + 1} was drawn in frame {frame}")
            if any(target in drawn for at, drawn in self._keyframes.items() if at != frame):
                self._set_keyframes(frame, boxes)
                return
        self.remove(target)

    def remove(self, target: int) -> None:
        """Forget a target; those after it move up by one.

        Raises:
            InputError: there is no such target.
        """
        with self._working, self.lock:
            if not 0 <= target < self.targets:
                raise InputError(f"there is no target {target + 1}")
            self._following.remove(target)
            self.history.remove(target)
            renumbered = {
                frame: {t - (t > target): box for t, box in boxes.items() if t != target}
                for frame, boxes in self._keyframes.items()
            }
            self._keyframes = {frame: boxes for frame, boxes in renumbered.items() if boxes}
            if self._restore():
                return
            kept = self._taken_back
            if kept is not None and target < _count_targets(kept.keyframes):
                self._taken_back = None
            self._take_back(self.history.end)

    # --- Tracking ---------------------------------------------------------------------------------

    def begin(self) -> tuple[int, int] | None:
        """Return the epoch and the frame to go on from; None if nothing is drawn."""
        with self.lock:
            if not self._keyframes:
                return None
            if not len(self.history):
                self.history.begin(min(self._keyframes))
            return self.epoch, self.history.end

    def find(self, frame: Frame, epoch: int) -> Row | None:
        """Find the targets in the frame after the last row; None if rows were taken back."""
        with self.lock:
            if epoch != self.epoch:
                return None
            previous, keyframes = self.history.row(frame.index - 1)[0], self._keyframes
        with self._working:
            if epoch != self.epoch:
                return None
            return self._following.row(frame.image, frame.index, previous, keyframes)

    # --- What there is to see ---------------------------------------------------------------------

    @property
    def targets(self) -> int:
        """Count of targets that were drawn."""
        return _count_targets(self._keyframes)

    @property
    def keyframes(self) -> list[list[Any]]:
        """Frame, target, x, y, w, h of each box that was drawn."""
        return [
            [frame, target, *box]
            for frame, boxes in sorted(self._keyframes.items())
            for target, box in sorted(boxes.items())
        ]

    def rows(self, epoch: int, start: int, limit: int) -> tuple[int, Any]:
        """Rows that a page doesn't have yet.

        Args:
            epoch: of the rows that it has.
            start: the frame after them.
            limit: of rows at once.

        Returns:
            The first row's frame and the rows (F, N, 5) float32.
        """
        with self.lock:
            first = start if epoch == self.epoch else self.history.start
            first = min(max(first, self.history.start), self.history.end)
            return first, self.history.table(first, min(first + limit, self.history.end))

    def tracked(self) -> tuple[int, History]:
        """The epoch, and a copy of the rows so far, which may be read at leisure."""
        with self.lock:
            return self.epoch, self.history.copy()

    def boxes_in(self, frame: int) -> Row:
        """Boxes (N, 4) and scores (N,) in a frame; where it wasn't tracked, the boxes drawn."""
        with self.lock:
            boxes, scores = self.history.row(frame)
            for target, box in self._keyframes.get(frame, {}).items():
                boxes[target], scores[target] = box, 1.0
            return boxes, scores

    def view(self, image: Image, frame: int, target: int) -> NetworkView | None:
        """What the network saw of a target; None if it wasn't followed in that frame."""
        with self._working, self.lock:
            if not (0 <= target < self.targets and self.history.start <= frame < self.history.end):
                return None
            previous = self.history.row(frame - 1)[0]
            return self._following.view(image, frame, target, previous, self._keyframes)

    def _set_keyframes(self, frame: int, boxes: dict[int, Box]) -> None:
        before = self._keyframes
        rest = {at: drawn for at, drawn in before.items() if at != frame}
        self._keyframes = {**rest, frame: boxes} if boxes else rest
        if self._restore():
            return
        kept = self._taken_back
        if kept is None or kept.end != self.history.end:  # tracking has gone on since
            kept = TakenBack(before, self.history.copy(), end=self.history.end)
        self._take_back(frame)
        self._taken_back = kept._replace(end=self.history.end)

    def _restore(self) -> bool:
        """Give the rows back that were there with the boxes of now, unless more were tracked."""
        kept = self._taken_back
        if kept is None or kept.end != self.history.end or kept.keyframes != self._keyframes:
            return False
        self.history, self._taken_back = kept.history, None
        self.epoch += 1
        return True

    def _take_back(self, frame: int) -> None:
        first = min(self._keyframes, default=0)
        if first != self.history.start or not self._keyframes:
            self.history.begin(first)
        else:
            self.history.cut(frame)
        self.epoch += 1


def _count_targets(keyframes: Keyframes) -> int:
    return 1 + max((t for boxes in keyframes.values() for t in boxes), default=-1)
