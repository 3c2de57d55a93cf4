"""Windows, the parts of frames that are shown, and their pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image as PillowImage

from siamfc.annotations import VideoAnnotation
from siamfc.array_types import ByteImage, FloatArray
from siamfc.edits.camera import Bounds, limit_acceleration, plan_path
from siamfc.edits.paths import target_paths
from siamfc.errors import InputError

Border = Literal["black", "edge"]

_JITTER_FRAMES = 4
"""Frames on each side over which a target's position and size are averaged for `plan_stabilise`
and `plan_crop`."""
_SIZE_ZONE = 0.1
"""Fraction by which the size of the cut may differ from the wanted one."""
_ROUNDING = 1e-6
"""Distance in pixels by which rounding may put a window's edge outside its frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Parts of F frames that are shown."""

    boxes: FloatArray
    """(F, 4) x, y, w, h in frame pixels; a window may extend beyond the frame."""
    size: tuple[int, int]
    """Width and height of the pictures."""

    def cut(self, image: ByteImage, index: int, *, border: Border = "black") -> ByteImage:
        """Cut the window out of frame `index`; after the last planned one, its window stays."""
        window = self.boxes[min(index, len(self.boxes) - 1)]
        return cut_window(image, window, self.size, border=border)


@dataclass(frozen=True, kw_only=True)
class ReframeSettings:
    """Settings of a cut that follows its target.

    Raises:
        InputError: a value out of range.
    """

    aspect: float = 9 / 16
    """Width over height, as shown."""
    dead_zone: float = 0.3
    """Central fraction of the cut in which the target moves without the cut following."""
    acceleration: float = 4.0
    """Upper bound of the cut's acceleration, in widths of the cut per second²."""
    zoom: float | None = None
    """Fraction of the cut that the target fills, in height or width, whichever is larger; None: the
    cut is as large as fits into the frame."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("aspect", 0.05, 20.0),
            ("dead_zone", 0.0, 0.9),
            ("acceleration", 0.01, 100.0),
            ("zoom", 0.05, 1.0),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{name}: expected {low:g} to {high:g}, got {value}")


def plan_reframe(
    annotation: VideoAnnotation,
    frame_count: int,
    size: tuple[int, int],
    frame_rate: float,
    settings: ReframeSettings,
    *,
    pixel_aspect: float = 1.0,
) -> Windows:
    """Plan the cut of each frame: always inside the frame, around all targets as far as they fit.

    Args:
        annotation: the targets. The cut follows the tracker's guess of a lost target, and a
            straight line across frames without a box.
        frame_count: F.
        size: width and height of the frames.
        frame_rate: frames per second.
        settings: aspect ratio and motion of the cut.
        pixel_aspect: width of a pixel divided by its height.
    """
    settings = replace(settings, aspect=settings.aspect / pixel_aspect)
    largest = _largest(size, settings.aspect)
    boxes = _all_targets(annotation, frame_count)
    width = _cut_widths(boxes, largest, frame_rate, settings)
    extent = np.stack([width, width / settings.aspect], axis=1)
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    limit = settings.acceleration * largest[0] / frame_rate**2
    paths = [width]
    for axis in range(2):
        slack = settings.dead_zone * extent[:, axis] / 2
        room = np.maximum((extent[:, axis] - boxes[:, 2 + axis]) / 2, 0)
        center, half = centers[:, axis], extent[:, axis] / 2
        slack = np.minimum(slack, np.maximum(room, 1))
        bounds = Bounds(
            zone=(center - slack, center + slack),
            cut=(center - room, center + room),
            frame=(half, size[axis] - half),
        )
        paths.append(plan_path(bounds, limit))
    width, *middle = limit_acceleration(np.stack(paths, axis=1), np.full(3, limit)).T
    extent = np.stack([width, width / settings.aspect], axis=1)
    output = _even(largest)
    corner = np.clip(np.stack(middle, axis=1) - extent / 2, 0, np.array(size) - extent)
    return Windows(boxes=np.concatenate([corner, extent], axis=1), size=output)


def _largest(size: tuple[int, int], aspect: float) -> tuple[float, float]:
    """Return width and height of the largest cut of an aspect ratio in a frame."""
    width = min(size[0], size[1] * aspect)
    return width, width / aspect


def _even(size: tuple[float, float]) -> tuple[int, int]:
    """Return the nearest even width and height, as video encoders need them."""
    return max(2, 2 * round(size[0] / 2)), max(2, 2 * round(size[1] / 2))


def _all_targets(annotation: VideoAnnotation, frame_count: int) -> FloatArray:
    """(F, 4) the smallest box around all targets.

    A lost target's is the tracker's guess: over real videos it overlaps the target more than a
    straight line from the last sure box to the next one does.
    """
    paths = np.stack([path.followed for path in target_paths(annotation, frame_count)])
    low, high = paths[..., :2].min(axis=0), (paths[..., :2] + paths[..., 2:]).max(axis=0)
    return np.concatenate([low, high - low], axis=1)


def _cut_widths(
    boxes: FloatArray, largest: tuple[float, float], frame_rate: float, settings: ReframeSettings
) -> FloatArray:
    """(F,) width of the cut."""
    if settings.zoom is None:
        return np.full(len(boxes), largest[0])
    tall = np.maximum(boxes[:, 3], boxes[:, 2] / settings.aspect)
    wanted = np.clip(tall / settings.zoom * settings.aspect, largest[0] / 8, largest[0])
    slack = _SIZE_ZONE * wanted
    inside = (np.full(len(boxes), largest[0] / 8), np.full(len(boxes), largest[0]))
    bounds = Bounds(zone=(wanted - slack, wanted + slack), cut=inside, frame=inside)
    return plan_path(bounds, settings.acceleration * largest[0] / frame_rate**2 / 2)


def plan_stabilise(
    annotation: VideoAnnotation,
    frame_count: int,
    size: tuple[int, int],
    output: tuple[int, int] | None = None,
) -> Windows:
    """Plan windows of a fixed size, by default the frame's, centred on the target."""
    extent = np.array(output or size, dtype=np.float64)
    boxes = _steady(_all_targets(annotation, frame_count))
    corner = boxes[:, :2] + boxes[:, 2:] / 2 - extent / 2
    windows = np.concatenate([corner, np.broadcast_to(extent, corner.shape)], axis=1)
    return Windows(boxes=windows, size=output or size)


