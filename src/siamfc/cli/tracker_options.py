"""Options of siamfc's own tracker, shared by the verbs that run it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from siamfc.cli.parameters import Assignments, Device, Threads, Weights, Whole
from siamfc.network import DEFAULT_WEIGHTS, Network, load_matcher

if TYPE_CHECKING:
    from siamfc.evaluation import PretrainedTracker
    from siamfc.tracking import Settings

_Scales = Annotated[
    Whole | None,
    Parameter(
        help="Scales to search in each frame: an odd number, 3 by default. "
        "Only for networks that search scales: --weights siamfc."
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Search settings of siamfc's tracker."""

    scales: _Scales = None
    update: Literal["none", "previous", "average", "sure", "both", "recent"] | None = None
    """Appearance to search for. none: the object as in the first frame. previous: as in the
    previous frame. average: a moving average. sure: a moving average of frames with a high score.
    both: the first frame and such an average together. recent: the first frame and a recent one
    with a high score together. By default recent with --weights light and none with siamfc.
    """
    search_again: Annotated[bool | None, Parameter(negative="--no-search-again", n_tokens=0)] = None
    """Search the whole frame for a lost object, which takes several times as long while it is lost.
    On by default with --weights light, off with siamfc.
    """
    assignments: Assignments = None
    """NAME=VALUE changes one of the tracker's settings, such as window_influence=0.3 or
    lost.lost_threshold=0.5; may be given several times.
    """

    def settings_for(self, weights: str) -> "Settings":
        """Return the tracker's settings with these weights."""
        from siamfc.overrides import change, read_assignments
        from siamfc.tracking import settings_for_weights

        settings = settings_for_weights(
            weights, self.scales, update=self.update, search_again=self.search_again
        )
        return change(settings, read_assignments(self.assignments or ()), title="settings")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Weights of the network, and where it runs."""

    weights: Weights = DEFAULT_WEIGHTS
    device: Device = "auto"
    threads: Threads = None

    def load(self) -> Network:
        """Load the network."""
        return load_matcher(self.weights, device=self.device, threads=self.threads)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrackerOptions(SearchOptions, NetworkOptions):
    """The tracker: its network, and how it searches."""

    @property
    def settings(self) -> "Settings":
        """The tracker's settings."""
        return self.settings_for(self.weights)

    def make(self) -> "PretrainedTracker":
        """Return the tracker for an evaluation, which loads its network when it is called."""
        from siamfc.evaluation import PretrainedTracker

        return PretrainedTracker(
            weights=self.weights, device=self.device, threads=self.threads, settings=self.settings
        )
