"""Targets that are drawn in any frame, followed from there, and drawn anew where they went astray.

A box that somebody drew is a keyframe: its exemplar holds from its frame on, until the target's
next keyframe. What was taken into it since is kept by frame, and all else is computed from the
boxes one frame before, so that one can go on from any frame and gets what an uninterrupted run
would have given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from siamfc.array_types import FloatArray
from siamfc.frames import Image
from siamfc.network import Network
from siamfc.tracking import Settings, Stepper, TrackerState
from siamfc.tracking.targets import checked_boxes, exemplar_crops

Box = tuple[float, float, float, float]
Keyframes = Mapping[int, Mapping[int, Box]]
"""By frame, then by target (0-based): the boxes that were drawn."""


_KEPT = 1000
"""Frames that were taken in which are kept for each target; then every other of the older half is
dropped, and who goes on from there begins with the one before."""


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What the network took of the boxes drawn in one frame, and has taken in since."""

    index: int
    """Of the frame."""
    targets: tuple[int, ...]
    state: TrackerState
    crops: NDArray[np.uint8]
    """(N, 127, 127, 3) exemplar images."""
    _taken: dict[tuple[int, ...], TrackerState] = field(default_factory=dict)
    _since: dict[int, list[tuple[int, TrackerState]]] = field(default_factory=dict)
    """By row: frames that were taken in, ascending, and the target's state after each."""

    def before(self, index: int, targets: Sequence[int], previous: FloatArray) -> TrackerState:
        """The state of some of the targets before a later frame, (N, 4) `previous` their boxes."""
        rows = tuple(self.targets.index(target) for target in targets)
        if rows not in self._taken:  # kept, as it is asked for in every frame
            self._taken[rows] = self.state.take(rows)
        state, waited = self._taken[rows], np.full(len(rows), index - 1 - self.index)
        for place, row in enumerate(rows):
            earlier = (one for one in reversed(self._since.get(row, ())) if one[0] < index)
            if latest := next(earlier, None):
                frame, taken_in = latest
                state = state.with_exemplars(place, taken_in)
                waited[place] = index - 1 - frame
        return replace(state, targets=state.targets.at(previous), waited=waited)

    def keep(self, index: int, targets: Sequence[int], state: TrackerState) -> None:
        """Keep what was taken in of some of the targets in a frame, and nothing later than it."""
        for place, target in enumerate(targets):
            row = self.targets.index(target)
            kept = [one for one in self._since.get(row, ()) if one[0] < index]
            if state.waited[place] == 0:
                kept.append((index, state.take([place])))
            if len(kept) > _KEPT:
                del kept[: _KEPT // 2 : 2]
            self._since[row] = kept


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkView:
    """What the network saw of one target in one frame."""

    exemplar: Image
    """(127, 127, 3), from the frame in which the target was drawn last."""
    search: Image | None
    """(255, 255, 3), from this frame; None in the frame in which it was drawn."""
    response: NDArray[np.float64] | None
    """(m, m) sigmoid of the response at the target's present size, or of a score for each cell."""
    area: Box | None
    """x, y, w, h of the part of the frame that the cells of the response stand for."""


class Following:
    """The targets of one video; used by one thread at a time, except for `view`.

    Args:
        matcher: a network ready to track with.
        settings: of the tracker.
    """

    def __init__(self, matcher: Network, settings: Settings) -> None:
        self._stepper = Stepper(matcher, settings)
        self._drawn: dict[int, _Drawn] = {}

    def check(self, box: Box, size: tuple[int, int]) -> None:
        """Raise InputError for a box that cannot be tracked in a frame of `size`."""
        checked_boxes(box, size)

    def row(
        self, image: Image, index: int, previous: FloatArray, keyframes: Keyframes
    ) -> tuple[FloatArray, FloatArray]:
        """Find the targets in a frame.

        Args:
            image: (H, W, 3).
            index: of the frame.
            previous: (N, 4) boxes in the frame before, NaN for targets not drawn yet.
            keyframes: all boxes drawn so far.

        Returns:
            Boxes (N, 4) and scores (N,), 1 where a box was drawn.

        Raises:
            InputError: a frame of another size than those before.
        """
        boxes = np.full((len(previous), 4), np.nan)
        scores = np.full(len(previous), np.nan)
        here = keyframes.get(index, {})
        for origin, members in self._groups(index, keyframes).items():
            followed = [target for target in members if target not in here]
            if followed:
                drawn = self._drawn[origin]
                state = drawn.before(index, followed, previous[followed])
                state = self._stepper.step(state, image)
                if self._stepper.settings.update.changes_exemplar:
                    drawn.keep(index, followed, state)
                boxes[followed], scores[followed] = state.targets.boxes, state.targets.score
        if here:
            members = sorted(here)
            self._draw(image, index, members, [here[target] for target in members])
            boxes[members], scores[members] = [here[target] for target in members], 1.0
        return boxes, scores

    def view(
        self, image: Image, index: int, target: int, previous: FloatArray, keyframes: Keyframes
    ) -> NetworkView | None:
        """Compute anew what the network saw of a target; None if it wasn't followed there."""
        if target in keyframes.get(index, {}) and index in self._drawn:
            return NetworkView(
                exemplar=self._crop_of(index, target), search=None, response=None, area=None
            )
        origin = _origin(index, target, keyframes)
        if origin not in self._drawn or not np.isfinite(previous[target]).all():
            return None
        state = self._drawn[origin].before(index, [target], previous[[target]])
        seen = self._stepper.view(state, image)
        x, y, width, height = seen.area.tolist()
        return NetworkView(
            exemplar=self._crop_of(origin, target),
            search=seen.search,
            response=seen.scores,
            area=(x, y, width, height),
        )

    def remove(self, target: int) -> None:
        """Forget a target; those after it move up by one. Not while `row` is computed."""
        self._drawn = {
            frame: replace(
                drawn, targets=tuple(-1 if t == target else t - (t > target) for t in drawn.targets)
            )
            for frame, drawn in self._drawn.items()
        }

    def _groups(self, index: int, keyframes: Keyframes) -> dict[int, list[int]]:
        """Targets to be followed into a frame, by the frame in which they were drawn last."""
        latest = {
            target: origin for origin in sorted(keyframes) if origin < index
            for target in keyframes[origin]
        }  # fmt: skip
        groups: dict[int, list[int]] = {}
        for target, origin in sorted(latest.items()):
            groups.setdefault(origin, []).append(target)
        return groups

    def _draw(self, image: Image, index: int, members: list[int], boxes: list[Box]) -> None:
        state = self._stepper.begin(image, boxes)
        crops = exemplar_crops(state.targets, image, state.fill, self._stepper.matcher.spec)
        self._drawn[index] = _Drawn(index, tuple(members), state, crops)

    def _crop_of(self, origin: int, target: int) -> Image:
        drawn = self._drawn[origin]
        crop: Image = drawn.crops[drawn.targets.index(target)]
        return crop


def _origin(index: int, target: int, keyframes: Keyframes) -> int:
    """The last frame before `index` in which a target was drawn, −1 if none."""
    return max((f for f, boxes in keyframes.items() if f < index and target in boxes), default=-1)
