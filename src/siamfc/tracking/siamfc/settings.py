"""Settings of the tracker for SiamFC, and the published values."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError
from siamfc.tracking.exemplar_update import UpdateName, UpdateSettings, update_by_name
from siamfc.tracking.redetection import LostSettings, search_whole_frame


@dataclass(frozen=True, kw_only=True)
class SiamFCSettings:
    """Conversion of a response to a displacement.

    The defaults suit the weights that ship: they are the authors' values for three scales, except
    for the step and the penalty, which `benchmarks/tracker_settings.py` chose on procedural videos.
    """

    scales: int = 3
    """Number of sizes tried per frame, odd; the middle one is the current size."""
    scale_step: float = 1.05
    """Ratio between one scale and the next."""
    scale_penalty: float = 0.99
    """Factor on the peak of every scale other than the current one."""
    scale_damping: float = 0.59
    """Fraction of the scale change applied per frame."""
    window_influence: float = 0.176
    """Weight of the cosine window against the response."""
    upsampling: int = 16
    """Samples per cell of the response, per axis."""
    smallest_scale: float = 0.2
    """Smallest size that a target may shrink to, as a fraction of its first."""
    largest_scale: float = 5.0
    """Largest size that a target may grow to, as a multiple of its first."""
    bias_correction: int = 0
    """Number of shifts per axis, over one cell, at which the first frame is searched to measure the
    offset of the network's peak from the target's centre, which is then subtracted; 0: no
    correction."""
    update: UpdateSettings = field(default_factory=UpdateSettings)
    """Rule by which the exemplar follows later frames."""
    lost: LostSettings = field(default_factory=LostSettings)
    """Thresholds below which a target counts as lost, and the extent of the search for it."""

    def __post_init__(self) -> None:
        check_whole("scales", self.scales, 1, 99)
        if self.scales % 2 == 0:
            raise InputError(f"scales: expected an odd number, got {self.scales}")
        check_whole("upsampling", self.upsampling, 1, 64)
        check_whole("bias_correction", self.bias_correction, 0, 16)
        check_number("scale_step", self.scale_step, 1, 2)
        check_number("scale_penalty", self.scale_penalty, 0, 1)
        check_number("scale_damping", self.scale_damping, 0, 1)
        check_number("window_influence", self.window_influence, 0, 1)
        check_number("smallest_scale", self.smallest_scale, 0.001, 1)
        check_number("largest_scale", self.largest_scale, 1, 1000)

    @property
    def scale_factors(self) -> NDArray[np.float64]:
        """Sizes that are tried, as multiples of the current one, ascending: (scales,)."""
        half = self.scales // 2
        return np.power(self.scale_step, np.arange(-half, half + 1, dtype=np.float64))


def three_scales() -> SiamFCSettings:
    """Return the authors' values for three scales (SiamFC-3s)."""
    return SiamFCSettings(scale_step=1.0375, scale_penalty=0.9745)


def five_scales() -> SiamFCSettings:
    """Return the authors' values for five scales (SiamFC), the thesis's choice for real videos."""
    return SiamFCSettings(
        scales=5,
        scale_step=1.0255,
        scale_penalty=0.962,
        scale_damping=0.34,
        window_influence=0.168,
    )


def one_scale() -> SiamFCSettings:
    """Return values for a target of constant size, as in the thesis's synthetic video."""
    return SiamFCSettings(scales=1)


def settings_for(
    scales: int = 3, *, update: UpdateName = "none", search_again: bool = False
) -> SiamFCSettings:
    """Return the values for a number of scales: the defaults for one and three.

    Five and more scales get the published values for five; the range of sizes grows with their
    number.

    Args:
        scales: an odd number from 1 to 99.
        update: how the exemplar follows later frames; see `siamfc.tracking.exemplar_update`.
        search_again: search the whole frame for a lost target.

    Raises:
        InputError: another number of scales.

    >>> settings_for(5) == five_scales()
    True
    """
    if scales in (1, 3):
        settings = SiamFCSettings(scales=scales)
    else:
        settings = replace(five_scales(), scales=scales)
    lost = search_whole_frame() if search_again else settings.lost
    return replace(settings, update=update_by_name(update), lost=lost)
