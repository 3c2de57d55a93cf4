"""Boxes by frame and target, from `--box`, `--name`, `--start` and `--end`."""

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from siamfc.cli.parameters import Flag, Whole
from siamfc.cli.usage import UsageError, check_corners, parse_box
from siamfc.tracking import FrameRange, KeyFrames, as_key_frames

if TYPE_CHECKING:
    from siamfc.frames import FrameSource
    from siamfc.tracking import GivenBoxes

Box = tuple[float, float, float, float]

_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)")


class Place(NamedTuple):
    """A frame, by number or time."""

    frame: int = 0
    seconds: float = math.nan
    """Time after the source's first frame; NaN: use the number."""

    def in_source(self, source: "FrameSource") -> int:
        """Return the frame's number; for a time, that of the first frame not before it.

        Raises:
            UsageError: a time in a source without a clock.
            InputError: the source ends before.
        """
        from siamfc.frames import IndexedSource, VideoFile

        if math.isnan(self.seconds):
            return self.frame
        if isinstance(source, VideoFile):
            return source.position_at(self.seconds)
        if not isinstance(source, IndexedSource) or math.isnan(source[0].time):
            raise UsageError(
                f"{source.name} has no clock: give the number of a frame instead of a time"
            )
        frames = range(source.count_frames())
        return bisect_left(frames, self.seconds, key=lambda index: source[index].time)


class GivenBox(NamedTuple):
    """One `--box`."""

    place: Place | None
    """None: the first frame."""
    box: Box


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BoxOptions:
    """Objects to track, and frames."""

    box: Annotated[list[str] | None, Parameter(negative=(), allow_leading_hyphen=True)] = None
    """[FRAME:]X,Y,W,H of an object, in pixels from the top left corner; FRAME is a number from 0 or
    a time, mm:ss.s; by default the first frame. Several boxes in one frame are different objects.
    An object with boxes in several frames is tracked forwards and backwards between them.
    """
    name: Annotated[list[str] | None, Parameter(negative=())] = None
    """Name of each object, or, given once per --box, of that box's object."""
    boxes: Path | None = None
    """Instead of --box: a .csv table with the columns source, x, y, w, h and optionally frame and
    name; or a folder of results, whose key frames are used.
    """
    start: str | None = None
    """The first frame to track, a number or mm:ss.s."""
    end: str | None = None
    """The last frame to track, a number or mm:ss.s."""
    every: Whole = 1
    """Track every n-th frame, and those with a --box."""
    smooth: Flag = False
    """Remove jitter from the boxes and bridge stretches in which an object is lost."""

    def given_boxes(self) -> list[GivenBox]:
        """Parse each --box; UsageError if one is invalid."""
        return [parse_given_box(text) for text in self.box or ()]

    def in_source(self, source: "FrameSource") -> tuple[KeyFrames, FrameRange]:
        """Return a source's boxes by target and frame, and the frames to track.

        Raises:
            UsageError: the object of a box is ambiguous, or a time is given for a source without a
                clock.
            InputError: a frame that the source does not have, or outside the range.
        """
        boxes = self.given_boxes()
        check_corners([box for _, box in boxes], source.size)
        start = parse_place(self.start or "0", "--start").in_source(source)
        end = None if self.end is None else parse_place(self.end, "--end").in_source(source)
        frame_range = FrameRange(start=start, end=end, every=self.every)
        placed = [
            (start if place is None else place.in_source(source), box) for place, box in boxes
        ]
        return as_key_frames(assign_boxes(placed, self.name or ()), start), frame_range


def parse_place(text: str, flag: str) -> Place:
    """Parse a frame's number, or a time as minutes and seconds, `mm:ss.s`, optionally with hours.

    >>> parse_place("96", "--start").frame, parse_place("1:02.5", "--start").seconds
    (96, 62.5)
    >>> parse_place("soon", "--start")
    Traceback (most recent call last):
    siamfc.cli.usage.UsageError: --start: expected a frame's number or mm:ss.s, got 'soon'
    """
    if text.isascii() and text.isdigit() and len(text) < 16:
        return Place(int(text))
    match = _TIME.fullmatch(text)
    if not match or len(text) > 24:
        raise UsageError(f"{flag}: expected a frame's number or mm:ss.s, got {text!r}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return Place(seconds=3600 * hours + 60 * minutes + seconds)


def parse_given_box(text: str) -> GivenBox:
    """Parse a box with an optional frame, `[FRAME:]X,Y,W,H`.

    >>> parse_given_box("12:120,80,60,40").place.frame
    12
    >>> parse_given_box("0:03.2:120,80,60,40").place.seconds
    3.2
    """
    place, colon, box = text.rpartition(":")
    return GivenBox(parse_place(place.strip(), "--box") if colon else None, parse_box(box))


def assign_boxes(boxes: Sequence[tuple[int, Box]], names: Sequence[str]) -> "GivenBoxes":
    """Assign boxes to targets.

    With as many names as boxes, each name is that of the box's target. Otherwise boxes in one frame
    belong to different targets, and in every frame that has boxes the first is the first target's,
    the second the second's and so on; the names, if any, are the targets'.

    Args:
        boxes: frame and box, in the order given.
        names: of the targets, or of each box's target.

    Raises:
        UsageError: the target of a box is ambiguous, or a target has two boxes in one frame.

    >>> assign_boxes([(0, (1, 2, 3, 4)), (96, (5, 6, 7, 8))], [])
    [{0: (1, 2, 3, 4), 96: (5, 6, 7, 8)}]
    >>> assign_boxes([(0, (1, 2, 3, 4)), (0, (5, 6, 7, 8))], ["cat", "dog"])
    {'cat': {0: (1, 2, 3, 4)}, 'dog': {0: (5, 6, 7, 8)}}
    """
    if "" in names:
        raise UsageError("--name: expected a name, got ''")
    counts = Counter(frame for frame, _ in boxes)
    targets = max(counts.values())
    if names and len(names) == len(boxes):
        return _by_name(boxes, names)
    if len(set(counts.values())) > 1:
        few = min(counts, key=lambda frame: counts[frame])
        raise UsageError(
            f"--box: {targets} boxes in one frame but {counts[few]} in frame {few}, so it is not "
            "clear whose each is: give a --name for every --box, in the same order"
        )
    if len(names) not in (0, targets):
        per_box = f" or {len(boxes)}, one for each --box" if len(boxes) != targets else ""
        raise UsageError(
            f"--name: expected {targets}, one for each object{per_box}, got {len(names)}"
        )
    if len(set(names)) < len(names):
        raise UsageError(
            f"--name: expected a different name for each object, got {', '.join(names)}"
        )
    found: list[dict[int, Box]] = [{} for _ in range(targets)]
    for frame, box in boxes:
        next(target for target in found if frame not in target)[frame] = box
    return dict(zip(names, found, strict=True)) if names else found


def _by_name(boxes: Sequence[tuple[int, Box]], names: Sequence[str]) -> dict[str, dict[int, Box]]:
    found: dict[str, dict[int, Box]] = defaultdict(dict)
    for (frame, box), name in zip(boxes, names, strict=True):
        if frame in found[name]:
            raise UsageError(f"--box: {name!r} has two boxes in frame {frame}")
        found[name][frame] = box
    return dict(found)
