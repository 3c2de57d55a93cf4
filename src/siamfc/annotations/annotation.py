"""Boxes of several targets in one video, the common representation of all file formats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siamfc.array_types import BoolArray, FloatArray, IntArray, empty_bools, empty_floats
from siamfc.boxes import is_absent
from siamfc.errors import DatasetError
from siamfc.frames.folder import natural_key
from siamfc.parsers import MOST_FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence


DEFAULT_LABEL = "target"
"""Default class of a target."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoAnnotation:
    """Boxes of N targets in F frames of a video.

    Raises:
        DatasetError: arrays whose shapes don't agree.

    >>> boxes = np.array([[[4, 2, 8, 6]], [[5, 2, 8, 6]]])
    >>> annotation = VideoAnnotation(frames=np.arange(2), boxes=boxes)
    >>> annotation.labels, annotation.image_name(1)
    (('target',), '000001.png')
    """

    frames: IntArray
    """(F,) index of each frame in the video, 0-based, ascending."""
    boxes: FloatArray
    """(F, N, 4) x, y, w, h in frame pixels; a NaN row: no box."""
    scores: FloatArray = field(default_factory=empty_floats)
    """(F, N) in [0, 1]; NaN: unknown."""
    key: BoolArray = field(default_factory=empty_bools)
    """(F, N) True where a person drew the box."""
    lost: BoolArray = field(default_factory=empty_bools)
    """(F, N) True where the tracker lost the target, so that its box cannot be trusted."""
    bridged: BoolArray = field(default_factory=empty_bools)
    """(F, N) True where the box is interpolated across a lost stretch."""
    names: Sequence[str] = ()
    """Name of each target; by default `1`, `2` …"""
    labels: Sequence[str] = ()
    """Class of each target; by default `target`."""
    video: str = "video.mp4"
    """File or folder name of the video, without its parent folders."""
    size: tuple[int, int] | None = None
    """Width and height of the frames in pixels; None: unknown."""
    frame_rate: float | None = None
    """Frames per second; None: unknown."""
    frame_count: int = 0
    """Number of frames in the whole video; by default one more than the last known index."""
    image_names: Sequence[str] = ()
    """File names of the frames of a folder of images; empty for a video file."""

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, dtype=np.float64)
        if boxes.ndim != 3 or boxes.shape[2] != 4 or len(boxes) != len(self.frames):
            raise DatasetError(
                f"boxes: expected shape ({len(self.frames)}, N, 4), got {boxes.shape}"
            )
        shape = boxes.shape[:2]
        last = int(self.frames[-1]) + 1 if len(self.frames) else 0
        values = {
            "boxes": boxes,
            "scores": self.scores if self.scores.size else np.full(shape, np.nan),
            "key": self.key if self.key.size else np.zeros(shape, np.bool_),
            "lost": self.lost if self.lost.size else np.zeros(shape, np.bool_),
            "bridged": self.bridged if self.bridged.size else np.zeros(shape, np.bool_),
            "names": tuple(self.names) or tuple(str(one + 1) for one in range(shape[1])),
            "labels": tuple(self.labels) or (DEFAULT_LABEL,) * shape[1],
            "frame_count": max(self.frame_count, last),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        for name in ("scores", "key", "lost", "bridged"):
            if getattr(self, name).shape != shape:
                raise DatasetError(
                    f"{name}: expected shape {shape}, got {getattr(self, name).shape}"
                )
        for name in ("names", "labels"):
            if len(getattr(self, name)) != shape[1]:
                raise DatasetError(
                    f"{name}: expected {shape[1]} for as many targets, "
                    f"got {len(getattr(self, name))}"
                )

    @property
    def present(self) -> BoolArray:
        """(F, N) True where there is a box."""
        return ~is_absent(self.boxes)

    @property
    def classes(self) -> tuple[str, ...]:
        """Distinct labels, in order of first appearance."""
        return tuple(dict.fromkeys(self.labels))

    @property
    def has_names(self) -> bool:
        """True if a target has a name other than its number."""
        return any(name != str(place) for place, name in enumerate(self.names, 1))

    def image_name(self, frame: int) -> str:
        """Return the file name of a frame's image, by default the one that siamfc writes."""
        if frame < len(self.image_names):
            return self.image_names[frame]
        return default_image_name(frame)

    def without_lost(self) -> VideoAnnotation:
        """Return a copy without the boxes of lost targets."""
        return replace(self, boxes=np.where(self.lost[..., None], np.nan, self.boxes))

    def inside(self) -> VideoAnnotation:
        """Return a copy with boxes clipped to the frame; those entirely outside are removed.

        Raises:
            DatasetError: the size of the frames is unknown.
        """
        width, height = require_size(self)
        limit = np.array([width, height], dtype=np.float64)
        low = np.clip(self.boxes[..., :2], 0, limit)
        high = np.clip(self.boxes[..., :2] + self.boxes[..., 2:], 0, limit)
        boxes = np.concatenate([low, high - low], axis=-1)
        boxes[(boxes[..., 2:] <= 0).any(axis=-1)] = np.nan
        return replace(self, boxes=boxes)

    def all_frames(self, target: int) -> FloatArray:
        """Return the boxes (L, 4) of a target in every frame from 0 to the last known one."""
        last = int(self.frames[-1]) + 1 if len(self.frames) else 0
        boxes = np.full((last, 4), np.nan)
        boxes[self.frames] = self.boxes[:, target]
        return boxes


def default_image_name(frame: int) -> str:
    """Return the file name of a frame's image that siamfc writes."""
    return f"{frame:06d}.png"


def require_size(annotation: VideoAnnotation) -> tuple[int, int]:
    """Return width and height of the frames.

    Raises:
        DatasetError: the size is unknown.
    """
    if annotation.size is None:
        raise DatasetError(
            "the format needs the size of the frames, which is unknown: "
            "name the video that the boxes are of"
        )
    return annotation.size


_MOST_ROWS = 5_000_000
"""Limit of frames times targets held in memory: about 200 MB."""


def require_sizes(boxes: FloatArray) -> None:
    """Raise ValueError if one of the boxes (..., 4) has a negative width or height."""
    rows = boxes.reshape(-1, 4)
    negative = rows[(rows[:, 2:] < 0).any(axis=1)]
    if len(negative):
        raise ValueError(
            f"expected a width and height of 0 or more, got the box {negative[0].tolist()}"
        )


def add_box(
    rows: dict[str, dict[int, FloatArray]], target: str, frame: int, box: FloatArray
) -> None:
    """Add a box of a target and frame to `rows`.

    Raises:
        ValueError: there is already one, and either may be wrong.
    """
    boxes = rows.setdefault(target, {})
    if frame in boxes:
        raise ValueError(f"two boxes of target {target[:40]!r} in frame {frame}")
    boxes[frame] = box


def from_targets(
    rows: dict[str, dict[int, FloatArray]],
    *,
    scores: dict[str, dict[int, float]] | None = None,
    key: dict[str, set[int]] | None = None,
    labels: dict[str, str] | None = None,
    names: dict[str, str] | None = None,
    dense: bool = False,
    video: str = "video.mp4",
    size: tuple[int, int] | None = None,
    frame_rate: float | None = None,
    frame_count: int = 0,
    image_names: Sequence[str] = (),
) -> VideoAnnotation:
    """Build an annotation from boxes that are listed target by target.

    Args:
        rows: identity of a target → frame → x, y, w, h.
        scores: identity → frame → score.
        key: identity → frames in which a person drew the target.
        labels: identity → class.
        names: identity → name; by default the identity.
        dense: include frames without any box, as frames without targets.
        video: see `VideoAnnotation`.
        size: see `VideoAnnotation`.
        frame_rate: see `VideoAnnotation`.
        frame_count: see `VideoAnnotation`.
        image_names: see `VideoAnnotation`.

    Raises:
        DatasetError: too many frames and targets to hold in memory.
    """
    known = sorted({frame for boxes in rows.values() for frame in boxes})
    if dense and known:
        known = list(range(max(known[-1] + 1, frame_count)))
    if len(known) * len(rows) > _MOST_ROWS:
        raise DatasetError(
            f"{video}: expected at most {_MOST_ROWS} frames times targets, got {len(known)} "
            f"frames and {len(rows)} targets"
        )
    place = {frame: at for at, frame in enumerate(known)}
    shape = (len(known), len(rows))
    boxes = np.full((*shape, 4), np.nan)
    table, drawn = np.full(shape, np.nan), np.zeros(shape, np.bool_)
    for number, (target, found) in enumerate(rows.items()):
        for frame, box in found.items():
            boxes[place[frame], number] = box
            table[place[frame], number] = (scores or {}).get(target, {}).get(frame, np.nan)
            drawn[place[frame], number] = frame in (key or {}).get(target, ())
    return VideoAnnotation(
        frames=np.array(known, dtype=np.int64),
        boxes=boxes,
        scores=table,
        key=drawn,
        names=[(names or {}).get(target, target) for target in rows],
        labels=[(labels or {}).get(target, DEFAULT_LABEL) for target in rows],
        video=video,
        size=size,
        frame_rate=frame_rate,
        frame_count=frame_count,
        image_names=image_names,
    )


def frame_ranges(flags: BoolArray) -> list[tuple[int, int]]:
    """Return the first and last index of each run of True flags.

    >>> frame_ranges(np.array([True, True, False, True]))
    [(0, 1), (3, 3)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def frame_files(folder: Path, suffix: str) -> tuple[list[tuple[int, Path]], bool]:
    """Return the files of a folder with one for each frame, by frame, in order.

    The second value is True if their names are the frames' numbers; otherwise their order counts.
    """
    files = sorted(folder.glob(f"*{suffix}"), key=natural_key)
    names = [file.stem for file in files]
    if all(one.isdecimal() and len(one) < 10 and int(one) <= MOST_FRAMES for one in names):
        return [(int(file.stem), file) for file in files], True
    return list(enumerate(files)), False
