"""Conversion of decoded pictures, of any pixel format and orientation, to upright RGB."""

from __future__ import annotations

import logging
import re
import threading
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray
from PIL import Image as PillowImage

from siamfc.cropping import Planes, rgb_matrix
from siamfc.errors import SourceError
from siamfc.frames.frame import Image
from siamfc.frames.grey import GreyRange, find_range, to_bytes, warn_of_range
from siamfc.frames.hdr import HLG, PQ, tone_map
from siamfc.frames.images import grey_to_rgb

_logger = logging.getLogger(__name__)

_UNSPECIFIED = 2
"""FFmpeg's number of an unspecified matrix, transfer function or primaries."""

_FULL_RANGE = 2
"""FFmpeg's number of values from 0 to 255."""

_CUT_FORMATS = frozenset({"yuv420p", "yuvj420p"})
"""Pixel formats of which a part can be converted: planes, of which two are halved per axis."""

_EIGHT_BIT = {
    f"yuv{chroma}p{bits}le": f"yuv{chroma}p" for chroma in (420, 422, 444) for bits in (10, 12)
}
"""Pixel formats of more than 8 bits, and those of 8 bits through which they become RGB: FFmpeg's
direct conversion is slower and makes 253 of white."""


class ColorTags(NamedTuple):
    """Interpretation of a video's RGB values, by the numbers in H.273; by default BT.709."""

    primaries: int = ColorPrimaries.BT709
    transfer: int = ColorTrc.BT709


_DEEP_GREY = re.compile(r"gray(10|12|14|16)(le|be)")

_KNOWN_PRIMARIES = set(ColorPrimaries) - {_UNSPECIFIED}
_KNOWN_TRANSFERS = set(ColorTrc) - {_UNSPECIFIED}

_Transpose = PillowImage.Transpose

_UPRIGHT = {  # (axes swapped, x mirrored, y mirrored): one equivalent step
    (False, True, False): _Transpose.FLIP_LEFT_RIGHT,
    (False, False, True): _Transpose.FLIP_TOP_BOTTOM,
    (False, True, True): _Transpose.ROTATE_180,
    (True, False, False): _Transpose.TRANSPOSE,
    (True, True, False): _Transpose.ROTATE_270,
    (True, False, True): _Transpose.ROTATE_90,
    (True, True, True): _Transpose.TRANSVERSE,
}

_AXES_SWAPPED = {step for (swapped, *_), step in _UPRIGHT.items() if swapped}

_QUARTER_TURNS = {1: _Transpose.ROTATE_90, 2: _Transpose.ROTATE_180, 3: _Transpose.ROTATE_270}
"""Rotations by the number of counter-clockwise quarter turns."""


