"""What is known of every target, whichever network tracks it."""

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
from siamfc.network.matcher import EmbeddingSpec

_ROUNDING = 4.0
"""Pixels by which a box may be larger than the frame and still be meant as all of it: benchmarks
number pixels from 0 or 1 and round outwards."""
_SMALLEST_SIDE = 0.01
"""Of a given box, in frame pixels: a smaller one is a typing error and shows nothing to track."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetBatch(ABC):
    """N targets at one moment, in frame pixels; a row of each table for each of them."""

    center_frame: FloatArray
    """(N, 2) centres, x, y."""
    first_size: FloatArray
    """(N, 2) width and height in the first frame."""
    score: FloatArray
    """(N,) how sure the network is of the box, in [0, 1]; 1 in the first frame."""
    frames_lost: IntArray
    """(N,) for how many frames each has been lost; 0: it is followed."""
    frame_size: tuple[int, int]
    """Width and height of the frame, pixels."""

    def __len__(self) -> int:
        return len(self.center_frame)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """(N,) whether the score says that the box is not to be trusted; see `LostSettings`."""
        return self.frames_lost > 0

    @property
    def partly_outside(self) -> NDArray[np.bool_]:
        """(N,) whether the frame's border may cut the box, so that it is no exemplar."""
        return np.zeros(len(self), dtype=np.bool_)

    @property
    @abstractmethod
    def boxes(self) -> FloatArray:
        """(N, 4) boxes x, y, w, h; parts of them may lie outside the frame."""

    @abstractmethod
    def at(self, boxes: FloatArray) -> Self:
        """The targets at other boxes (N, 4), all else as it was."""

    @abstractmethod
    def exemplar_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares that the exemplar images show: centres (N, 2) and sides (N,)."""

    def present_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares about the targets at their present size, as search images show them, likewise."""
        center, side = self.exemplar_windows(spec)
        return center, geometry.search_side(side, spec.exemplar_size, spec.search_size)

    def lost_windows(self, spec: EmbeddingSpec) -> tuple[FloatArray, FloatArray]:
        """Squares about targets that are lost, as they are searched for elsewhere, likewise."""
        return self.present_windows(spec)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Self:
        """Some of the targets, in the order of `rows`."""
        chosen = np.asarray(rows, dtype=np.intp)
        return replace(self, **{name: table[chosen] for name, table in self._tables().items()})

    def put(self, rows: Sequence[int], others: Self) -> Self:
        """The targets with those of `rows` replaced by others."""
        tables = {name: table.copy() for name, table in self._tables().items()}
        for name, table in tables.items():
            table[list(rows)] = getattr(others, name)
        return replace(self, **tables)

    def _tables(self) -> dict[str, Any]:
        names = (field.name for field in fields(self) if field.name != "frame_size")
        return {name: getattr(self, name) for name in names}


def exemplar_crops(
    targets: TargetBatch, image: ByteImage, fill: ByteImage, spec: EmbeddingSpec
) -> ByteImage:
    """Exemplar images (N, 127, 127, 3) of the targets where they are."""
    return window_crops(image, *targets.exemplar_windows(spec), spec.exemplar_size, fill)


def window_crops(
    image: ByteImage, centers: FloatArray, sides: FloatArray, size: int, fill: ByteImage
) -> ByteImage:
    """Squares about centres (N, 2) with sides (N,) as images (N, size, size, 3)."""
    if len(centers) == 1:  # which isn't copied again
        return geometry.crop(image, centers[0], float(sides[0]), size, fill)[None]
    crops = np.empty((len(centers), size, size, 3), dtype=np.uint8)
    for crop, center, side in zip(crops, centers, sides.tolist(), strict=True):
        crop[:] = geometry.crop(image, center, side, size, fill)
    return crops


def checked_boxes(
    boxes: ArrayLike | Sequence[ArrayLike], frame_size: tuple[int, int]
) -> FloatArray:
    """Boxes (N, 4), or one box (4,), of a frame of `frame_size` (width, height), as (N, 4).

    A box may reach over the frame's border, as the boxes of targets that are partly out of view
    do. One that is both wider and higher than the frame is refused: there is nothing beside the
    target that it could be told from, and nearly always a number is wrong. If it is so by no more
    than rounding, as in some benchmarks, it is cut to the frame.

    Raises:
        InputError: no box; or one that isn't four finite numbers, has no area to speak of, lies
            outside the frame or is larger than it. The message says which.
    """
    rows = _rows(boxes)
    return np.stack([_checked_box(row, frame_size, _name(i, rows)) for i, row in enumerate(rows)])


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
