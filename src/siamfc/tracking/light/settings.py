"""Settings of the tracker for a network that predicts boxes."""

from dataclasses import dataclass, field

from siamfc.checks import check_number
from siamfc.network.light.decoding import Decoding
from siamfc.tracking.exemplar_update import UpdateSettings, first_and_recent
from siamfc.tracking.redetection import LostSettings


def _lost() -> LostSettings:
    """Return thresholds on a score that is the probability that the box is right.

    They come from the output of `benchmarks/calibration.py` on procedural videos: 0.5 % of the
    right boxes, those with the lowest score, count as lost, as do 73 % of the boxes whose target is
    hidden or absent. A lost target is searched for in the whole frame. A hidden target mostly
    reappears where it disappeared, so a similar object elsewhere needs a higher score.
    """
    return LostSettings(lost_threshold=0.4, found_threshold=0.8, relocate_threshold=0.98, windows=3)


@dataclass(frozen=True, kw_only=True)
class LightSettings(Decoding):
    """Selection of one box from all cells (Li et al. 2018, SiamRPN, section 3.4)."""

    smallest_scale: float = 0.1
    """Smallest width and height that a target may shrink to, as a fraction of its first."""
    largest_scale: float = 10.0
    """Largest width and height that a target may grow to, as a multiple of its first."""
    update: UpdateSettings = field(default_factory=first_and_recent)
    """Rule by which the exemplar follows later frames."""
    lost: LostSettings = field(default_factory=_lost)
    """Thresholds below which a target counts as lost, and the extent of the search for it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("smallest_scale", self.smallest_scale, 0.001, 1)
        check_number("largest_scale", self.largest_scale, 1, 1000)
