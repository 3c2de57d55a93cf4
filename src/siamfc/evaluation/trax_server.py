"""A tracker as a TraX server: the VOT toolkit, or any TraX client, asks it over the pipes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from siamfc.data.sequences import FloatArray
from siamfc.errors import InputError, SiamFCError
from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.evaluation.trax_regions import array_of, box_of, import_trax, region_of
from siamfc.system import version


@dataclass(frozen=True, kw_only=True)
class TraxSettings:
    """How the server speaks."""

    index_base: float = 0.0
    """The number that the client gives to the first pixel: 0 by the protocol, 1 in VOT's data sets
    with rectangles or polygons."""
    polygon: bool = False
    """Whether to answer with polygons in place of rectangles."""


def serve(tracker: SingleTargetTracker, settings: TraxSettings | None = None) -> int:
    """Answer a client on standard input and output until it quits: the count of frames.

    Where the environment variable `TRAX_SOCKET` names a port, that is used. Paths, raw pixels and
    encoded files are understood as images; rectangles, polygons and masks as targets, of which
    the upright box is followed.

    Raises:
        MissingDependencyError: vot-trax isn't installed.
        SiamFCError: a target or an image that cannot be used; the client is told too.
    """
    trax = import_trax()
    session = _Session(tracker, settings or TraxSettings())
    server = trax.Server(
        [trax.Region.RECTANGLE, trax.Region.POLYGON],
        [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER],
        tracker_name="siamfc",
        tracker_description=f"siamfc {version()}",
        tracker_family="SiamFC",
    )
    try:
        while True:
            request = server.wait()
            if request.type == trax.TraxStatus.QUIT:
                server.quit()
                return session.frames
            server.status(session.answer(request))
    except SiamFCError as error:
        server.quit(str(error))
        raise
    except trax.TraxException as error:
        raise InputError(f"the TraX client broke off: {error}") from None


class _Session:
    """A tracker and what it needs to answer requests."""

    def __init__(self, tracker: SingleTargetTracker, settings: TraxSettings) -> None:
        self.frames = 0
        self._tracker, self._settings = tracker, settings

    def answer(self, request: Any) -> list[tuple[Any, dict[str, str]]]:
        """The region of the one target, with the tracker's confidence where it has one."""
        image = array_of(next(iter(request.image.values())))
        if request.objects:
            if len(request.objects) > 1:
                raise InputError(f"expected one target, got {len(request.objects)}")
            box = box_of(request.objects[0][0], index_base=self._settings.index_base)
            self._tracker.init(image, box)
        elif not self.frames:
            raise InputError("expected a target before the first frame, got none")
        else:
            box = np.asarray(self._tracker.update(image), dtype=np.float64)
        self.frames += 1
        return [(self._region(box), self._properties())]

    def _region(self, box: FloatArray) -> Any:
        settings = self._settings
        return region_of(box, index_base=settings.index_base, polygon=settings.polygon)

    def _properties(self) -> dict[str, str]:
        score = getattr(self._tracker, "score", None)
        return {} if score is None else {"confidence": f"{float(score):.6f}"}
