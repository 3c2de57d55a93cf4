"""Where targets are, where to search for them next, and how a response moves them.

Pure functions over N targets of one video, or of N videos of one size. They neither crop nor run
a network, so that they work with crops and responses from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.array_types import FloatArray
from siamfc.errors import InputError
from siamfc.network.calibration import sigmoid
from siamfc.network.matcher import EmbeddingSpec
from siamfc.tracking.redetection import count_lost
from siamfc.tracking.siamfc.settings import SiamFCSettings
from siamfc.tracking.targets import TargetBatch, checked_boxes


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamFCTargets(TargetBatch):
    """N targets at one moment whose width and height keep their ratio, in frame pixels.

    Their score is the sigmoid of the response's peak.
    """

    first_side: FloatArray
    """(N,) side of the square that the search image showed at the first size."""
    scale: FloatArray
    """(N,) present size as a multiple of the first."""
    offset_crop: FloatArray
    """(N, 2) from a target's centre to where the network sees it, pixels of the search image."""

    @property
    def boxes(self) -> FloatArray:
        """See `TargetBatch.boxes`."""
        size = self.first_size * self.scale[:, None]
        return box_formats.from_center(self.center_frame, size)

    def at(self, boxes: FloatArray) -> Self:
        """See `TargetBatch.at`; of their sizes the width counts."""
        scale = boxes[:, 2] / self.first_size[:, 0]
        return replace(self, center_frame=box_formats.center(boxes), scale=scale)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """See `TargetBatch.exemplar_windows`."""
        side = self.first_side * self.scale * (spec.exemplar_size / spec.search_size)
        return self.center_frame, side

    def search_windows(self, settings: SiamFCSettings) -> tuple[FloatArray, FloatArray]:
        """Squares to search in the next frame: centres (N, 2) and sides (N, S), S scales."""
        side = self.first_side * self.scale
        return self.center_frame, side[:, None] * settings.scale_factors


def start(
    boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int], spec: EmbeddingSpec
) -> SiamFCTargets:
    """Take boxes (N, 4), or one box (4,), of a first frame of `frame_size` (width, height).

    Raises:
        InputError: see `checked_boxes`.
    """
    checked = checked_boxes(boxes, frame_size)
    exemplar = geometry.exemplar_side(checked[:, 2:], spec.context_amount)
    return SiamFCTargets(
        center_frame=box_formats.center(checked),
        first_size=checked[:, 2:],
        first_side=geometry.search_side(exemplar, spec.exemplar_size, spec.search_size),
        scale=np.ones(len(checked)),
        offset_crop=np.zeros((len(checked), 2)),
        score=np.ones(len(checked)),
        frames_lost=np.zeros(len(checked), dtype=np.int64),
        frame_size=frame_size,
    )


