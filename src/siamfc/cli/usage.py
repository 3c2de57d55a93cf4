"""What verbs share in reading their arguments."""

import math
from typing import TYPE_CHECKING

from siamfc.errors import InputError

if TYPE_CHECKING:
    from siamfc.workers import Workers


_LARGEST = 16384
"""Pixels along a side of a picture."""


class UsageError(InputError):
    """An argument whose text cannot be understood; the command line exits with 2."""


def parse_box(text: str) -> tuple[float, float, float, float]:
    """A box `x, y, w, h` in pixels from what was typed, `X,Y,W,H`.

    >>> parse_box("12.5,8,40,30")
    (12.5, 8.0, 40.0, 30.0)
    >>> parse_box("12,8,40")
    Traceback (most recent call last):
    siamfc.cli.usage.UsageError: --box: expected 4 numbers X,Y,W,H, got 3 in '12,8,40'
    """
    parts = text.replace(",", " ").split()
    if len(parts) != 4:
        raise UsageError(f"--box: expected 4 numbers X,Y,W,H, got {len(parts)} in {text!r}")
    try:
        x, y, w, h = (float(part) for part in parts)
    except ValueError:
        raise UsageError(f"--box: expected 4 numbers X,Y,W,H, got {text!r}") from None
    if not all(map(math.isfinite, (x, y, w, h))):
        raise UsageError(f"--box: expected 4 finite numbers X,Y,W,H, got {text!r}")
    if w <= 0 or h <= 0:
        raise UsageError(f"--box: expected a width and height above 0, got {text!r}")
    return x, y, w, h


def parse_aspect(text: str) -> float:
    """Width over height from what was typed, `W:H`.

    >>> parse_aspect("9:16")
    0.5625
    """
    try:
        width, height = (float(part) for part in text.split(":"))
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise ValueError(text)
    except ValueError:
        raise UsageError(f"--aspect: expected W:H such as 9:16, got {text!r}") from None
    return width / height


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from what was typed, `WxH`.

    >>> parse_size("320x240")
    (320, 240)
    """
    try:
        width, height = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise UsageError(f"--size: expected WxH such as 320x240, got {text!r}") from None
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise UsageError(f"--size: expected 1 to {_LARGEST} pixels each, got {text!r}")
    return width, height


def make_workers(count: int, cluster: str | None) -> "Workers":
    """The processes of `--workers` or those of `--cluster`, whichever was given."""
    from siamfc.workers import Workers

    if cluster is not None and count != 1:
        raise UsageError("expected either --workers or --cluster, got both")
    return Workers(count, cluster=cluster)
