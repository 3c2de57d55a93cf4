"""Contents of a data set: videos, and the boxes of one or more targets in each.

A reader lists a data set's videos without opening them; `Video.read` opens one and returns a
`Sequence` for each target in it. Pixels are only read while `Sequence.images` is iterated. A list
of thousands of videos therefore costs a few hundred bytes each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal, overload

import numpy as np

from siamfc.array_types import BoolArray, ByteImage, FloatArray, empty_bools, empty_floats
from siamfc.boxes import is_absent
from siamfc.errors import DatasetError
from siamfc.frames import VideoFile, open_source, read_image

ProblemKind = Literal[
    "missing frame",
    "unreadable image",
    "empty box",
    "box outside",
    "wrong count",
    "frame size",
    "no target",
    "two boxes",
    "unsupported shape",
    "unreadable annotation",
]
_REFUSED: frozenset[ProblemKind] = frozenset(
    {"missing frame", "wrong count", "two boxes", "unsupported shape"}
)
"""Problems that only the caller can resolve: a box would be misplaced or missing."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A violation of the format in a data set."""

    kind: ProblemKind
    sequence: str
    """Name of the video, or of the sequence if only one target is affected."""
    frame: int | None = None
    """Position in the sequence, from 0; None if the whole sequence is affected."""
    path: str | None = None
    message: str
    """Expected and actual content."""


OnProblem = Callable[[Problem], None]
"""Called for each problem. Raise to reject the sequence; return to accept the reader's repair."""


def raise_problem(problem: Problem) -> None:
    """Reject a sequence whose frames or boxes are missing or ambiguous; accept other repairs.

    Raises:
        DatasetError: a missing frame, mismatched counts, two boxes of one target in a frame, or a
            shape without a box.
    """
    if problem.kind in _REFUSED:
        raise DatasetError(f"{problem.path or problem.sequence}: {problem.message}")


