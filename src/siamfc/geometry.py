"""Where things are: frame ↔ crop ↔ response. The only copy of these formulas.

Three spaces, each named in the suffix of a coordinate, always in the order (x, y):

- `frame`: pixels of the frame with continuous edges; pixel 0 spans [0, 1).
- `crop`: pixels of a square image resampled from the frame, with continuous edges as well.
- `response`: cells of the network's response; cell 0 is *at* 0, the centre of m cells is (m − 1)/2.

A crop of `size` pixels about `center_frame` shows a square of `side` frame pixels. Pixel i of it
samples the frame, per axis, at pixel index center + (i + 0.5 − size/2) · side/size − 0.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from siamfc.errors import InputError

FloatArray = NDArray[np.float64]
ByteImage = NDArray[np.uint8]

_REDUCED_PIXELS = 1.2
"""Pixels to a crop's pixel that are left, at least, when the frame is averaged over cells first."""
_SMALLEST_SIDE = 1e-6
"""Smallest side of a square that is cropped, frame pixels; anything smaller is a mistake."""
_LARGEST_CELL = 32
"""Largest cell averaged at once; Pillow's fixed point loses precision with far larger ones."""


# --- The square that the network looks at ---------------------------------------------------------


def exemplar_side(size: ArrayLike, context_amount: float = 0.5) -> FloatArray:
    """Side of the square about a target that the exemplar image shows, in frame pixels.

    With the margin m = context_amount · (w + h) it is sqrt((w + m)(h + m)), so that the square has
    the area of the box and its margin (Bertinetto et al. 2016, section 2.3; thesis 3.1.2).

    Args:
        size: (w, h) of the target, (..., 2), frame pixels.
        context_amount: share of w + h that is added to each.

    Returns:
        (...,) frame pixels.

    >>> float(exemplar_side([40, 40]))
    80.0
    """
    sizes = np.asarray(size, dtype=np.float64)
    margin = context_amount * sizes.sum(axis=-1)
    return np.asarray(np.sqrt((sizes[..., 0] + margin) * (sizes[..., 1] + margin)))


def search_side(exemplar: ArrayLike, exemplar_size: int, search_size: int) -> FloatArray:
    """Side of the square that the search image shows, so that both images have one magnification.

    >>> float(search_side(127.0, exemplar_size=127, search_size=255))
    255.0
    """
    return np.asarray(np.asarray(exemplar, dtype=np.float64) * (search_size / exemplar_size))


def crop_to_frame(
    points_crop: ArrayLike, center_frame: ArrayLike, side: float, size: int
) -> FloatArray:
    """Points (..., 2) of a crop, as points of the frame.

    >>> crop_to_frame([127.5, 0], center_frame=[100, 50], side=510, size=255)
    array([ 100., -205.])
    """
    offset = np.asarray(points_crop, dtype=np.float64) - size / 2
    return np.asarray(np.asarray(center_frame, dtype=np.float64) + offset * (side / size))


def frame_to_crop(
    points_frame: ArrayLike, center_frame: ArrayLike, side: float, size: int
) -> FloatArray:
    """Points (..., 2) of the frame, as points of a crop: the inverse of `crop_to_frame`."""
    offset = np.asarray(points_frame, dtype=np.float64) - np.asarray(center_frame)
    return np.asarray(offset * (size / side) + size / 2)


# --- The crop -------------------------------------------------------------------------------------


def mean_color(image: ByteImage) -> ByteImage:
    """Mean of an image (H, W, 3) per channel, rounded: (3,) uint8. It fills crops beyond the frame.

    Raises:
        InputError: not an image (H, W, 3) of uint8.
    """
    pixels = as_image(image)
    total: FloatArray = pixels.sum(axis=0, dtype=np.uint32).sum(axis=0, dtype=np.float64)
    mean: ByteImage = np.rint(total / (pixels.shape[0] * pixels.shape[1])).astype(np.uint8)
    return mean


def as_image(image: ByteImage) -> ByteImage:
    """Check that an array is an image as every part passes them around, and return it.

    Raises:
        InputError: not an array (H, W, 3) of uint8 with at least one pixel.
    """
    shape = getattr(image, "shape", None)
    kind = getattr(image, "dtype", type(image).__name__)
    if shape is None or len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        came = f"{kind} of shape {shape}" if shape is not None else kind
        raise InputError(f"image: expected RGB uint8 of shape (height, width, 3), got {came}")
    return image


