"""TraX's regions and images, of the package `vot-trax`, as boxes and arrays, and back.

TraX (Čehovin, 2017) is the protocol by which the VOT toolkit speaks to trackers.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from siamfc.boxes import as_box, from_mask, from_polygon
from siamfc.data.sequences import FloatArray
from siamfc.errors import InputError, MissingDependencyError, SourceError
from siamfc.frames import check_image, read_image


def import_trax() -> Any:
    """The package `trax`.

    Raises:
        MissingDependencyError: it isn't installed.
    """
    try:
        import trax
        import trax.client
        import trax.server
    except ImportError:
        raise MissingDependencyError(
            "TraX needs the package vot-trax: install it with `pip install 'siamfc[trax]'`"
        ) from None
    return trax


def box_of(region: Any, *, index_base: float) -> FloatArray:
    """The upright box (4,) of a rectangle, polygon or mask; pixels are 0-based in it.

    Args:
        region: of `trax`.
        index_base: the number that the other side gives to the first pixel; masks have none.

    Raises:
        InputError: a region without area, or of another kind.
    """
    trax = import_trax()
    shift = np.array([index_base, index_base, 0, 0])
    if region.type == trax.Region.RECTANGLE:
        return as_box(np.array(region.bounds()) - shift)
    if region.type == trax.Region.POLYGON:
        return as_box(from_polygon(np.array(list(region)).ravel()) - shift)
    if region.type == trax.Region.MASK:
        x, y = region.offset()
        return as_box(from_mask(region.array()) + np.array([x, y, 0, 0]))
    raise InputError(f"expected a rectangle, polygon or mask, got a region {region.type!r}")


def region_of(box: FloatArray, *, index_base: float, polygon: bool = False) -> Any:
    """A rectangle, or a polygon of four corners, of `trax`."""
    trax = import_trax()
    x, y, w, h = (float(value) for value in box)
    x, y = x + index_base, y + index_base
    if polygon:
        return trax.Polygon.create([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    return trax.Rectangle.create(x, y, w, h)


def array_of(image: Any) -> NDArray[np.uint8]:
    """An image of `trax`, a path, raw pixels or an encoded file, as (H, W, 3) uint8 RGB.

    Raises:
        SourceError: it cannot be read.
    """
    trax = import_trax()
    if image.type() == trax.Image.PATH:
        return read_image(Path(image.path()))
    if image.type() == trax.Image.MEMORY:
        pixels = image.array()
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2 or pixels.shape[2] == 1:
            pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
        return check_image(pixels)
    if image.type() == trax.Image.BUFFER:
        try:
            with Image.open(io.BytesIO(image.buffer())) as decoded:
                return np.asarray(decoded.convert("RGB"))
        except OSError as error:
            raise SourceError(f"an encoded image that cannot be read: {error}") from None
    raise SourceError(f"expected a path, raw pixels or an encoded file, got {image.type()!r}")
