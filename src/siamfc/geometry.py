"""Coordinates in frame, crop and response: the only copy of these formulas.

Three spaces, each named in the suffix of a coordinate, always in the order (x, y):

- `frame`: pixels of the frame with continuous edges; pixel 0 spans [0, 1).
- `crop`: pixels of a square image resampled from the frame, also with continuous edges.
- `response`: cells of the network's response; cell 0 is *at* 0, the centre of m cells is (m − 1)/2.

A crop of `size` pixels centred on `center_frame` shows a square of `side` frame pixels. Pixel i of
it samples the frame, per axis, at pixel index center + (i + 0.5 − size/2) · side/size − 0.5.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import FloatArray
from siamfc.cropping import PictureCropper as PictureCropper
from siamfc.cropping import as_image as as_image
from siamfc.cropping import cell_size as cell_size
from siamfc.cropping import crop as crop
from siamfc.cropping import crop_scales as crop_scales
from siamfc.cropping import mean_color as mean_color

# --- The square that the network looks at ---------------------------------------------------------


CONTEXT_AMOUNT = 0.5
"""Default margin around a target as a fraction of w + h, from the paper."""


def exemplar_side(size: ArrayLike, context_amount: float = CONTEXT_AMOUNT) -> FloatArray:
    """Side of the square around a target that the exemplar image shows, in frame pixels.

    With the margin m = context_amount · (w + h), the side is sqrt((w + m)(h + m)): the square has
    the area of the box with its margin (Bertinetto et al. 2016, section 2.3; thesis 3.1.2).

    Args:
        size: (w, h) of the target, (..., 2), frame pixels.
        context_amount: fraction of w + h added to each side length.

    Returns:
        (...,) frame pixels.

    >>> float(exemplar_side([40, 40]))
    80.0
    """
    sizes = np.asarray(size, dtype=np.float64)
    margin = context_amount * sizes.sum(axis=-1)
    return np.asarray(np.sqrt((sizes[..., 0] + margin) * (sizes[..., 1] + margin)))


def search_side(exemplar: ArrayLike, exemplar_size: int, search_size: int) -> FloatArray:
    """Side of the square that the search image shows, at the magnification of the exemplar.

    >>> float(search_side(127.0, exemplar_size=127, search_size=255))
    255.0
    """
    return np.asarray(np.asarray(exemplar, dtype=np.float64) * (search_size / exemplar_size))


def crop_to_frame(
    points_crop: ArrayLike, center_frame: ArrayLike, side: float, size: int
) -> FloatArray:
    """Convert points (..., 2) from crop to frame coordinates.

    >>> crop_to_frame([127.5, 0], center_frame=[100, 50], side=510, size=255)
    array([ 100., -205.])
    """
    offset = np.asarray(points_crop, dtype=np.float64) - size / 2
    return np.asarray(np.asarray(center_frame, dtype=np.float64) + offset * (side / size))


def frame_to_crop(
    points_frame: ArrayLike, center_frame: ArrayLike, side: float, size: int
) -> FloatArray:
    """Convert points (..., 2) from frame to crop coordinates: the inverse of `crop_to_frame`."""
    offset = np.asarray(points_frame, dtype=np.float64) - np.asarray(center_frame)
    return np.asarray(offset * (size / side) + size / 2)


# --- The response ---------------------------------------------------------------------------------


@cache
def upsampling_matrix(cells: int, upsampling: int) -> FloatArray:
    """Bicubic interpolation from `cells` to cells · upsampling samples, as a read-only matrix.

    Sample j lies at cell (j + 0.5)/upsampling − 0.5. The interpolant is the cubic spline through
    the cells, mirrored at the outermost ones. The authors' MATLAB code uses the cheaper cubic
    convolution (Keys 1981), which pulls peaks towards the cells; a spline, smooth in its second
    derivative, leaves them nearly in place.
    """
    positions = (np.arange(cells * upsampling) + 0.5) / upsampling - 0.5
    # A spline is a sum of bumps at the cells, weighted so that it passes through the values.
    at_cells = _spline_weights(np.arange(cells, dtype=np.float64), cells)
    matrix = _spline_weights(positions, cells) @ np.linalg.inv(at_cells)
    matrix.flags.writeable = False
    return matrix


def _spline_weights(positions: FloatArray, cells: int) -> FloatArray:
    """Evaluate cubic B-splines of cells and their mirror images at positions (P,): (P, cells)."""
    table = np.zeros((len(positions), cells))
    nearest = np.floor(positions).astype(int)
    period = max(2 * (cells - 1), 1)
    for tap in range(-1, 3):
        distance = np.abs(positions - (nearest + tap))
        near = 2 / 3 - distance**2 * (1 - distance / 2)
        far = np.maximum(2 - distance, 0.0) ** 3 / 6
        mirrored = np.abs(nearest + tap) % period
        column = np.minimum(mirrored, period - mirrored)
        np.add.at(table, (np.arange(len(positions)), column), np.where(distance < 1, near, far))
    return table


def upsample(response: ArrayLike, upsampling: int) -> FloatArray:
    """Bicubic upsampling of responses (..., m, m) to (..., m · upsampling, m · upsampling).

    `upsampling_matrix` is applied to the rows and the columns.
    """
    cells = np.asarray(response, dtype=np.float64)
    count = cells.shape[-1]
    matrix = upsampling_matrix(count, upsampling)
    # One product of this size would wake BLAS's threads, which then spin on the cores that the
    # network needs; smaller products do not.
    pieces = (matrix @ cells).reshape(*cells.shape[:-2], count, upsampling, count)
    return (pieces @ matrix.T).reshape(*cells.shape[:-2], len(matrix), len(matrix))


@cache
def hann_window(count: int) -> FloatArray:
    """Cosine window (count, count) that sums to 1 and peaks at the middle samples; read-only.

    Its outermost samples are 0 unless there are only one or two.
    """
    profile = np.hanning(count) if count > 2 else np.ones(count)
    profile = profile + profile[::-1]  # symmetric to the last bit: no side is favoured
    window = np.outer(profile, profile)
    window /= window.sum()
    window.flags.writeable = False
    return window


def peak_position(surface: FloatArray) -> FloatArray:
    """Position (x, y) of the highest sample of (H, W), refined between samples by a parabola.

    Per axis, this is the vertex of the parabola through the peak and its two neighbours. Between
    two equal neighbouring peaks the vertex is in the middle, so mirroring the surface mirrors the
    position. A flat surface peaks at its centre. The fraction is rounded to a millionth of a sample
    to remove summation noise.
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
    """Convert positions on the upsampled response to cells of the response.

    >>> sample_to_response([0, 135.5], upsampling=16)
    array([-0.46875,  8.     ])
    """
    return np.asarray((np.asarray(position, dtype=np.float64) + 0.5) / upsampling - 0.5)


def response_to_crop(peak_response: ArrayLike, cells: int, stride: int) -> FloatArray:
    """Convert peaks (..., 2) in cells to displacements from the search image's centre, crop pixels.

    >>> response_to_crop([8, 10], cells=17, stride=8)
    array([ 0., 16.])
    """
    return np.asarray((np.asarray(peak_response, dtype=np.float64) - (cells - 1) / 2) * stride)


def displacement_to_frame(displacement_crop: ArrayLike, side: ArrayLike, size: int) -> FloatArray:
    """Convert displacements (..., 2) from crop to frame pixels; `side` (...,) is the best scale's.

    >>> displacement_to_frame([0, 16], side=510, size=255)
    array([ 0., 32.])
    """
    ratio = np.asarray(side, dtype=np.float64) / size
    return np.asarray(np.asarray(displacement_crop, dtype=np.float64) * ratio[..., None])
