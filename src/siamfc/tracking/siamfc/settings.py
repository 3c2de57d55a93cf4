"""Settings of the tracker with SiamFC, and the published values."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError
from siamfc.tracking.exemplar_update import UpdateName, UpdateSettings, update_by_name
from siamfc.tracking.redetection import LostSettings, search_all_over


@dataclass(frozen=True, kw_only=True)
class SiamFCSettings:
    """How a response becomes a displacement.

    The defaults are for the weights that ship: the authors' for three scales, but for the step and
    the penalty, which `benchmarks/tracker_settings.py` chose on procedural videos.
    """

    scales: int = 3
    """Number of sizes tried in each frame, odd; the middle one is the current size."""
    scale_step: float = 1.05
    """Ratio between one scale and the next."""
    scale_penalty: float = 0.99
    """Fraction of its peak that counts for a scale other than the current one."""
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
    """Shifts per axis, over one cell, at which the first frame is searched to measure how far the
    network's peak lies from the target's centre, which is then subtracted; 0: it isn't."""
    update: UpdateSettings = field(default_factory=UpdateSettings)
    """How the exemplar follows later frames."""
    lost: LostSettings = field(default_factory=LostSettings)
    """When a target counts as lost, and where to search for it then."""

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
        """The sizes that are tried, as multiples of the current one, ascending: (scales,)."""
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
    """Return values for a target whose size doesn't change, as in the thesis's synthetic video."""
    return SiamFCSettings(scales=1)


def settings_for(
    scales: int = 3, *, update: UpdateName = "none", search_again: bool = False
) -> SiamFCSettings:
    """Return the values for a number of scales: the defaults for one and three.

    Five have the published ones, and so have more, whose range of sizes grows with their number.

    Args:
        scales: an odd number from 1 to 99.
        update: how the exemplar follows later frames; see `siamfc.tracking.exemplar_update`.
        search_again: whether to search the whole frame for a lost target.

    Raises:
        InputError: another number of scales.

    >>> settings_for(5) == five_scales()
    True
    """
    if scales in (1, 3):
        settings = SiamFCSettings(scales=scales)
    else:
        settings = replace(five_scales(), scales=scales)
    lost = search_all_over() if search_again else settings.lost
    return replace(settings, update=update_by_name(update), lost=lost)
