"""Follow any object through a video, given only its box in the first frame.

>>> import siamfc
>>> track = siamfc.track("video.mp4", box=(120, 80, 60, 40))  # doctest: +SKIP

What comes is a track. Loop over it for one result a frame, as they are found; or ask it for all:

>>> for result in track:  # doctest: +SKIP
...     print(result.index, result.boxes[0], result.scores[0])
>>> track.save("tracked.mp4")  # the film; boxes.csv, .jsonl or .txt: the boxes  # doctest: +SKIP
>>> table = track.to_pandas()  # doctest: +SKIP

A box is x, y, w, h in pixels from the frame's top left corner. A program that gets its pictures
one by one, (H, W, 3) uint8 RGB, tracks with `init` and `update`:

>>> tracker = siamfc.Tracker.from_pretrained("default")  # doctest: +SKIP
>>> tracker.init(image, box)  # doctest: +SKIP
>>> box = tracker.update(next_image)  # doctest: +SKIP

Names are imported when they are first used, so that `import siamfc` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siamfc.errors import (
        CheckpointError,
        DatasetError,
        InputError,
        MissingDependencyError,
        OutputError,
        SiamFCError,
        SourceError,
    )
    from siamfc.frames import Frame, FrameSource, open_source, open_writer, read_image
    from siamfc.network import BoxMatcher, EmbeddingSpec, Matcher, load_matcher
    from siamfc.tracking import (
        FrameResult,
        LightSettings,
        SiamFCSettings,
        Track,
        Tracker,
        track,
    )

_EXPORTS = {
    "BoxMatcher": "network",
    "LightSettings": "tracking",
    "CheckpointError": "errors",
    "DatasetError": "errors",
    "EmbeddingSpec": "network",
    "Frame": "frames",
    "FrameResult": "tracking",
    "FrameSource": "frames",
    "InputError": "errors",
    "Matcher": "network",
    "MissingDependencyError": "errors",
    "OutputError": "errors",
    "SiamFCError": "errors",
    "SourceError": "errors",
    "Track": "tracking",
    "Tracker": "tracking",
    "SiamFCSettings": "tracking",
    "load_matcher": "network",
    "open_source": "frames",
    "open_writer": "frames",
    "read_image": "frames",
    "track": "tracking",
}
"""The room that each public name comes from."""

__all__ = [
    "BoxMatcher",
    "CheckpointError",
    "DatasetError",
    "EmbeddingSpec",
    "Frame",
    "FrameResult",
    "FrameSource",
    "InputError",
    "LightSettings",
    "Matcher",
    "MissingDependencyError",
    "OutputError",
    "SiamFCError",
    "SiamFCSettings",
    "SourceError",
    "Track",
    "Tracker",
    "__version__",
    "load_matcher",
    "open_source",
    "open_writer",
    "read_image",
    "track",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from siamfc.system import version

        return version()
    if name not in _EXPORTS:
        raise AttributeError(f"module 'siamfc' has no attribute {name!r}")
    value = getattr(import_module(f"siamfc.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