def crop(
    image: ByteImage, center_frame: ArrayLike, side: float, size: int, fill: ArrayLike
) -> ByteImage:
    """Resample one square of a frame to `size` × `size` pixels, sub-pixel exact.

    The one function for exemplars, searches, curation and training. Linear interpolation when the
    crop enlarges; when it shrinks, the filter is as much wider as the crop is smaller, which is
    the low-pass. From 2.4 frame pixels to a crop's pixel on, the frame is first averaged over
    cells of 2, 3, 4 … pixels: that blurs a crop a trifle more, as much as linear interpolation
    blurs one that doesn't shrink at all, shifts nothing, and bounds the cost by the frame's size.

    Args:
        image: (H, W, 3) uint8 RGB; need not be contiguous.
        center_frame: (x, y) of the square's centre, frame pixels; may lie outside the frame.
        side: of the square, frame pixels, above 0.
        size: of the crop, pixels.
        fill: (3,) colour in 0–255 of everything outside the frame; it takes part in the
            interpolation at the frame's border.

    Returns:
        (size, size, 3) uint8, a new array.

    Raises:
        InputError: an image, centre, side or size that is none.
    """
    crops = crop_scales(image, center_frame, [side], size, fill)
    return crops.reshape(crops.shape[1:])


def crop_scales(
    image: ByteImage, center_frame: ArrayLike, sides: ArrayLike, size: int, fill: ArrayLike
) -> ByteImage:
    """Crop squares of several sides about one centre: (S, size, size, 3), as `crop` for each.

    Cheaper than one by one, since the frame's part is converted once; and fairer: all of them are
    low-passed alike, averaged over the cells that suit the smallest.
    """
    pixels = as_image(image)
    center, lengths = _checked_square(center_frame, sides, size)
    color = np.rint(np.asarray(fill, dtype=np.float64)).astype(np.uint8)
    height, width = pixels.shape[:2]
    cell = _cell_size(float(lengths.min()) / size)
    columns = [_span(center[0], length, size, width, cell) for length in lengths]
    rows = [_span(center[1], length, size, height, cell) for length in lengths]
    crops = np.empty((len(lengths), size, size, 3), dtype=np.uint8)
    seen = [bool(x.count and y.count) for x, y in zip(columns, rows, strict=True)]
    if any(seen):
        part, left, top = _part(pixels, columns, rows, cell, color)
    for index, (x, y) in enumerate(zip(columns, rows, strict=True)):
        if not (x.count == y.count == size):
            crops[index] = _plain(size, size, color)
        if seen[index]:
            start = (x.start / cell - left, y.start / cell - top)
            end = (x.end / cell - left, y.end / cell - top)
            resized = part.resize((x.count, y.count), Image.Resampling.BILINEAR, (*start, *end))
            target = crops[index, y.first : y.first + y.count, x.first : x.first + x.count]
            target[:] = np.asarray(resized)
    return crops


@dataclass(frozen=True)
class _Span:
    """The pixels of a crop along one axis that see the frame, and the frame's part they see."""

    first: int
    count: int
    start: float
    """Edges of those pixels, frame pixels."""
    end: float
    low: int
    """Edges of all that their filter touches, cells; may lie outside the frame."""
    high: int