def move(
    targets: SiamFCTargets,
    responses: NDArray[np.floating],
    settings: SiamFCSettings,
    spec: EmbeddingSpec,
) -> SiamFCTargets:
    """Move and resize targets by the responses (N, S, m, m) of their search windows.

    Thesis 4.1.7, with the authors' values and order: the scale with the highest peak of the
    upsampled response wins, after a penalty on all but the present one; from its response the
    minimum is subtracted, it is divided by its sum and mixed with the cosine window; its highest
    point is the displacement. The size goes part of the way to that of the scale and stays within
    its limits; the centre stays inside the frame. By the score a target is lost, or found again.

    Deviations: the penalty is a fraction of the peak's height above the lowest value of all
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
    displacement = _to_frame(targets, peaks_response, sides, spec)
    growth = 1 + settings.scale_damping * (settings.scale_factors[winners] - 1)
    limits = settings.smallest_scale, settings.largest_scale
    scores = sigmoid(logits)
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


def relocate(
    targets: SiamFCTargets,
    centers: FloatArray,
    responses: NDArray[np.floating],
    settings: SiamFCSettings,
    spec: EmbeddingSpec,
) -> SiamFCTargets:
    """Put lost targets where they were found elsewhere, and leave the others where they are.

    A target is moved to the highest peak of its further windows if the score there is higher than
    the one that it has and reaches `relocate_threshold`; it is found if it also reaches
    `found_threshold`.

    Args:
        targets: N, after `move`.
        centers: (N, W, 2) of the windows, frame pixels; see `redetection_windows`. They show the
            targets at their present size.
        responses: (N, W, m, m) of these windows.
        settings: of the tracker.
        spec: of the network.
    """
    read = [_read_highest(response, settings) for response in responses]
    best = np.array([window for window, _, _ in read], dtype=np.intp)
    scores = sigmoid(np.array([logit for _, _, logit in read]))
    peaks = np.array([position for _, position, _ in read])
    peaks_response = geometry.sample_to_response(peaks, settings.upsampling)
    sides = targets.first_side * targets.scale
    displacement = _to_frame(targets, peaks_response, sides, spec)
    limits = settings.lost
    moved = targets.lost & (scores > targets.score) & (scores >= limits.relocate_threshold)
    found = moved & (scores >= limits.found_threshold)
    there = centers[np.arange(len(targets)), best] + displacement
    return replace(
        targets,
        center_frame=np.where(
            moved[:, None], np.clip(there, 0.0, targets.frame_size), targets.center_frame
        ),
        score=np.where(moved, scores, targets.score),
        frames_lost=np.where(found, 0, targets.frames_lost),
    )


def _read_highest(
    responses: NDArray[np.floating], settings: SiamFCSettings
) -> tuple[int, FloatArray, float]:
    """Read the windows' responses (W, m, m): the highest's number, peak (x, y) and logit."""
    surfaces = geometry.upsample(responses, settings.upsampling)
    best = int(surfaces.max(axis=(1, 2)).argmax())
    return best, geometry.peak_position(surfaces[best]), float(surfaces[best].max())


def read_displacement(
    response: NDArray[np.floating], settings: SiamFCSettings, spec: EmbeddingSpec
) -> FloatArray:
    """Where one window's response (m, m) has its peak, from the middle: (2,) search image pixels.

    It is read as `move` reads that of the winning scale.
    """
    surface = geometry.upsample(response[None], settings.upsampling)[0]
    return geometry.response_to_crop(
        _peak(response, surface, settings), spec.response_size, spec.stride
    )


def _read(
    response: NDArray[np.floating], settings: SiamFCSettings
) -> tuple[int, FloatArray, float]:
    """Read one target's response (S, m, m): winning scale, peak (x, y) in cells, peak's logit."""
    surfaces = geometry.upsample(response, settings.upsampling)
    peaks = surfaces.max(axis=(1, 2))
    height = peaks - surfaces.min()
    present = settings.scales // 2
    height[np.arange(settings.scales) != present] *= settings.scale_penalty
    winner = present if height[present] == height.max() else int(height.argmax())
    return winner, _peak(response[winner], surfaces[winner], settings), float(peaks[winner])


def _peak(
    response: NDArray[np.floating], surface: FloatArray, settings: SiamFCSettings
) -> FloatArray:
    """Highest place (x, y) in cells of a response, upsampled, that is mixed with the window."""
    mixed = settings.window_influence * geometry.hann_window(len(surface))
    if np.ptp(response) > 0:
        # The minimum, subtracted everywhere, moves no peak: it matters for the sum alone.
        total = surface.sum() - surface.size * surface.min()
        mixed += surface * ((1 - settings.window_influence) / total)
    return geometry.sample_to_response(geometry.peak_position(mixed), settings.upsampling)


def _to_frame(
    targets: SiamFCTargets, peaks_response: FloatArray, sides: FloatArray, spec: EmbeddingSpec
) -> FloatArray:
    """Movements (N, 2), frame pixels, that peaks in windows with these sides (N,) stand for."""
    seen = geometry.response_to_crop(peaks_response, spec.response_size, spec.stride)
    return geometry.displacement_to_frame(seen - targets.offset_crop, sides, spec.search_size)


def _check_responses(
    targets: SiamFCTargets,
    responses: NDArray[np.floating],
    settings: SiamFCSettings,
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