def plan_crop(
    annotation: VideoAnnotation,
    frame_count: int,
    *,
    margin: float = 0.25,
    output: tuple[int, int] | None = None,
) -> Windows:
    """Plan windows around the target that scale with it, with `margin` of its size on each side.

    All have the aspect ratio of the output, by default that of the target's largest window.
    """
    if not 0 <= margin <= 10:
        raise InputError(f"margin: expected 0 to 10, got {margin}")
    boxes = _steady(_all_targets(annotation, frame_count))
    wanted = boxes[:, 2:] * (1 + 2 * margin)
    largest = wanted.max(axis=0)
    chosen = output or _even((float(largest[0]), float(largest[1])))
    aspect = chosen[0] / chosen[1]
    height = np.maximum(wanted[:, 1], wanted[:, 0] / aspect)
    extent = np.stack([height * aspect, height], axis=1)
    corner = boxes[:, :2] + boxes[:, 2:] / 2 - extent / 2
    return Windows(boxes=np.concatenate([corner, extent], axis=1), size=chosen)


def _steady(boxes: FloatArray) -> FloatArray:
    """Average boxes (F, 4) over a few frames, with a symmetric kernel that adds no lag."""
    reach = _JITTER_FRAMES
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel /= kernel.sum()
    padded = np.pad(boxes, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)


def cut_window(
    image: ByteImage, window: FloatArray, size: tuple[int, int], *, border: Border = "black"
) -> ByteImage:
    """Resample the part of an image (H, W, 3) in a window x, y, w, h to `size` pixels.

    Beyond the image it is black, or repeats the pixels at the image's edge.
    """
    height, width, _ = image.shape
    x, y, w, h = window.tolist()
    reach = 2 + math.ceil(max(w / size[0], h / size[1]))  # what resampling reads around it
    left, top = math.floor(x) - reach, math.floor(y) - reach
    right, bottom = math.ceil(x + w) + reach, math.ceil(y + h) + reach
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    needs_border = min(x, y) < -_ROUNDING or x + w > width + _ROUNDING or y + h > height + _ROUNDING
    if not needs_border:
        part, left, top = inside, max(left, 0), max(top, 0)
    elif not inside.size:
        part = np.zeros((bottom - top, right - left, 3), np.uint8)
    else:
        beyond = (
            (max(-top, 0), max(bottom - height, 0)),
            (max(-left, 0), max(right - width, 0)),
            (0, 0),
        )
        part = np.pad(inside, beyond, mode="edge" if border == "edge" else "constant")
    box = (x - left, y - top, x - left + w, y - top + h)
    if not needs_border:
        rows, columns, _ = part.shape
        box = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], columns), min(box[3], rows))
    if box == (0, 0, *size) and part.shape[:2] == size[::-1]:
        return part
    picture = PillowImage.fromarray(np.ascontiguousarray(part))
    return np.asarray(picture.resize(size, PillowImage.Resampling.BICUBIC, box=box))
