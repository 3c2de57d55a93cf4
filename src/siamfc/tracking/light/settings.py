"""Settings of the tracker with a network that predicts boxes."""

from dataclasses import dataclass, field

from siamfc.checks import check_number
from siamfc.network.light.decoding import Decoding
from siamfc.tracking.exemplar_update import UpdateSettings, first_and_recent
from siamfc.tracking.redetection import LostSettings


def _lost() -> LostSettings:
    """Thresholds on a score that is the probability that the box is right.

    Read from what `benchmarks/calibration.py` prints of procedural videos: the least sure 0.5 % of
    right boxes count as lost, as do 73 % of those whose target is hidden or away. A lost target
    is searched for in the whole frame. One that was hidden mostly reappears where it went, so
    anything similar elsewhere needs a higher score.
    """
    return LostSettings(lost_threshold=0.4, found_threshold=0.8, relocate_threshold=0.98, windows=3)


@dataclass(frozen=True, kw_only=True)
class LightSettings(Decoding):
    """How scores and boxes of all cells become one box (Li et al. 2018, SiamRPN, section 3.4)."""

    smallest_scale: float = 0.1
    """Smallest width and height that a target may shrink to, as a fraction of its first."""
    largest_scale: float = 10.0
    """Largest width and height that a target may grow to, as a multiple of its first."""
    update: UpdateSettings = field(default_factory=first_and_recent)
    """How the exemplar follows later frames."""
    lost: LostSettings = field(default_factory=_lost)
    """When a target counts as lost, and where to search for it then."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("smallest_scale", self.smallest_scale, 0.001, 1)
        check_number("largest_scale", self.largest_scale, 1, 1000)