class RgbConverter:
    """Converts the pictures of one stream to RGB in the first picture's size.

    Non-square pixels are kept as stored: resampling would blur the picture, and boxes stay in the
    coordinates of the stored pixels. High dynamic range is mapped to standard (see `hdr`). Grey of
    more than 8 bits that uses little of its range is stretched by the first picture's range.

    Args:
        first: The stream's first picture.
        name: The source's name, for warnings.
        threads: Number of threads for the conversion.

    Raises:
        SourceError: A pixel format that cannot be converted.
    """

    def __init__(self, first: av.VideoFrame, *, name: str, threads: int = 1) -> None:
        self._stored_size = (first.width, first.height)
        self._name = name
        self._threads = threads
        self._has_warned = False
        self._swaps_axes = upright_step(first) in _AXES_SWAPPED
        self._grey = _grey_range(first)
        if self._grey is not None:
            warn_of_range(name, self._grey)
        self._local = threading.local()
        width, height = self._stored_size
        self.size = (height, width) if self._swaps_axes else (width, height)
        """Width and height of the converted pictures, in pixels."""
        self.color_tags = _color_tags(first)
        """Interpretation of the converted pictures."""
        if not self.can_convert_parts(first):  # a format that may be unknown
            self(first)

    def __call__(self, picture: av.VideoFrame, index: int = 0) -> Image:
        """Return the picture as (H, W, 3) uint8, oriented by its display matrix.

        The first picture of another size is reported in a warning with its index. The colours'
        matrix and range are respected. A file that does not specify the matrix is taken as BT.709
        from 720 lines or 1280 columns on and as BT.601 below, as players assume.

        Raises:
            SourceError: A pixel format that cannot be converted.
        """
        if self._has_other_size(picture) and not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "%s: from frame %d on pictures are of %d×%d pixels; they are scaled to the first "
                "one's size", self._name, index, picture.width, picture.height,
            )  # fmt: skip
        step = upright_step(picture)
        try:
            image = self._stored_image(picture)
        except (av.FFmpegError, ValueError):
            image = self._image_without_tags(picture)
        return image if step is None else np.array(PillowImage.fromarray(image).transpose(step))

    def upright_aspect(self, pixel_aspect: Fraction) -> Fraction:
        """Return the aspect ratio of a stored pixel once the picture is upright."""
        return 1 / pixel_aspect if self._swaps_axes else pixel_aspect

    def can_convert_parts(self, picture: av.VideoFrame) -> bool:
        """Return True if `convert_part` supports the picture."""
        return (
            picture.format.name in _CUT_FORMATS
            and picture.width % 2 == picture.height % 2 == 0
            and not picture.interlaced_frame
            and not self._has_other_size(picture)
            and picture.color_trc not in (PQ, HLG)
            and upright_step(picture) is None
        )

    def convert_part(self, picture: av.VideoFrame, rows: slice, columns: slice) -> Image:
        """Convert a part of a picture that `can_convert_parts`: the same pixels as of the whole.

        Args:
            picture: The picture.
            rows: From the first to the last and within the picture, without a step.
            columns: Likewise.

        Returns:
            (h, w, 3) uint8, which need not be contiguous.

        Raises:
            SourceError: As for the whole.
        """
        # Two pixels share a value of colour, so the part is widened to even edges. PyAV uses an
        # array without a copy only if the height is a multiple of four: further rows are undefined.
        top, bottom = rows.start // 2, -(-rows.stop // 2)
        left, right = columns.start // 2, -(-columns.stop // 2)
        planes = _rows(picture)
        height, width = -(-(bottom - top) // 2) * 4, 2 * (right - left)
        joined = np.empty((height * 3 // 2, width), np.uint8)
        joined[: 2 * (bottom - top)] = planes[0][2 * top : 2 * bottom, 2 * left : 2 * right]
        halved = joined[height:].reshape(2, height // 2, width // 2)
        for plane, out in zip(planes[1:], halved, strict=True):
            out[: bottom - top] = plane[top:bottom, left:right]
        part = av.VideoFrame.from_numpy_buffer(joined, format=picture.format.name)
        part.colorspace, part.color_range = picture.colorspace, picture.color_range
        try:
            rgb = self._reformatter("rgb").reformat(
                part, format="rgb24", src_colorspace=_assumed_matrix(picture), threads=1
            )
        except (av.FFmpegError, ValueError):  # invalid colour tags
            return self(picture)[rows, columns]
        image = cast(Image, rgb.to_ndarray())
        y, x = rows.start - 2 * top, columns.start - 2 * left
        return image[y : y + rows.stop - rows.start, x : x + columns.stop - columns.start]

    def planes(self, picture: av.VideoFrame) -> Planes | None:
        """Return the planes of a picture that `can_convert_parts`; None for an unknown matrix."""
        to_rgb = rgb_matrix(
            _assumed_matrix(picture) or picture.colorspace,
            full_range=picture.format.name == "yuvj420p" or picture.color_range == _FULL_RANGE,
        )
        if to_rgb is None:
            return None
        pictures = [
            PillowImage.frombuffer("L", (one.width, one.height), rows, "raw", "L", one.line_size, 1)
            for one, rows in zip(picture.planes, _rows(picture), strict=True)
        ]
        return Planes(pictures=pictures, to_rgb=to_rgb)

    def _has_other_size(self, picture: av.VideoFrame) -> bool:
        return (picture.width, picture.height) != self._stored_size

    def _stored_image(self, picture: av.VideoFrame) -> Image:
        if self._grey is not None and not self._has_other_size(picture):
            return grey_to_rgb(to_bytes(picture.to_ndarray(), self._grey))
        width, height = self._stored_size
        is_hdr = picture.color_trc in (PQ, HLG)
        stored = picture
        if not is_hdr and (eight_bit := _EIGHT_BIT.get(picture.format.name)):
            stored = self._reformatter("depth").reformat(
                picture, format=eight_bit, threads=self._threads
            )
        rgb = self._reformatter("rgb").reformat(
            stored,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=_assumed_matrix(picture),
            threads=self._threads,
        )
        image = cast(Image, rgb.to_ndarray())
        if is_hdr:
            return np.array(PillowImage.fromarray(image).filter(tone_map(picture.color_trc)))
        if image.strides != (3 * rgb.width, 3, 1):  # rows are padded at odd widths
            image = np.ascontiguousarray(image)
        return image

    def _image_without_tags(self, picture: av.VideoFrame) -> Image:
        """Convert a picture with invalid colour tags as if it had none."""
        picture.colorspace = picture.color_primaries = picture.color_trc = _UNSPECIFIED
        try:
            return self._stored_image(picture)
        except (av.FFmpegError, ValueError) as error:
            raise SourceError(
                f"{self._name}: {picture.format.name} pictures cannot be converted: {error}"
            ) from None

    def _reformatter(self, name: str) -> VideoReformatter:
        """Return the current thread's reformatter for one use; it keeps what that prepares."""
        if not hasattr(self._local, name):
            setattr(self._local, name, VideoReformatter())
        return cast(VideoReformatter, getattr(self._local, name))


def _grey_range(picture: av.VideoFrame) -> GreyRange | None:
    components = picture.format.components
    if len(components) > 1 or components[0].bits <= 8 or not _DEEP_GREY.match(picture.format.name):
        return None
    return find_range([picture.to_ndarray()], (1 << components[0].bits) - 1)


def upright_step(picture: av.VideoFrame) -> PillowImage.Transpose | None:
    """Return the mirroring or quarter turn that a picture's display matrix requires, or None.

    FFmpeg's matrix is (a, b, u; c, d, v; x, y, w), row-major, with x' = a x + c y and
    y' = b x + d y, y pointing down (libavutil/display.h). Other angles are rounded to the nearest
    quarter turn.
    """
    try:
        # After `picture.side_data` the picture refers to itself, and its memory is kept until the
        # garbage collector runs: gigabytes of large pictures.
        held = SideDataContainer(picture)  # type: ignore[call-arg]  # its stub lacks __init__
        side_data = cast("Buffer | None", held.get("DISPLAYMATRIX"))
    except ValueError:  # PyAV lists no side data if FFmpeg reports an unknown kind
        return _QUARTER_TURNS.get(round(picture.rotation / 90) % 4)
    if side_data is None:
        return None
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(side_data), np.int32)[:5])
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    mirrored = (c < 0, b < 0) if swapped else (a < 0, d < 0)
    return _UPRIGHT.get((swapped, *mirrored))


def _color_tags(picture: av.VideoFrame) -> ColorTags:
    """Return the tags of a picture's RGB values: its own, or BT.709 where it has none or is HDR."""
    primaries, transfer = picture.color_primaries, picture.color_trc
    if transfer in (PQ, HLG):
        return ColorTags()
    return ColorTags(
        primaries=primaries if primaries in _KNOWN_PRIMARIES else ColorPrimaries.BT709,
        transfer=transfer if transfer in _KNOWN_TRANSFERS else ColorTrc.BT709,
    )


def _assumed_matrix(picture: av.VideoFrame) -> Colorspace | None:
    if picture.colorspace != _UNSPECIFIED or picture.format.is_rgb:
        return None
    high_definition = picture.width >= 1280 or picture.height >= 720
    return Colorspace.ITU709 if high_definition else Colorspace.ITU601


def _rows(picture: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return the rows of each plane, with the bytes that FFmpeg pads them by; nothing is copied."""
    return [
        np.frombuffer(cast("memoryview[int]", one), np.uint8).reshape(-1, one.line_size)
        for one in picture.planes
    ]
