"""The thesis's tracker with its geometric faults, and the error that each of them causes.

siamfc's own tracker has none of them; this module shows where the published centre error and the
bias to the left and up come from. The conventions are those of the code that the thesis names
(4.1), github.com/sergi2596/pytorch-siamfc, reimplemented here. There, positions are pixel indices:
index i lies at i + 0.5 in our continuous coordinates.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray
from siamfc.boxes import as_box, center
from siamfc.network.matcher import Embedding, Matcher
from siamfc.synthetic import SquareVideo
from siamfc.tracking import SiamFCSettings, one_scale
from siamfc.tracking.siamfc import SiamFCTargets, move, start


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Deviations from exact geometry; with none, the default, the tracker is siamfc's own."""

    bilinear_upsampling: bool = False
    """Upsample the response linearly, since the method was passed to `cv2.resize` in the wrong
    argument, and use its highest sample unrefined: peaks lie at the cells, 8 pixels apart.
    """
    floored_crops: bool = False
    """Cut crops at whole pixels, rounded towards zero; those beyond the frame's border are not
    square before they are resized.
    """
    shifted_first_box: bool = False
    """Read the first box, 0-based, as 1-based: the tracker starts a pixel to the left and above."""
    wide_square: bool = False
    """Draw the square up to and including its last coordinate: 41 pixels labelled 40."""


def all_faults() -> Faults:
    """Return the faults of the thesis's tracker."""
    return Faults(**{one.name: True for one in fields(Faults)})