class FrameFiles(AbstractSequence[Path]):
    """Image files of one folder, in the order of the frames.

    >>> FrameFiles(Path("img"), ("1.jpg", "2.jpg"))[1].as_posix()
    'img/2.jpg'
    """

    __slots__ = ("folder", "names")

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.folder = folder
        self.names = tuple(names)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> "FrameFiles": ...
    def __getitem__(self, index: int | slice) -> "Path | FrameFiles":
        if isinstance(index, slice):
            return FrameFiles(self.folder, self.names[index])
        return self.folder / self.names[index]

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"FrameFiles({str(self.folder)!r}, {len(self)} files)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequence:
    """One target in one video.

    F is the number of frames. Arrays that are left empty, because the data set lacks the
    information, are filled in: no frame absent or occluded, visibility unknown.

    Raises:
        DatasetError: the lengths differ, or a frame has a box though its target is absent.

    >>> boxes = np.array([[0, 0, 4, 4], [np.nan] * 4])
    >>> sequence = Sequence(name="a", frames=FrameFiles(Path("a"), ["1.png", "2.png"]), boxes=boxes)
    >>> len(sequence), sequence.annotated.tolist()
    (2, [True, False])
    """

    name: str
    """Unique name in its data set; `/` separates levels."""
    frames: FrameFiles | Path
    """Image of each frame, or one video file of all frames."""
    boxes: FloatArray
    """(F, 4) x, y, w, h in pixels of the frame; a NaN row: absent, or not annotated."""
    absent: BoolArray = field(default_factory=empty_bools)
    """(F,) whether the target is annotated as not visible at all."""
    occluded: BoolArray = field(default_factory=empty_bools)
    """(F,) whether the target is annotated as partly hidden."""
    visibility: FloatArray = field(default_factory=empty_floats)
    """(F,) visible fraction of the target, 0 to 1; NaN: unknown."""
    tags: Mapping[str, BoolArray] = field(default_factory=dict)
    """Attributes of single frames: name → (F,)."""
    values: Mapping[str, FloatArray] = field(default_factory=dict)
    """Numbers for single frames, such as VOT's anchors: name → (F,)."""
    attributes: tuple[str, ...] = ()
    """Attributes of the whole sequence, by the data set's names."""
    label: str = ""
    """Class of the target, by the data set's name; empty if unknown."""
    split: str | None = None
    """Split of the data set, such as `train`."""
    size: tuple[int, int] | None = None
    """Width and height of the frames in pixels, if the annotation states them."""
    video: str = ""
    """Name of the sequence's video; by default the sequence's own name."""

    def __post_init__(self) -> None:
        count = len(self.boxes)
        defaults = {
            "absent": np.zeros(count, np.bool_),
            "occluded": np.zeros(count, np.bool_),
            "visibility": np.full(count, np.nan),
        }
        for name, default in defaults.items():
            if not len(getattr(self, name)):
                object.__setattr__(self, name, default)
        if not self.video:
            object.__setattr__(self, "video", self.name)
        self._check(count)

    def _check(self, count: int) -> None:
        if self.boxes.shape != (count, 4):
            raise DatasetError(
                f"{self.name}: expected boxes of shape (F, 4), got {self.boxes.shape}"
            )
        lengths = {
            "frames": len(self.frames) if isinstance(self.frames, FrameFiles) else count,
            "absent": len(self.absent),
            "occluded": len(self.occluded),
            "visibility": len(self.visibility),
            **{name: len(flags) for name, flags in self.tags.items()},
            **{name: len(numbers) for name, numbers in self.values.items()},
        }
        for name, length in lengths.items():
            if length != count:
                raise DatasetError(
                    f"{self.name}: expected {count} {name} for as many boxes, got {length}"
                )
        if not is_absent(self.boxes[self.absent]).all():
            frame = int(np.flatnonzero(self.absent & ~is_absent(self.boxes))[0])
            raise DatasetError(
                f"{self.name}: expected a NaN row where the target is absent, "
                f"got {self.boxes[frame].tolist()} in frame {frame}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def annotated(self) -> BoolArray:
        """(F,) whether there is a box."""
        return ~is_absent(self.boxes)

    def images(self, order: range | None = None) -> Iterator[ByteImage]:
        """Yield the frames, (H, W, 3) uint8 RGB each.

        Args:
            order: indices of the frames, with a step of 1 or -1; None: all, from first to last.

        Raises:
            SourceError: a frame cannot be read.
        """
        if isinstance(self.frames, FrameFiles):
            files = self.frames if order is None else (self.frames[index] for index in order)
            yield from map(read_image, files)
        elif order is None or order == range(len(self)):
            with open_source(self.frames) as source:
                for frame in source:
                    yield frame.image
        else:
            yield from _video_images(self.frames, order)


def _video_images(path: Path, order: range) -> Iterator[ByteImage]:
    """Yield some frames of a video file, forwards or backwards."""
    with VideoFile(path) as video:
        ahead = order.step > 0
        frames = video.frames(order[0]) if ahead else video.reversed(order[-1], order[0] + 1)
        yield from (frame.image for frame in islice(frames, len(order)))


Loader = Callable[[OnProblem], Iterable[Sequence]]


@dataclass(frozen=True, kw_only=True)
class Video:
    """An unopened video of a data set."""

    name: str
    """Unique name in its data set; `/` separates levels."""
    split: str | None = None
    load: Loader = field(repr=False)
    """Opens the annotation; picklable, so that a video can be sent to another process."""

    def read(self, on_problem: OnProblem = raise_problem) -> tuple[Sequence, ...]:
        """Open the annotation and return a sequence for each target, in a fixed order.

        Args:
            on_problem: called for each problem; the default rejects a sequence whose frames and
                boxes cannot be matched. If it returns, the reader repairs: a frame without an image
                keeps its expected path, the surplus of mismatched counts is cut, and boxes without
                area or two boxes of one target in one frame are dropped.

        Raises:
            DatasetError: the annotation cannot be read.
        """
        return tuple(self.load(on_problem))


def read_sequences(videos: Iterable[Video]) -> Iterator[Sequence]:
    """Open one video after the other and yield their sequences."""
    for video in videos:
        yield from video.read()
