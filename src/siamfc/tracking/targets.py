"""Targets: the properties shared by both networks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.array_types import ByteImage, FloatArray, IntArray
from siamfc.errors import InputError
from siamfc.network.matcher import Crops, CropWindows, EmbeddingSpec, Network

_ROUNDING = 4.0
"""Pixels by which a box may exceed the frame and still mean the whole frame: benchmarks number
pixels from 0 or 1 and round outwards."""
_SMALLEST_SIDE = 0.01
"""Smallest side of a given box, in frame pixels; a smaller one is a typing error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetBatch(ABC):
    """N targets at one moment, in frame pixels; each table has one row per target."""

    center_frame: FloatArray
    """(N, 2) centres, x, y."""
    first_size: FloatArray
    """(N, 2) width and height in the first frame."""
    score: FloatArray
    """(N,) confidence in the box, in [0, 1]; 1 in the first frame."""
    frames_lost: IntArray
    """(N,) number of frames for which each target has been lost; 0: it is not."""
    frame_size: tuple[int, int]
    """Width and height of the frame, pixels."""

    def __len__(self) -> int:
        return len(self.center_frame)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Flags (N,), True where the score shows that the box is unreliable; see `LostSettings`."""
        return self.frames_lost > 0

    @property
    def partly_outside(self) -> NDArray[np.bool_]:
        """Flags (N,), True where the frame's border may cut the box: it is no exemplar then."""
        return np.zeros(len(self), dtype=np.bool_)

    @property
    @abstractmethod
    def boxes(self) -> FloatArray:
        """Boxes (N, 4) x, y, w, h; parts of them may lie outside the frame."""

    @abstractmethod
    def at(self, boxes: FloatArray) -> Self:
        """Move the targets to other boxes (N, 4); everything else stays the same."""

    @abstractmethod
    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares that the exemplar images show: centres (N, 2) and sides (N,)."""

    def present_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares that search images show at the targets' present size, likewise."""
        center, side = self.exemplar_windows(spec)
        return center, geometry.search_side(side, spec.exemplar_size, spec.search_size)

    def lost_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Return the squares that search images show for lost targets, likewise."""
        return self.present_windows(spec)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return some of the targets, in the order of `rows`."""
        chosen = np.asarray(rows, dtype=np.intp)
        return replace(self, **{name: table[chosen] for name, table in self._tables().items()})

    def put(self, rows: Sequence[int], others: Self) -> Self:
        """Return a copy in which the targets of `rows` are replaced by others."""
        tables = {name: table.copy() for name, table in self._tables().items()}
        for name, table in tables.items():
            table[list(rows)] = getattr(others, name)
        return replace(self, **tables)

    def _tables(self) -> dict[str, Any]:
        names = (field.name for field in fields(self) if field.name != "frame_size")
        return {name: getattr(self, name) for name in names}


def cropper(matcher: Network) -> CropWindows:
    """Return the function that crops for a network: its own, on a GPU, else `window_crops`."""
    return getattr(matcher, "crop_windows", None) or window_crops


def window_crops(
    image: ByteImage, centers: FloatArray, sides: FloatArray, size: int, fill: ByteImage
) -> ByteImage:
    """Crop squares with centres (N, 2) and sides (N,) to images (N, size, size, 3)."""
    if len(centers) == 1:  # avoids a copy
        return geometry.crop(image, centers[0], float(sides[0]), size, fill)[None]
    crops = np.empty((len(centers), size, size, 3), dtype=np.uint8)
    for crop, center, side in zip(crops, centers, sides.tolist(), strict=True):
        crop[:] = geometry.crop(image, center, side, size, fill)
    return crops


def exemplar_crops(
    targets: TargetBatch,
    image: ByteImage,
    fill: ByteImage,
    spec: EmbeddingSpec,
    crop: CropWindows = window_crops,
) -> Crops:
    """Return exemplar images (N, 127, 127, 3) of the targets at their current boxes."""
    return crop(image, *targets.exemplar_windows(spec), spec.exemplar_size, fill)


def checked_boxes(
    boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int]
) -> FloatArray:
    """Check boxes (N, 4) or one box (4,) in a frame of `frame_size` (width, height); return (N, 4).

    A box may extend beyond the frame's border, as boxes of partly visible targets do. A box both
    wider and higher than the frame is refused: nothing is left around the target to distinguish it
    from, and nearly always a number is wrong. If it exceeds the frame by no more than rounding, as
    in some benchmarks, it is clipped to the frame.

    Raises:
        InputError: no box; or a box that is not four finite numbers, is too small, lies outside
            the frame or is larger than it. The message says which.
    """
    rows = _rows(boxes)
    return np.stack([_checked_box(row, frame_size, _name(i, rows)) for i, row in enumerate(rows)])


def _rows(boxes: ArrayLike | Sequence[ArrayLike]) -> list[Any]:
    """Return one box or several as a list; anything that is no box is left for `as_box`."""
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
    if box[2:].min() < _SMALLEST_SIDE:
        raise InputError(
            f"{name}expected a width and height of {_SMALLEST_SIDE:g} pixels or more, "
            f"got {box[2]:g} and {box[3]:g}"
        )
    shown = ",".join(f"{number:g}" for number in box)
    if box_formats.area(box_formats.clip_to_frame(box, frame_size)) <= 0:
        raise InputError(
            f"{name}expected a box inside the frame of {width}×{height} pixels, got {shown}"
        )
    if box[2] > width and box[3] > height:
        if box[2] <= width + _ROUNDING and box[3] <= height + _ROUNDING:
            return box_formats.clip_to_frame(box, frame_size)
        raise InputError(
            f"{name}expected a box no larger than the frame of {width}×{height} pixels, got {shown}"
        )
    return box
