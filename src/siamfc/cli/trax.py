"""`siamfc trax`."""

from typing import Literal

from siamfc.cli.parameters import Device, Flag, SearchOptions, Threads, Weights
from siamfc.network import DEFAULT_WEIGHTS

_SEARCH = SearchOptions()


def trax(
    *,
    weights: Weights = DEFAULT_WEIGHTS,
    search: SearchOptions = _SEARCH,
    device: Device = "auto",
    threads: Threads = None,
    index_base: Literal["0", "1"] = "0",
    polygon: Flag = False,
) -> None:
    """Serve a TraX client, such as the VOT toolkit.

    Answers on standard input and output until the client quits. In the toolkit's trackers.ini this
    is `protocol = trax` and `command = siamfc trax`.

    Parameters
    ----------
    search
        How to search for the object.
    index_base
        The client's number of the first pixel: 0 by TraX itself; 1 for VOT's data sets with
        rectangles or polygons.
    polygon
        Answer with polygons of four corners instead of rectangles.
    """
    from siamfc.evaluation import PretrainedTracker
    from siamfc.evaluation.trackers.trax_server import TraxSettings, serve

    tracker = PretrainedTracker(
        weights=weights,
        device=device,
        threads=threads,
        settings=search.settings(weights),
    )
    serve(tracker(), TraxSettings(index_base=float(index_base), polygon=polygon))
