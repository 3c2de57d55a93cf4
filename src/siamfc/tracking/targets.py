"""Where targets are, where to look for them next, and what a response says of that.

Pure functions over N targets of one video, or of N videos of one size; they neither crop nor run
a network, so that whoever has crops and responses of their own can use them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.errors import InputError
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.lost import count_lost
from siamfc.tracking.settings import TrackerSettings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PER_TARGET = ("center_frame", "first_size", "first_side", "scale", "score", "frames_lost")
"""The tables of `Targets` with a row for each of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """N targets at one moment, in frame pixels."""

    center_frame: FloatArray
    """(N, 2) centres, x, y."""
    first_size: FloatArray
    """(N, 2) width and height in the first frame."""
    first_side: FloatArray
    """(N,) side of the square that the search image showed at the first size."""
    scale: FloatArray
    """(N,) present size as a multiple of the first."""
    score: FloatArray
    """(N,) sigmoid of the response's peak, in [0, 1]; 1 in the first frame."""
    frames_lost: IntArray
    """(N,) for how many frames each has been lost; 0: it is followed."""
    frame_size: tuple[int, int]
    """Width and height of the frame, pixels."""

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """(N,) whether the score says that the box is not to be trusted; see `LostSettings`."""
        return self.frames_lost > 0

    @property
    def boxes(self) -> FloatArray:
        """(N, 4) boxes x, y, w, h; parts of them may lie outside the frame."""
        size = self.first_size * self.scale[:, None]
        return box_formats.from_center(self.center_frame, size)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Self:
        """Some of the targets, in the order of `rows`."""
        chosen = np.asarray(rows, dtype=np.intp)
        return replace(self, **{name: getattr(self, name)[chosen] for name in _PER_TARGET})

    def put(self, rows: Sequence[int], others: "Targets") -> Self:
        """The targets with those of `rows` replaced by others."""
        tables = {name: getattr(self, name).copy() for name in _PER_TARGET}
        for name, table in tables.items():
            table[list(rows)] = getattr(others, name)
        return replace(self, **tables)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares that the exemplar images show: centres (N, 2) and sides (N,)."""
        side = self.first_side * self.scale * (spec.exemplar_size / spec.search_size)
        return self.center_frame, side

    def search_windows(self, settings: TrackerSettings) -> tuple[FloatArray, FloatArray]:
        """Squares to search in the next frame: centres (N, 2) and sides (N, S), S scales."""
        side = self.first_side * self.scale
        return self.center_frame, side[:, None] * settings.scale_factors


def start(
    boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int], spec: EmbeddingSpec
) -> Targets:
    """Take boxes (N, 4), or one box (4,), of a first frame of `frame_size` (width, height).

    A box may reach over the frame's border, as the boxes of targets that are partly out of view
    do. One that is both wider and higher than the frame is refused: there is nothing beside the
    target that it could be told from, and nearly always a number is wrong.

    Raises:
        InputError: no box; or one that isn't four finite numbers, has no area, lies outside the
            frame or is larger than it. The message says which.
    """
    rows = _rows(boxes)
    checked = np.stack(
        [_checked_box(row, frame_size, _name(i, rows)) for i, row in enumerate(rows)]
    )
    exemplar = geometry.exemplar_side(checked[:, 2:], spec.context_amount)
    return Targets(
        center_frame=box_formats.center(checked),
        first_size=checked[:, 2:],
        first_side=geometry.search_side(exemplar, spec.exemplar_size, spec.search_size),
        scale=np.ones(len(checked)),
        score=np.ones(len(checked)),
        frames_lost=np.zeros(len(checked), dtype=np.int64),
        frame_size=frame_size,
    )


def advance(
    targets: Targets,
    responses: NDArray[np.floating],
    settings: TrackerSettings,
    spec: EmbeddingSpec,
) -> Targets:
    """Move and resize targets by the responses (N, S, m, m) of their search windows.

    Thesis 4.1.7, with the authors' values and order: the scale with the highest peak of the
    upsampled response wins, after a penalty on all but the present one; from its response the
    minimum is subtracted, it is divided by its sum and mixed with the cosine window; its highest
    point is the displacement. The size goes part of the way to that of the scale and stays within
    its limits; the centre stays inside the frame. By the score a target is lost, or found again.

    Deviations: the penalty takes its share of the peak's height above the lowest value of all
    scales, since of a negative logit it would be a reward; the peak is refined between samples.
    A response without contrast leaves its target where it is.

    Raises:
        InputError: responses of another shape, or with values that are not finite.
    """
    _check_responses(targets, responses, settings, spec)
    choices = [_read(response, settings) for response in responses]
    winners = np.array([winner for winner, _, _ in choices], dtype=np.intp)
    peaks_response = np.array([position for _, position, _ in choices])
    logits = np.array([logit for _, _, logit in choices])

    sides = targets.search_windows(settings)[1][np.arange(len(targets)), winners]
    displacement_crop = geometry.response_to_crop(peaks_response, spec.response_size, spec.stride)
    displacement = geometry.displacement_to_frame(displacement_crop, sides, spec.search_size)
    growth = 1 + settings.scale_damping * (settings.scale_factors[winners] - 1)
    limits = settings.smallest_scale, settings.largest_scale
    scores = _sigmoid(logits)
    frames_lost = count_lost(targets.frames_lost, scores, settings.lost)
    if settings.lost.holds_size:
        growth = np.where(frames_lost > 0, 1.0, growth)
    return replace(
        targets,
        center_frame=np.clip(targets.center_frame + displacement, 0.0, targets.frame_size),
        scale=np.clip(targets.scale * growth, *limits),
        score=scores,
        frames_lost=frames_lost,
    )


def recover(
    targets: Targets,
    centers: FloatArray,
    responses: NDArray[np.floating],
    settings: TrackerSettings,
    spec: EmbeddingSpec,
) -> Targets:
    """Put lost targets where they were found elsewhere, and leave the others where they are.

    A target is moved to the highest peak of its further windows if the score there is higher than
    the one that it has and reaches `moved_from`; it is found if it reaches `found_from` too.

    Args:
        targets: N, after `advance`.
        centers: (N, W, 2) of the windows, frame pixels; see `windows_elsewhere`. They show the
            targets at their present size.
        responses: (N, W, m, m) of these windows.
        settings: of the tracker.
        spec: of the network.
    """
    surfaces = [geometry.upsample(response, settings.upsampling) for response in responses]
    best = np.array([surface.max(axis=(1, 2)).argmax() for surface in surfaces], dtype=np.intp)
    scores = _sigmoid(np.array([s[k].max() for s, k in zip(surfaces, best, strict=True)]))
    peaks = np.array([geometry.peak_position(s[k]) for s, k in zip(surfaces, best, strict=True)])
    peaks_response = geometry.sample_to_response(peaks, settings.upsampling)
    displacement_crop = geometry.response_to_crop(peaks_response, spec.response_size, spec.stride)
    displacement = geometry.displacement_to_frame(
        displacement_crop, targets.first_side * targets.scale, spec.search_size
    )
    limits = settings.lost
    moved = targets.lost & (scores > targets.score) & (scores >= limits.moved_from)
    found = moved & (scores >= limits.found_from)
    there = centers[np.arange(len(targets)), best] + displacement
    return replace(
        targets,
        center_frame=np.where(
            moved[:, None], np.clip(there, 0.0, targets.frame_size), targets.center_frame
        ),
        score=np.where(moved, scores, targets.score),
        frames_lost=np.where(found, 0, targets.frames_lost),
    )


def _read(
    response: NDArray[np.floating], settings: TrackerSettings
) -> tuple[int, FloatArray, float]:
    """Read one target's response (S, m, m): winning scale, peak (x, y) in cells, peak's logit."""
    surfaces = geometry.upsample(response, settings.upsampling)
    peaks = surfaces.max(axis=(1, 2))
    height = peaks - surfaces.min()
    present = settings.scales // 2
    height[np.arange(settings.scales) != present] *= settings.scale_penalty
    winner = present if height[present] == height.max() else int(height.argmax())
    surface = surfaces[winner]
    mixed = settings.window_influence * geometry.hann_window(len(surface))
    if np.ptp(response[winner]) > 0:
        # The minimum, subtracted everywhere, moves no peak: it matters for the sum alone.
        total = surface.sum() - surface.size * surface.min()
        mixed += surface * ((1 - settings.window_influence) / total)
    position = geometry.peak_position(mixed)
    return winner, geometry.sample_to_response(position, settings.upsampling), float(peaks[winner])


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2))


def _rows(boxes: ArrayLike | Sequence[ArrayLike]) -> list[Any]:
    """One box or several, as a list; what is no box at all is left for `as_box` to refuse."""
    if isinstance(boxes, str) or not np.iterable(boxes):
        return [boxes]
    rows: list[Any] = list(boxes)
    if not rows:
        raise InputError("expected at least one box x, y, w, h, got none")
    return rows if any(np.iterable(row) for row in rows) else [rows]


def _name(index: int, rows: Sequence[object]) -> str:
    return f"box {index + 1} of {len(rows)}: " if len(rows) > 1 else ""


def _checked_box(value: ArrayLike, frame_size: tuple[int, int], name: str) -> FloatArray:
    try:
        box = box_formats.as_box(value)
    except InputError as error:
        raise InputError(f"{name}{error}") from None
    width, height = frame_size
    shown = ",".join(f"{number:g}" for number in box)
    if box_formats.area(box_formats.clip_to_frame(box, frame_size)) <= 0:
        raise InputError(
            f"{name}expected a box inside the frame of {width}×{height} pixels, got {shown}"
        )
    if box[2] > width and box[3] > height:
        raise InputError(
            f"{name}expected a box no larger than the frame of {width}×{height} pixels, got {shown}"
        )
    return box


def _check_responses(
    targets: Targets,
    responses: NDArray[np.floating],
    settings: TrackerSettings,
    spec: EmbeddingSpec,
) -> None:
    expected = (len(targets), settings.scales, spec.response_size, spec.response_size)
    if responses.shape != expected:
        raise InputError(f"responses: expected shape {expected}, got {responses.shape}")
    if not np.isfinite(responses).all():
        raise InputError(
            "responses: expected finite numbers, got NaN or infinity: the weights are damaged, or "
            "the precision is too low for them"
        )
