"""Bias correction: a network's systematic offset, measured where the centre is known."""

import numpy as np

from siamfc.array_types import ByteImage, FloatArray
from siamfc.network.matcher import Embedding, Matcher
from siamfc.tracking.siamfc.settings import SiamFCSettings
from siamfc.tracking.siamfc.targets import SiamFCTargets, read_displacement
from siamfc.tracking.targets import window_crops


def measure_offsets(
    targets: SiamFCTargets,
    exemplars: Embedding,
    image: ByteImage,
    fill: ByteImage,
    matcher: Matcher,
    settings: SiamFCSettings,
) -> FloatArray:
    """Measure the network's offset in the frame in which the targets were given.

    An exact tracker would find a target in its first frame precisely where it was given. A network
    is off by a fraction of a cell: its strides, its pooling and whatever surrounds the target pull
    the peak to one side, and will do so in the next frames. The offset depends on the position
    within a cell, so the peak is read in `settings.bias_correction`² search windows per target,
    shifted evenly over one cell, and averaged.

    Args:
        targets: N targets in their first frame, at their first size.
        exemplars: embeddings of the targets.
        image: the first frame.
        fill: (3,) colour outside the frame.
        matcher: the network.
        settings: settings of the tracker.

    Returns:
        (N, 2) offset right and down, pixels of the search image; at most half a cell.
    """
    spec, count = matcher.spec, settings.bias_correction
    along = ((np.arange(count) + 0.5) / count - 0.5) * spec.stride
    shifts = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    sides = np.repeat(targets.first_side, len(shifts))
    centers = np.repeat(targets.center_frame, len(shifts), axis=0)
    centers += np.tile(shifts, (len(targets), 1)) * (sides / spec.search_size)[:, None]
    crops = window_crops(image, centers, sides, spec.search_size, fill)
    responses = matcher.respond(exemplars, crops.reshape(len(targets), -1, *crops.shape[1:]))
    seen = [[read_displacement(one, settings, spec) for one in several] for several in responses]
    offsets = (np.array(seen) + shifts).mean(axis=1)
    return np.asarray(np.clip(offsets, -spec.stride / 2, spec.stride / 2))
