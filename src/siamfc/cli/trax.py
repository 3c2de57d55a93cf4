"""`siamfc trax`."""

from typing import Literal

from siamfc.cli.parameters import Flag
from siamfc.cli.tracker_options import TrackerOptions

_TRACKER = TrackerOptions()


def trax(
    *,
    tracker: TrackerOptions = _TRACKER,
    index_base: Literal["0", "1"] = "0",
    polygon: Flag = False,
) -> None:
    """Serve a TraX client, such as the VOT toolkit.

    Answers on standard input and output until the client quits. In the toolkit's trackers.ini this
    is `protocol = trax` and `command = siamfc trax`.

    Parameters
    ----------
    tracker
        The tracker.
    index_base
        The client's number of the first pixel: 0 by TraX itself; 1 for VOT's data sets with
        rectangles or polygons.
    polygon
        Answer with polygons of four corners instead of rectangles.
    """
    from siamfc.evaluation.trackers.trax_server import TraxSettings, serve

    serve(tracker.make()(), TraxSettings(index_base=float(index_base), polygon=polygon))