def _span(center: float, side: float, size: int, extent: int, cell: int) -> _Span:
    ratio = side / size
    edge = center - side / 2
    reach = max(ratio, float(cell))  # half the filter's width
    cells = -(-extent // cell)
    # Pixel i has its middle at edge + (i + 0.5) · ratio; those within reach of the frame count.
    before_first = (-reach - edge) / ratio - 0.5
    after_last = (cells * cell + reach - edge) / ratio - 0.5
    first = math.floor(min(max(before_first, -1.0), size)) + 1
    last = math.ceil(min(max(after_last, 0.0), size))
    if first >= last:
        return _Span(first=0, count=0, start=0.0, end=0.0, low=0, high=0)
    return _Span(
        first=first,
        count=last - first,
        start=edge + first * ratio,
        end=edge + last * ratio,
        low=min(math.floor((edge + (first + 0.5) * ratio - reach) / cell), cells - 1),
        high=max(math.ceil((edge + (last - 0.5) * ratio + reach) / cell), 1),
    )


def _cell_size(ratio: float) -> int:
    """Choose cells that leave `_REDUCED_PIXELS` or more to a pixel of the crop."""
    cell = max(int(ratio / _REDUCED_PIXELS), 1)
    return cell if cell <= _LARGEST_CELL else 1 << int(math.log2(cell))


def _part(
    pixels: ByteImage, columns: Sequence[_Span], rows: Sequence[_Span], cell: int, fill: ByteImage
) -> tuple[Image.Image, int, int]:
    """Cut out, in cells, all that the spans touch; return it with its left and top cell."""
    left, right = _union(columns)
    top, bottom = _union(rows)
    x, y = max(left, 0), max(top, 0)
    inner = _averaged(pixels[y * cell : bottom * cell, x * cell : right * cell], cell, fill)
    height, width = inner.shape[:2]
    if (left, top, right, bottom) == (x, y, x + width, y + height):
        return Image.fromarray(inner), left, top
    padded = _plain(bottom - top, right - left, fill)
    padded[y - top : y - top + height, x - left : x - left + width] = inner
    return Image.fromarray(padded), left, top


def _union(spans: Sequence[_Span]) -> tuple[int, int]:
    used = [span for span in spans if span.count]
    return min(span.low for span in used), max(span.high for span in used)


def _averaged(pixels: ByteImage, cell: int, fill: ByteImage) -> ByteImage:
    """Average over cell × cell pixels; what the last row and column of cells lack is fill."""
    while cell > 1:
        part = min(cell, _LARGEST_CELL)
        cell //= part
        lacking = [(-length % part) / part for length in pixels.shape[:2]]
        pixels = np.array(Image.fromarray(pixels).reduce(part))
        for last, share in ((pixels[-1], lacking[0]), (pixels[:, -1], lacking[1])):
            if share:
                last[:] = np.rint(last * (1 - share) + fill * share)
    return pixels


def _plain(height: int, width: int, color: ByteImage) -> ByteImage:
    image = np.empty((height, width * 3), dtype=np.uint8)
    image[:] = np.tile(color, width)  # whole rows at once: 20 times as fast as pixel by pixel
    return image.reshape(height, width, 3)


def _checked_square(
    center_frame: ArrayLike, sides: ArrayLike, size: int
) -> tuple[list[float], FloatArray]:
    center = np.asarray(center_frame, dtype=np.float64)
    lengths = np.asarray(sides, dtype=np.float64)
    if center.shape != (2,) or not np.isfinite(center).all():
        raise InputError(f"crop: expected a finite centre (x, y), got {center.tolist()}")
    fine = np.isfinite(lengths) & (lengths >= _SMALLEST_SIDE)
    if lengths.ndim != 1 or not len(lengths) or not fine.all():
        raise InputError(
            f"crop: expected sides of at least {_SMALLEST_SIDE:g} pixels, got {lengths.tolist()}"
        )
    if size < 1:
        raise InputError(f"crop: expected a size of at least 1 pixel, got {size}")
    return center.tolist(), lengths


# --- The response ---------------------------------------------------------------------------------


@cache
def upsampling_matrix(cells: int, upsampling: int) -> FloatArray:
    """Bicubic interpolation from `cells` to cells · upsampling samples, as a read-only matrix.

    Sample j lies at cell (j + 0.5)/upsampling − 0.5. It is the cubic spline through the cells,
    mirrored at the outermost ones. The authors' MATLAB takes the cheaper cubic convolution (Keys
    1981), which pulls peaks towards the cells; a spline, smooth in its second derivative, leaves
    them nearly where they are.
    """
    positions = (np.arange(cells * upsampling) + 0.5) / upsampling - 0.5
    # A spline is a sum of bumps at the cells, of such weights that it goes through the values.
    at_cells = _spline_bumps(np.arange(cells, dtype=np.float64), cells)
    matrix = _spline_bumps(positions, cells) @ np.linalg.inv(at_cells)
    matrix.flags.writeable = False
    return matrix


def _spline_bumps(positions: FloatArray, cells: int) -> FloatArray:
    """Cubic B-splines about the cells and their mirror images, at positions (P,): (P, cells)."""
    table = np.zeros((len(positions), cells))
    nearest = np.floor(positions).astype(int)
    period = max(2 * (cells - 1), 1)
    for tap in range(-1, 3):
        distance = np.abs(positions - (nearest + tap))
        near = 2 / 3 - distance**2 * (1 - distance / 2)
        far = np.maximum(2 - distance, 0.0) ** 3 / 6
        mirrored = np.abs(nearest + tap) % period
        column = np.minimum(mirrored, period - mirrored) if cells > 1 else np.zeros_like(nearest)
        np.add.at(table, (np.arange(len(positions)), column), np.where(distance < 1, near, far))
    return table


def upsample(response: ArrayLike, upsampling: int) -> FloatArray:
    """Bicubic upsampling of responses (..., m, m) to (..., m · upsampling, m · upsampling).

    See `upsampling_matrix`, which is applied to the rows and to the columns.
    """
    cells = np.asarray(response, dtype=np.float64)
    count = cells.shape[-1]
    matrix = upsampling_matrix(count, upsampling)
    # A product of this size at once would wake BLAS's threads, which then spin on the cores that
    # the network needs; in pieces each is too small for that.
    pieces = (matrix @ cells).reshape(*cells.shape[:-2], count, upsampling, count)
    return (pieces @ matrix.T).reshape(*cells.shape[:-2], len(matrix), len(matrix))


@cache
def hann_window(count: int) -> FloatArray:
    """Cosine window (count, count) that sums to 1, highest between the middle samples; read-only.

    Its outermost samples are 0, unless there are only one or two.
    """
    profile = np.hanning(count) if count > 2 else np.ones(count)
    profile = (profile + profile[::-1]) / 2  # to the last bit, so that it favours no side
    window = np.outer(profile, profile)
    window /= window.sum()
    window.flags.writeable = False
    return window


def peak_position(surface: FloatArray) -> FloatArray:
    """Position (x, y) of the highest sample of (H, W), refined between samples by a parabola.

    Per axis the vertex of the parabola through the peak and its two neighbours. Of two equal
    neighbours it takes the middle, so that mirroring the surface mirrors the answer though the
    first of them is found; without contrast the answer is the centre. The fraction is rounded to
    a millionth of a sample, which takes away the noise of summation.
    """
    height, width = surface.shape
    row, column = divmod(int(surface.argmax()), width)
    if surface[row, column] == surface.min():
        return np.array([(width - 1) / 2, (height - 1) / 2])
    return np.array([_vertex(surface[row], column), _vertex(surface[:, column], row)])


def _vertex(profile: FloatArray, peak: int) -> float:
    if not 0 < peak < len(profile) - 1:
        return float(peak)
    before, here, after = (float(value) for value in profile[peak - 1 : peak + 2])
    curvature = 2 * here - before - after
    if curvature <= 0:
        return float(peak)
    return peak + round((after - before) / (2 * curvature), 6)


def sample_to_response(position: ArrayLike, upsampling: int) -> FloatArray:
    """Positions on the upsampled response, as cells of the response.

    >>> sample_to_response([0, 135.5], upsampling=16)
    array([-0.46875,  8.     ])
    """
    return np.asarray((np.asarray(position, dtype=np.float64) + 0.5) / upsampling - 0.5)


def response_to_crop(peak_response: ArrayLike, cells: int, stride: int) -> FloatArray:
    """Displacement from the centre of the search image, crop pixels, of peaks (..., 2) in cells.

    >>> response_to_crop([8, 10], cells=17, stride=8)
    array([ 0., 16.])
    """
    return np.asarray((np.asarray(peak_response, dtype=np.float64) - (cells - 1) / 2) * stride)


def displacement_to_frame(displacement_crop: ArrayLike, side: ArrayLike, size: int) -> FloatArray:
    """Displacements (..., 2) in crop pixels, as frame pixels; `side` (...,) of the scale that won.

    >>> displacement_to_frame([0, 16], side=510, size=255)
    array([ 0., 32.])
    """
    ratio = np.asarray(side, dtype=np.float64) / size
    return np.asarray(np.asarray(displacement_crop, dtype=np.float64) * ratio[..., None])
