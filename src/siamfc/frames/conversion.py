"""A decoded picture of any pixel format and orientation as upright RGB."""

from __future__ import annotations

from typing import cast

import av
import numpy as np
from av.buffer import Buffer
from av.video.reformatter import Colorspace, VideoReformatter
from PIL import Image as PillowImage

from siamfc.frames.frame import Image

_UNSPECIFIED_MATRIX = 2
"""FFmpeg's AVCOL_SPC_UNSPECIFIED."""

_Transpose = PillowImage.Transpose

_UPRIGHT = {  # (axes swapped, x mirrored, y mirrored): the same as one step
    (False, True, False): _Transpose.FLIP_LEFT_RIGHT,
    (False, False, True): _Transpose.FLIP_TOP_BOTTOM,
    (False, True, True): _Transpose.ROTATE_180,
    (True, False, False): _Transpose.TRANSPOSE,
    (True, True, False): _Transpose.ROTATE_270,
    (True, False, True): _Transpose.ROTATE_90,
    (True, True, True): _Transpose.TRANSVERSE,
}

_QUARTER_TURNS = {1: _Transpose.ROTATE_90, 2: _Transpose.ROTATE_180, 3: _Transpose.ROTATE_270}
"""By the number of quarter turns counter-clockwise."""


class RgbConverter:
    """Convert the pictures of one stream, on one thread.

    Pixels that are not square are left as they are stored: resampling them would blur the
    picture, and boxes stay in the coordinates of the stored pixels.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: av.VideoFrame) -> Image:
        """Return the picture as (H, W, 3) uint8, turned as its display matrix says.

        The matrix and range of its colours are honoured. Where a file is silent about the matrix
        it is BT.709 from 720 lines or 1280 columns on and BT.601 below, as players assume.
        """
        rgb = self._reformatter.reformat(
            picture, format="rgb24", src_colorspace=_assumed_matrix(picture), threads=1
        )
        image = cast(Image, rgb.to_ndarray())
        if image.strides != (3 * rgb.width, 3, 1):  # rows are padded at odd widths
            image = np.ascontiguousarray(image)
        step = upright_step(picture)
        return image if step is None else np.array(PillowImage.fromarray(image).transpose(step))


def upright_step(picture: av.VideoFrame) -> PillowImage.Transpose | None:
    """The mirroring or quarter turn that a picture's display matrix asks for, None when none.

    FFmpeg's matrix is (a, b, u; c, d, v; x, y, w), row-major, with x' = a x + c y and
    y' = b x + d y, y pointing down (libavutil/display.h). Angles between are rounded to the
    nearest quarter turn.
    """
    try:
        side_data = cast("Buffer | None", picture.side_data.get("DISPLAYMATRIX"))
    except ValueError:  # PyAV lists no side data at all where FFmpeg has a kind new to it
        return _QUARTER_TURNS.get(round(picture.rotation / 90) % 4)
    if side_data is None:
        return None
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(side_data), np.int32)[:5])
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    mirrored = (c < 0, b < 0) if swapped else (a < 0, d < 0)
    return _UPRIGHT.get((swapped, *mirrored))


def _assumed_matrix(picture: av.VideoFrame) -> Colorspace | None:
    if picture.colorspace != _UNSPECIFIED_MATRIX or picture.format.is_rgb:
        return None
    high_definition = picture.width >= 1280 or picture.height >= 720
    return Colorspace.ITU709 if high_definition else Colorspace.ITU601
