"""One step of the tracker: frame → crops → responses → boxes, without side effects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import geometry
from siamfc.errors import InputError
from siamfc.network.matcher import Embedding, Matcher
from siamfc.tracking.lost import windows_elsewhere
from siamfc.tracking.settings import TrackerSettings
from siamfc.tracking.targets import Targets, advance, recover, start
from siamfc.tracking.updating import UpdateSettings, mix, update_rates

ByteImage = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerState:
    """All that a tracker remembers of the frames so far."""

    targets: Targets
    exemplars: Embedding
    """(N, 256, 6, 6) of the first frame, in the matcher's own array type."""
    average: Embedding | None = None
    """Moving average over the frames since, likewise; None: nothing was taken in yet."""
    fill: ByteImage
    """(3,) mean colour of the first frame, shown in place of what lies outside a frame."""

    def take(self, rows: Sequence[int]) -> Self:
        """Some of the targets, in the order of `rows`."""
        chosen = list(rows)
        return replace(
            self,
            targets=self.targets.take(chosen),
            exemplars=self.exemplars[chosen],
            average=None if self.average is None else self.average[chosen],
        )


def begin(
    image: ByteImage, boxes: ArrayLike | Sequence[ArrayLike], matcher: Matcher
) -> TrackerState:
    """Take targets in a first frame (H, W, 3): boxes (N, 4), or one box (4,).

    Raises:
        InputError: not an image, or a box that cannot be tracked; see `start`.
    """
    height, width = geometry.as_image(image).shape[:2]
    targets = start(boxes, (width, height), matcher.spec)
    fill = geometry.mean_color(image)
    exemplars = _embed(targets, image, fill, matcher)
    return TrackerState(targets=targets, exemplars=exemplars, fill=fill)


def step(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: TrackerSettings
) -> TrackerState:
    """Follow the targets into the next frame; all of them go through the network in one batch.

    Those that are lost then are looked for in further windows, in a second batch; the exemplars
    are updated last, from where the targets are by then.

    Raises:
        InputError: not an image, or one of another size than the first.
    """
    require_size(image, state.targets.frame_size)
    exemplars = _searched(state, settings.update)
    size = matcher.spec.search_size
    windows = zip(*state.targets.search_windows(settings), strict=True)
    crops = [
        geometry.crop_scales(image, center, sides, size, state.fill) for center, sides in windows
    ]
    responses = matcher.respond(exemplars, np.stack(crops))
    targets = advance(state.targets, responses, settings, matcher.spec)
    if settings.lost.windows:
        targets = _search_elsewhere(targets, exemplars, image, state.fill, matcher, settings)
    moved = replace(state, targets=targets)
    return _updated(moved, image, matcher, settings.update)


def _embed(targets: Targets, image: ByteImage, fill: ByteImage, matcher: Matcher) -> Embedding:
    """Embed the targets where they are."""
    size = matcher.spec.exemplar_size
    windows = zip(*targets.exemplar_windows(matcher.spec), strict=True)
    crops = [geometry.crop(image, center, float(side), size, fill) for center, side in windows]
    return matcher.embed_exemplar(np.stack(crops))


def _searched(state: TrackerState, settings: UpdateSettings) -> Embedding:
    """What is searched for: the first exemplars, or a mix of them and the moving average."""
    if state.average is None:
        return state.exemplars
    share = np.full(len(state.targets), settings.first_share)
    return mix(state.average, state.exemplars, share)


def _search_elsewhere(
    targets: Targets,
    exemplars: Embedding,
    image: ByteImage,
    fill: ByteImage,
    matcher: Matcher,
    settings: TrackerSettings,
) -> Targets:
    """Look for targets that are lost in further windows, all at their present size."""
    spec = matcher.spec
    sides = targets.first_side * targets.scale
    reaches = sides * (spec.response_size * spec.stride / spec.search_size)
    places = {}
    turns = targets.frames_lost - settings.lost.patience - 1
    for row in np.flatnonzero(turns >= 0).tolist():
        centers = windows_elsewhere(
            targets.center_frame[row],
            float(reaches[row]),
            targets.frame_size,
            int(turns[row]),
            settings.lost.windows,
        )
        if len(centers):
            places[row] = centers
    if not places:
        return targets
    rows = list(places)
    crops = [
        [
            geometry.crop(image, center, float(sides[row]), spec.search_size, fill)
            for center in centers
        ]
        for row, centers in places.items()
    ]
    responses = matcher.respond(exemplars[rows], np.array(crops))
    centers = np.stack(list(places.values()))
    return targets.put(rows, recover(targets.take(rows), centers, responses, settings, spec))


def _updated(
    state: TrackerState, image: ByteImage, matcher: Matcher, settings: UpdateSettings
) -> TrackerState:
    """Take the present frame into the moving average of the targets that are sure."""
    if not settings.changes_exemplar:
        return state
    targets = state.targets
    rates = update_rates(targets.score, targets.lost, settings)
    if not rates.any():
        return state
    average = state.exemplars if state.average is None else state.average
    present = _embed(targets, image, state.fill, matcher)
    return replace(state, average=mix(average, present, rates))


def require_size(image: ByteImage, frame_size: tuple[int, int]) -> None:
    """Refuse a frame of another size than the first, on whose pixels all boxes are.

    Raises:
        InputError: not an image, or one of another size.
    """
    height, width = geometry.as_image(image).shape[:2]
    if (width, height) != frame_size:
        raise InputError(
            f"expected a frame of {frame_size[0]}×{frame_size[1]} pixels as the first, "
            f"got {width}×{height}: begin anew there, or bring all frames to one size"
        )