class PublishedTracker:
    """A single-target tracker with some of the thesis's faults, used like `Tracker`.

    Args:
        matcher: a network for tracking.
        settings: those of siamfc's own tracker.
        faults: the enabled faults; those of the video have no effect here.
    """

    def __init__(self, matcher: Matcher, settings: SiamFCSettings, faults: Faults) -> None:
        self._matcher, self._settings, self._faults = matcher, settings, faults
        self._targets: SiamFCTargets | None = None
        self._exemplar: Embedding = None
        self._fill: ByteImage = np.zeros(3, np.uint8)

    def init(self, image: ByteImage, box: ArrayLike) -> None:
        """Start tracking, with a frame (H, W, 3) and the target's box x, y, w, h in it.

        Raises:
            InputError: not an image, or a box that cannot be tracked.
        """
        height, width = geometry.as_image(image).shape[:2]
        shift = np.array([1.0, 1.0, 0.0, 0.0]) if self._faults.shifted_first_box else np.zeros(4)
        spec = self._matcher.spec
        self._targets = start([as_box(box) - shift], (width, height), spec)
        self._fill = geometry.mean_color(image)
        centers, sides = self._targets.exemplar_windows(spec)
        crops = self._crop(image, centers[0], sides[:1], spec.exemplar_size)
        self._exemplar = self._matcher.embed_exemplar(crops)

    def update(self, image: ByteImage) -> FloatArray:
        """Return the target's box (4,) in the next frame: x, y, w, h with continuous edges."""
        assert self._targets is not None, "init comes first"
        spec, settings = self._matcher.spec, self._settings
        centers, sides = self._targets.search_windows(settings)
        crops = self._crop(image, centers[0], sides[0], spec.search_size)
        responses = self._matcher.respond(self._exemplar, crops[None])
        if self._faults.bilinear_upsampling:
            self._targets = self._move(self._targets, responses[0], sides[0])
        else:
            self._targets = move(self._targets, responses, settings, spec)
        box: FloatArray = self._targets.boxes[0]
        return box

    def _crop(
        self, image: ByteImage, middle: FloatArray, sides: FloatArray, size: int
    ) -> ByteImage:
        """Crop squares with one centre and several sides: (S, size, size, 3)."""
        if not self._faults.floored_crops:
            return geometry.crop_scales(image, middle, sides, size, self._fill)
        return np.stack([floored_crop(image, middle, side, size, self._fill) for side in sides])

    def _move(
        self, targets: SiamFCTargets, response: NDArray[np.floating], sides: FloatArray
    ) -> SiamFCTargets:
        """Update targets from responses (S, m, m) of squares of `sides`, without size limits."""
        settings, spec = self._settings, self._matcher.spec
        samples = spec.response_size * settings.upsampling
        surfaces = np.stack([resize_linearly(cells, samples) for cells in response])
        penalty = np.full(settings.scales, settings.scale_penalty)
        penalty[settings.scales // 2] = 1.0
        winner = int((surfaces.max(axis=(1, 2)) * penalty).argmax())
        surface = surfaces[winner] - surfaces[winner].min()
        mixed = settings.window_influence * geometry.hann_window(samples)
        if surface.any():
            mixed += surface * ((1 - settings.window_influence) / surface.sum())
        row, column = divmod(int(mixed.argmax()), samples)
        peak = np.array([column, row]) - (samples - 1) / 2
        displacement = peak * (spec.stride / settings.upsampling * sides[winner] / spec.search_size)
        growth = 1 + settings.scale_damping * (settings.scale_factors[winner] - 1)
        limits = settings.smallest_scale, settings.largest_scale
        return replace(
            targets,
            center_frame=np.clip(targets.center_frame + displacement, 0.0, targets.frame_size),
            scale=np.clip(targets.scale * growth, *limits),
        )


def floored_crop(
    image: ByteImage, center_frame: ArrayLike, side: float, size: int, fill: ByteImage
) -> ByteImage:
    """Cut out a square at whole pixels and resize it linearly: (size, size, 3).

    The edges `c − s // 2` and `c + s // 2`, where c is a pixel index, are clipped to the frame's
    border and rounded towards zero; so are the widths of the fill beyond it.
    """
    half = side // 2
    spans, pads = [], []
    for middle, extent in zip(np.asarray(center_frame) - 0.5, image.shape[1::-1], strict=True):
        low, high = middle - half, middle + half
        first, last = int(max(0.0, low)), int(min(extent, high))
        spans.append(slice(min(first, extent - 1), max(last, first + 1)))
        pads.append((int(-low) if low < 0 else 0, int(high - extent) if high > extent else 0))
    patch = image[spans[1], spans[0]]
    channels = [np.pad(patch[..., c], pads[::-1], constant_values=fill[c]) for c in range(3)]
    resized = resize_linearly(np.stack(channels, axis=-1), size)
    crop: ByteImage = np.rint(resized).astype(np.uint8)
    return crop


def resize_linearly(values: ArrayLike, size: int) -> FloatArray:
    """Resize (h, w, …) to (size, size, …) as `cv2.resize` does by default.

    Sample i lies at (i + 0.5) · n/size − 0.5; the outermost pixels are repeated beyond the border.
    """
    array = np.asarray(values, dtype=np.float64)
    for axis in (0, 1):
        count = array.shape[axis]
        position = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
        low = np.floor(position).astype(int)
        fraction = (position - low).reshape((-1,) + (1,) * (array.ndim - 1))
        moved = np.moveaxis(array, axis, 0)
        mixed = moved[low] * (1 - fraction) + moved[np.minimum(low + 1, count - 1)] * fraction
        array = np.moveaxis(mixed, 0, axis)
    return array


def draw_frame(video: SquareVideo, index: int, faults: Faults) -> ByteImage:
    """Draw a frame of the synthetic video, with the thesis's wide square if that fault is on."""
    frame = video[index]
    if faults.wide_square:
        x, y, w, h = video.boxes[index].astype(int)
        frame[y : y + h + 1, x : x + w + 1] = 0
    return frame


def published_offset(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Predicted minus ground-truth centre by the thesis's conventions for eq. (6): (F, 2).

    The predicted centre is in 1-based pixel indices, half a pixel more than ours; the ground truth
    has one pixel subtracted and is rounded down.
    """
    true = np.floor(center(truth) - 1)
    return np.asarray(center(predicted) + 0.5 - true)


def published_displacement(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Predicted minus ground-truth top left corner as in figure 12, whole pixels: (F, 2)."""
    corner = np.asarray(predicted, dtype=np.float64)[..., :2] + 0.5
    return np.asarray(np.trunc(corner) - np.asarray(truth, dtype=np.float64)[..., :2])


_FAULT_TITLES = {
    "bilinear_upsampling": "bilinear upsampling",
    "floored_crops": "floored crops",
    "shifted_first_box": "first box read as 1-based",
    "wide_square": "41 pixels labelled 40",
}
"""Titles of the fields of `Faults`."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A row: the enabled faults, with a title."""

    title: str
    faults: Faults


def terms() -> list[Term]:
    """Return all combinations to measure: none, each alone, all, and all but each."""
    names = [one.name for one in fields(Faults)]
    alone = [Term(title=f"only {_FAULT_TITLES[n]}", faults=Faults(**{n: True})) for n in names]
    without = [
        Term(title=f"all but {_FAULT_TITLES[n]}", faults=replace(all_faults(), **{n: False}))
        for n in names
    ]
    exact = Term(title="exact geometry", faults=Faults())
    return [exact, *alone, Term(title="as published", faults=all_faults()), *without]


def measure_terms(matcher: Matcher, video: SquareVideo) -> dict[str, dict[str, Any]]:
    """Track the video with one scale for each of `terms`: its title → errors, see `errors_of`."""
    return {
        term.title: errors_of(_track(matcher, video, term.faults), video.boxes) for term in terms()
    }


def errors_of(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    """Errors of boxes (F, 4) in pixels, exact and as the thesis measures them.

    `center_error` and `offset`, to the right and down, are exact; `published_center_error` follows
    the thesis's eq. (6) with its conventions, and `published_displacement` has the means of figure
    12.
    """
    offset = center(predicted) - center(truth)
    published = published_offset(predicted, truth)
    return {
        "center_error": float(np.hypot(*offset.T).mean()),
        "offset": offset.mean(axis=0).tolist(),
        "published_center_error": float(np.hypot(*published.T).mean()),
        "published_displacement": published_displacement(predicted, truth).mean(axis=0).tolist(),
    }


def _track(matcher: Matcher, video: SquareVideo, faults: Faults) -> NDArray[np.float64]:
    tracker = PublishedTracker(matcher, one_scale(), faults)
    first = video.boxes[0]
    tracker.init(draw_frame(video, 0, faults), first)
    followed = [tracker.update(draw_frame(video, i, faults)) for i in range(1, len(video))]
    return np.stack([first, *followed])
