"""Follow any object through a video, given only its box in the first frame.

>>> import siamfc
>>> track = siamfc.track("video.mp4", box=(120, 80, 60, 40))  # doctest: +SKIP

The result is a track. Loop over it for one result per frame, while it tracks; or ask for all:

>>> for result in track:  # doctest: +SKIP
...     print(result.index, result.box, result.score)
>>> track.save("tracked.mp4")  # the video; boxes.csv, .jsonl or .txt: the boxes  # doctest: +SKIP
>>> table = track.to_pandas()  # doctest: +SKIP

A box is x, y, w, h in pixels from the frame's top left corner. A program that receives its
pictures one by one, (H, W, 3) uint8 RGB, tracks with `init` and `update`:

>>> tracker = siamfc.Tracker.from_pretrained("default")  # doctest: +SKIP
>>> tracker.init(image, box)  # doctest: +SKIP
>>> box = tracker.update(next_image)  # doctest: +SKIP

Names are imported when they are first used, so that `import siamfc` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# OpenMP reads this once, when torch is first imported, which no module of this package does before
# this one has run. By default torch's threads spin while they wait, and then training took 4 to 10
# times as long beside other work. Child processes inherit it; the user's own setting is kept.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from siamfc.errors import CheckpointError as CheckpointError
    from siamfc.errors import DatasetError as DatasetError
    from siamfc.errors import InputError as InputError
    from siamfc.errors import MissingDependencyError as MissingDependencyError
    from siamfc.errors import OutputError as OutputError
    from siamfc.errors import SiamFCError as SiamFCError
    from siamfc.errors import SourceError as SourceError
    from siamfc.frames import Frame as Frame
    from siamfc.frames import FrameSource as FrameSource
    from siamfc.frames import open_source as open_source
    from siamfc.frames import open_writer as open_writer
    from siamfc.frames import read_image as read_image
    from siamfc.network import BoxMatcher as BoxMatcher
    from siamfc.network import EmbeddingSpec as EmbeddingSpec
    from siamfc.network import Matcher as Matcher
    from siamfc.network import load_matcher as load_matcher
    from siamfc.tracking import FrameResult as FrameResult
    from siamfc.tracking import LightSettings as LightSettings
    from siamfc.tracking import SiamFCSettings as SiamFCSettings
    from siamfc.tracking import Track as Track
    from siamfc.tracking import Tracker as Tracker
    from siamfc.tracking import read_results as read_results
    from siamfc.tracking import track as track

_EXPORTS = {
    "errors": (
        "CheckpointError",
        "DatasetError",
        "InputError",
        "MissingDependencyError",
        "OutputError",
        "SiamFCError",
        "SourceError",
    ),
    "frames": ("Frame", "FrameSource", "open_source", "open_writer", "read_image"),
    "network": ("BoxMatcher", "EmbeddingSpec", "Matcher", "load_matcher"),
    "tracking": (
        "FrameResult",
        "LightSettings",
        "SiamFCSettings",
        "Track",
        "Tracker",
        "read_results",
        "track",
    ),
}
"""Public names by the package that they are imported from."""

_PACKAGE_OF = {name: package for package, names in _EXPORTS.items() for name in names}
__all__ = sorted([*_PACKAGE_OF, "__version__"])  # derived, so that it is written once


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from siamfc.system import version

        return version()
    if name not in _PACKAGE_OF:
        raise AttributeError(f"module 'siamfc' has no attribute {name!r}")
    value = getattr(import_module(f"siamfc.{_PACKAGE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
