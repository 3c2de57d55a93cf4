"""Tally of the frames in which a target is lost."""

from siamfc.tracking import FrameResult, Status, time_code

_AT_ONCE = 10
"""Frames after the first box within which a loss suggests a wrong box."""


class LostTally:
    """Number of frames in which a target is lost, and the first of them."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.name = ""
        self.frames = self.lost = 0
        self.first_given: int | None = None
        self.first_lost: FrameResult | None = None

    def add(self, _frame: object, result: FrameResult) -> None:
        """Count a frame."""
        self.frames += 1
        self.name = result.names[self.row] if result.names else f"object {self.row + 1}"
        if self.first_given is None and result.statuses[self.row] is Status.KEYFRAME:
            self.first_given = result.index
        if result.lost_flags is not None and result.lost_flags[self.row]:
            self.lost += 1
            self.first_lost = self.first_lost or result

    @property
    def is_lost_at_once(self) -> bool:
        """True if the target is lost within a few frames of its first box."""
        if self.first_lost is None or self.first_given is None:
            return False
        return 0 < self.first_lost.index - self.first_given <= _AT_ONCE

    @property
    def text(self) -> str:
        """Summary, such as `lost in 12 of 200 frames, first in frame 59`."""
        text = f"lost in {self.lost} of {self.frames} frames"
        if self.first_lost is None:
            return text
        time = time_code(self.first_lost.time)
        return f"{text}, first in frame {self.first_lost.index}{time and f' ({time})'}"

    @property
    def hint(self) -> str:
        """Advice for a target that is lost at once."""
        return (
            f"hint: {self.name} was lost soon after its box: check that the box is X,Y,W,H in "
            "pixels, with width and height and not the second corner, and fits the object closely"
        )
