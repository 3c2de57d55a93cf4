"""Parsing of arguments, shared by several verbs."""

import logging
import math
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from siamfc.checks import shown
from siamfc.errors import InputError

if TYPE_CHECKING:
    from siamfc.workers import Workers


_LARGEST = 16384
"""Most pixels along a side of a picture."""


_logger = logging.getLogger(__name__)

_SHOWN = 60
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+),?")


class UsageError(InputError):
    """An argument that cannot be parsed; the command line exits with 2."""


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Parse `X,Y,W,H` as a box in pixels.

    >>> parse_box("12.5,8,40,30")
    (12.5, 8.0, 40.0, 30.0)
    >>> parse_box("12,8,40")
    Traceback (most recent call last):
    siamfc.cli.usage.UsageError: --box: expected 4 numbers X,Y,W,H, got 3 in '12,8,40'
    """
    parts = text.strip("()[] ").replace(",", " ").split()
    if len(parts) != 4:
        raise UsageError(f"--box: expected 4 numbers X,Y,W,H, got {len(parts)} in {shown(text)}")
    try:
        x, y, w, h = (float(part) for part in parts)
    except ValueError:
        raise UsageError(f"--box: expected 4 numbers X,Y,W,H, got {shown(text)}") from None
    if not all(map(math.isfinite, (x, y, w, h))):
        raise UsageError(f"--box: expected 4 finite numbers X,Y,W,H, got {shown(text)}")
    if w <= 0 or h <= 0:
        raise UsageError(f"--box: expected a width and height above 0, got {shown(text)}")
    return x, y, w, h


def parse_aspect(text: str) -> float:
    """Parse `W:H` as width over height.

    >>> parse_aspect("9:16")
    0.5625
    """
    try:
        width, height = (float(part) for part in text.split(":"))
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise ValueError(text)
    except ValueError:
        raise UsageError(f"--aspect: expected W:H such as 9:16, got {shown(text)}") from None
    return width / height


def parse_size(text: str) -> tuple[int, int]:
    """Parse `WxH` as width and height.

    >>> parse_size("320x240")
    (320, 240)
    """
    try:
        width, height = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise UsageError(f"--size: expected WxH such as 320x240, got {shown(text)}") from None
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise UsageError(f"--size: expected 1 to {_LARGEST} pixels each, got {shown(text)}")
    return width, height


def require_one_word(arguments: Sequence[str]) -> None:
    """Raise UsageError if the numbers of a `--box` are separate words, and show the right form.

    >>> require_one_word(["a.mp4", "--box", "128", "79", "64", "78"])
    Traceback (most recent call last):
    siamfc.cli.usage.UsageError: --box: expected X,Y,W,H in one word: write --box 128,79,64,78
    """
    for place, argument in enumerate(arguments):
        if argument != "--box":
            continue
        numbers = list(takewhile(_is_number, arguments[place + 1 :]))
        if len(numbers) > 1:
            joined = ",".join(text.strip(",") for text in numbers[:4])[:_SHOWN]
            raise UsageError(f"--box: expected X,Y,W,H in one word: write --box {joined}")


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def check_corners(boxes: Iterable[Sequence[float]], frame_size: tuple[int, int] | None) -> None:
    """Check whether a corner was given instead of width and height.

    A box that leaves the frame causes a warning if its last two numbers may be its bottom right
    corner. If its centre is outside too, it is rejected, since there is no target.

    Args:
        boxes: x, y, w, h each, as given.
        frame_size: width and height of the frame; None: unknown, so nothing is checked.

    Raises:
        UsageError: a box whose centre is outside the frame; the message shows the likely right one.
    """
    if frame_size is None:
        return
    width, height = frame_size
    for x, y, w, h in boxes:
        leaves = x + w > width or y + h > height
        if not (leaves and x < w <= width and y < h <= height):
            continue
        message = (
            f"the box {x:g},{y:g},{w:g},{h:g} reaches beyond the frame of {width}×{height} "
            f"pixels; if {w:g},{h:g} is its bottom right corner, write "
            f"--box {x:g},{y:g},{w - x:g},{h - y:g}"
        )
        if x + w / 2 > width or y + h / 2 > height:
            raise UsageError(message)
        _logger.warning("%s", message)


def make_workers(count: int, cluster: str | None) -> "Workers":
    """Return the processes of `--workers`, or those of `--cluster` if given."""
    from siamfc.workers import Workers

    if cluster is not None and count != 1:
        raise UsageError("expected either --workers or --cluster, got both")
    return Workers(count, cluster=cluster)
