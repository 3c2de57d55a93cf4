"""Legend in the corner of a picture: names on their colours."""

from collections.abc import Sequence

from siamfc.errors import InputError
from siamfc.frames.draw import PALETTE
from siamfc.frames.frame import Image
from siamfc.frames.images import check_image
from siamfc.frames.labels import Color, label_image


def draw_legend(
    image: Image, names: Sequence[str], *, colors: Sequence[Color] | None = None
) -> Image:
    """Return a copy of a picture with names in its upper left corner, one below the other.

    Each name has the colour that `draw_boxes` uses for the box with the same index. Names that do
    not fit into the picture are cut off.

    Args:
        image: (H, W, 3) uint8 RGB; it is not modified.
        names: (N,), one line each.
        colors: (N,), RGB in place of `PALETTE`.

    Raises:
        InputError: The number of colours differs from that of the names.
    """
    shades = [PALETTE[i % len(PALETTE)] for i in range(len(names))] if colors is None else colors
    if len(shades) != len(names):
        raise InputError(f"colors: expected one for each of {len(names)} names, got {len(shades)}")
    canvas = check_image(image, what="the picture to draw on").copy()
    height, width, _ = canvas.shape
    size = max(10, round(min(height, width) / 34))
    gap = top = left = max(2, size // 3)
    for name, color in zip(names, shades, strict=True):
        label = label_image(name, size, color)[: max(height - top, 0), : max(width - left, 0)]
        rows, columns, _ = label.shape
        canvas[top : top + rows, left : left + columns] = label
        top += rows + gap // 2
    return canvas
