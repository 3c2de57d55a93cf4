"""Settings of a curation: the size of a crop, and the filters of targets."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError
from siamfc.geometry import CONTEXT_AMOUNT, exemplar_side

Box = tuple[float, float, float, float]
"""x, y, w, h in pixels of the frame."""


class Outcome(IntEnum):
    """Result of curation for a target in a frame: kept, or the reason for omitting it."""

    KEPT = 0
    NO_BOX = 1
    EMPTY_BOX = 2
    SMALL_SIDE = 3
    SMALL_AREA = 4
    LARGE_AREA = 5
    ASPECT = 6
    HIDDEN = 7
    OUTSIDE = 8
    SKIPPED = 9
    MISSING_IMAGE = 10
    UNREADABLE_IMAGE = 11


OUTCOME_TEXTS = {
    Outcome.KEPT: "kept",
    Outcome.NO_BOX: "absent or not annotated",
    Outcome.EMPTY_BOX: "box without area",
    Outcome.SMALL_SIDE: "a side too short",
    Outcome.SMALL_AREA: "too small a fraction of the frame",
    Outcome.LARGE_AREA: "too large a fraction of the frame",
    Outcome.ASPECT: "too long and thin",
    Outcome.HIDDEN: "too little of it visible",
    Outcome.OUTSIDE: "too little of it inside the frame",
    Outcome.SKIPPED: "between the frames that are taken",
    Outcome.MISSING_IMAGE: "image missing",
    Outcome.UNREADABLE_IMAGE: "image unreadable",
}


@dataclass(frozen=True, kw_only=True)
class CurationSettings:
    """Size and quality of the crops, and the filters.

    The filters are those common in the field, but much wider: the GOT-10k toolkit's training code
    requires sides of 20 to 500 pixels, 1 to 50 % of the frame's, and aspect ratios within 1:4, but
    a tracker meets smaller and larger targets than that.

    Attributes:
        exemplar_size: side of the exemplar image in pixels, which determines the crop's scale.
        search_size: side of the search image in pixels, which must fit into the crop.
        context_amount: margin around the target as a fraction of w + h.
        max_shift: largest shift of the target by augmentation, in pixels of the search image.
        max_stretch: largest enlargement of the search area by augmentation, as a fraction.
        jpeg_quality: quality of the crops, 1 to 95; chroma is halved (4:2:0).
        frame_step: use every n-th frame of a track.
        least_side: minimum length of a box's shorter side, in pixels of the frame.
        least_area_share: minimum fraction of the frame that a box covers.
        most_area_share: maximum fraction of the frame that a box covers.
        most_aspect: maximum ratio of a box's longer to its shorter side.
        least_visibility: minimum visible fraction, where the data set states it.
        least_inside: minimum fraction of a box that lies inside the frame.
    """

    exemplar_size: int = 127
    search_size: int = 255
    context_amount: float = CONTEXT_AMOUNT
    max_shift: float = 8.0
    max_stretch: float = 0.05
    jpeg_quality: int = 90
    frame_step: int = 1
    least_side: float = 10.0
    least_area_share: float = 0.0
    most_area_share: float = 0.75
    most_aspect: float = 5.0
    least_visibility: float = 0.3
    least_inside: float = 0.5

    def __post_init__(self) -> None:
        check_whole("exemplar_size", self.exemplar_size, 1)
        check_whole("search_size", self.search_size, self.exemplar_size)
        check_number("context_amount", self.context_amount, 0, 10)
        check_number("max_shift", self.max_shift, 0, self.search_size)
        check_number("max_stretch", self.max_stretch, 0, 1)
        check_whole("jpeg_quality", self.jpeg_quality, 1, 95)
        check_whole("frame_step", self.frame_step, 1)
        check_number("least_side", self.least_side, 1)
        for name in (
            "least_area_share", "most_area_share", "least_visibility", "least_inside"
        ):  # fmt: skip
            check_number(name, getattr(self, name), 0, 1)
        check_number("most_aspect", self.most_aspect, 1)
        if self.least_area_share > self.most_area_share:
            raise InputError(
                f"least_area_share: expected at most most_area_share, {self.most_area_share:g}, "
                f"got {self.least_area_share:g}"
            )

    @property
    def crop_size(self) -> int:
        """Side of a stored crop in pixels: (search_size + 2 · max_shift) · (1 + max_stretch).

        It is large enough for every search image that augmentation may cut out of it, shifted to
        either side and stretched. At the crop's scale the exemplar's square has `exemplar_size`
        pixels.
        """
        return math.ceil((self.search_size + 2 * self.max_shift) * (1 + self.max_stretch))

    def crop_side(self, size: FloatArray) -> FloatArray:
        """Return the side, frame pixels, of the square cropped around targets (..., 2)."""
        side = exemplar_side(size, self.context_amount)
        return np.asarray(side * (self.crop_size / self.exemplar_size))

    def boxes_crop(self, boxes: FloatArray) -> FloatArray:
        """Convert boxes (..., 4) of targets from the frame to their crops' pixels."""
        scale = self.crop_size / self.crop_side(boxes[..., 2:])
        sizes = boxes[..., 2:] * scale[..., None]
        return np.concatenate([(self.crop_size - sizes) / 2, sizes], axis=-1)


def outcome_by_annotation(
    box: Box, visibility: float, frame: int, settings: CurationSettings
) -> Outcome:
    """Judge a target by what is known without its image.

    Args:
        box: x, y, w, h in pixels of the frame; NaN where absent.
        visibility: visible fraction, NaN where unknown.
        frame: position in its sequence, from 0.
        settings: the filters.
    """
    if not all(map(math.isfinite, box)):
        return Outcome.NO_BOX
    width, height = box[2:]
    if frame % settings.frame_step:
        return Outcome.SKIPPED
    if width <= 0 or height <= 0:
        return Outcome.EMPTY_BOX
    if min(width, height) < settings.least_side:
        return Outcome.SMALL_SIDE
    if max(width, height) > settings.most_aspect * min(width, height):
        return Outcome.ASPECT
    if visibility < settings.least_visibility:  # false where unknown
        return Outcome.HIDDEN
    return Outcome.KEPT


def outcome_in_frame(box: Box, frame_size: tuple[int, int], settings: CurationSettings) -> Outcome:
    """Judge a target by its position in a frame of (width, height) pixels."""
    x, y, w, h = box
    width, height = frame_size
    area = w * h / (width * height)
    if area < settings.least_area_share:
        return Outcome.SMALL_AREA
    if area > settings.most_area_share:
        return Outcome.LARGE_AREA
    # Plain numbers, because arrays of four would cost more than all other tests.
    seen_width, seen_height = min(x + w, width) - max(x, 0), min(y + h, height) - max(y, 0)
    if max(seen_width, 0) * max(seen_height, 0) < settings.least_inside * w * h:
        return Outcome.OUTSIDE
    return Outcome.KEPT
