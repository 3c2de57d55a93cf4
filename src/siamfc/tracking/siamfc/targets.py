"""Targets with a fixed aspect ratio: their search windows, and their motion by a response.

Pure functions over N targets of one video, or of N videos of one size. They neither crop nor run
a network, so they work with crops and responses from any origin.
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
    """N targets at one moment whose aspect ratio is fixed, in frame pixels.

    Their score is the sigmoid of the response's peak.
    """

    first_side: FloatArray
    """(N,) side of the square that the search image shows at the first size."""
    scale: FloatArray
    """(N,) current size as a multiple of the first."""
    offset_crop: FloatArray
    """(N, 2) offset from a target's centre to the network's peak, pixels of the search image."""

    @property
    def boxes(self) -> FloatArray:
        """Boxes (N, 4), as for `TargetBatch.boxes`."""
        size = self.first_size * self.scale[:, None]
        return box_formats.from_center(self.center_frame, size)

    def at(self, boxes: FloatArray) -> Self:
        """Move the targets to other boxes, see `TargetBatch.at`; only the width sets the scale."""
        scale = boxes[:, 2] / self.first_size[:, 0]
        return replace(self, center_frame=box_formats.center(boxes), scale=scale)

    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares that the exemplar images show; see `TargetBatch.exemplar_windows`."""
        side = self.first_side * self.scale * (spec.exemplar_size / spec.search_size)
        return self.center_frame, side

    def search_windows(self, settings: SiamFCSettings) -> tuple[FloatArray, FloatArray]:
        """Return the squares to search next: centres (N, 2) and sides (N, S) for S scales."""
        side = self.first_side * self.scale
        return self.center_frame, side[:, None] * settings.scale_factors


def start(
    boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int], spec: EmbeddingSpec
) -> SiamFCTargets:
    """Create targets from boxes (N, 4) or one box (4,) in a frame of `frame_size` (width, height).

    Raises:
        InputError: as for `checked_boxes`.
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
    upsampled response wins, after a penalty on all but the current one. The minimum is subtracted
    from its response, which is then divided by its sum and mixed with the cosine window; the
    highest point is the displacement. The size moves part of the way to that of the winning scale
    and stays within its limits; the centre stays inside the frame. The score decides whether a
    target is lost or found again.

    Deviations: the penalty applies to the peak's height above the lowest value of all scales,
    because on a negative logit it would be a reward; the peak is refined between samples. A
    response without contrast leaves its target where it is.

    Raises:
        InputError: responses that have another shape or values that are not finite.
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
    """Move lost targets to where they were found elsewhere; leave the others where they are.

    A target moves to the highest peak of its further windows if the score there exceeds its present
    score and reaches `relocate_threshold`; it counts as found if the score also reaches
    `found_threshold`.

    Args:
        targets: N targets, after `move`.
        centers: (N, W, 2) centres of the windows, frame pixels; see `redetection_windows`. They
            show the targets at their present size.
        responses: (N, W, m, m) responses of these windows.
        settings: settings of the tracker.
        spec: sizes of the network.
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
    """Return index, peak (x, y) and logit of the window with the highest of responses (W, m, m)."""
    surfaces = geometry.upsample(responses, settings.upsampling)
    best = int(surfaces.max(axis=(1, 2)).argmax())
    return best, geometry.peak_position(surfaces[best]), float(surfaces[best].max())


def read_displacement(
    response: NDArray[np.floating], settings: SiamFCSettings, spec: EmbeddingSpec
) -> FloatArray:
    """Return the peak of one window's response (m, m) from its middle: (2,) search image pixels.

    The peak is found as `move` finds that of the winning scale.
    """
    surface = geometry.upsample(response[None], settings.upsampling)[0]
    return geometry.response_to_crop(
        _peak(response, surface, settings), spec.response_size, spec.stride
    )


def _read(
    response: NDArray[np.floating], settings: SiamFCSettings
) -> tuple[int, FloatArray, float]:
    """Read a target's response (S, m, m): winning scale, peak (x, y) in cells, and its logit."""
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
    """Return the peak (x, y), in cells, of an upsampled response mixed with the window."""
    mixed = settings.window_influence * geometry.hann_window(len(surface))
    if np.ptp(response) > 0:
        # Subtracting the minimum everywhere moves no peak: it only changes the sum.
        total = surface.sum() - surface.size * surface.min()
        mixed += surface * ((1 - settings.window_influence) / total)
    return geometry.sample_to_response(geometry.peak_position(mixed), settings.upsampling)


def _to_frame(
    targets: SiamFCTargets, peaks_response: FloatArray, sides: FloatArray, spec: EmbeddingSpec
) -> FloatArray:
    """Convert peaks in windows with these sides (N,) to displacements (N, 2) in frame pixels."""
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
