"""Array types used in annotations, defined once."""

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
ByteImage = NDArray[np.uint8]
"""RGB image (H, W, 3) or mask (H, W)."""
FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


def empty_bools() -> BoolArray:
    """Return an array without elements, the default of a field."""
    return np.zeros(0, np.bool_)


def empty_floats() -> FloatArray:
    """Return an array without elements, the default of a field."""
    return np.zeros(0)
