"""Follow any object through a video from one box.

>>> import siamfc
>>> results = siamfc.track("video.mp4", [(120, 80, 60, 40)])  # doctest: +SKIP

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
    from siamfc.network import EmbeddingSpec, Matcher, load_matcher
    from siamfc.tracking import FrameResult, Tracker, TrackerSettings, track

_HOME = {
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
    "Tracker": "tracking",
    "TrackerSettings": "tracking",
    "load_matcher": "network",
    "open_source": "frames",
    "open_writer": "frames",
    "read_image": "frames",
    "track": "tracking",
}
"""The room that each public name comes from."""

__all__ = [
    "CheckpointError",
    "DatasetError",
    "EmbeddingSpec",
    "Frame",
    "FrameResult",
    "FrameSource",
    "InputError",
    "Matcher",
    "MissingDependencyError",
    "OutputError",
    "SiamFCError",
    "SourceError",
    "Tracker",
    "TrackerSettings",
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
    if name not in _HOME:
        raise AttributeError(f"module 'siamfc' has no attribute {name!r}")
    value = getattr(import_module(f"siamfc.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
