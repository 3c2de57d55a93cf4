"""Third-party trackers: Python classes and functions by name, OpenCV's, and TraX programs.

Each is a factory like `PretrainedTracker`: it can be sent to other processes, makes a tracker when
called, and describes it for the record of a run.
"""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import ArrayLike

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.evaluation.runs import SingleTargetTracker

Step = Callable[[ByteImage, Any], ArrayLike]
TrackerGenerator = Callable[[ByteImage, FloatArray], Generator[ArrayLike | None, ByteImage, None]]


class RecordedFactory(Protocol):
    """A function that makes a tracker and describes it for the record."""

    def __call__(self) -> SingleTargetTracker:
        """Make a new tracker."""
        ...

    def record(self) -> dict[str, Any]:
        """Return all that determines the boxes, as far as it is known."""
        ...


def parse_tracker(text: str) -> RecordedFactory:
    """Return the tracker that a text names.

    Args:
        text: `opencv:CSRT`, see `opencv`; `trax:COMMAND`; or `module:name` of a class with `init`
            and `update`, of a function without arguments that makes such a tracker, or of a
            function for `FunctionTracker`.

    Raises:
        InputError: the text names none of these.
    """
    kind, colon, rest = text.partition(":")
    if not (kind and colon and rest):
        raise InputError(
            f"tracker: expected opencv:NAME, trax:COMMAND or module:name, got {text!r}"
        )
    if kind == "opencv":
        from siamfc.evaluation.trackers.opencv import parse_opencv

        return parse_opencv(rest)
    if kind == "trax":
        from siamfc.evaluation.trackers.trax_client import TraxProgram

        return TraxProgram(command=rest)
    if not all(part.isidentifier() for part in kind.split(".")):
        raise InputError(
            f"tracker: expected module:name, the module as in `import` and not a path, got {text!r}"
        )
    return ImportedTracker(module=kind, name=rest)


@dataclass(frozen=True, kw_only=True)
class ImportedTracker:
    """A tracker class, tracker factory or tracking function, by name."""

    module: str
    """Module as in `import`, also searched in the working folder."""
    name: str
    """Name in the module; dots lead into classes."""

    def __call__(self) -> SingleTargetTracker:
        """Make the tracker.

        Raises:
            InputError: the name does not exist or is not a tracker.
        """
        found = self._find()
        if callable(found) and not inspect.isclass(found) and _positional(found) == 2:
            return FunctionTracker(found)
        tracker = found() if callable(found) else found
        if not (callable(getattr(tracker, "init", None)) and hasattr(tracker, "update")):
            raise InputError(
                f"tracker {self.module}:{self.name}: expected something with init(image, box) and "
                f"update(image), got {type(tracker).__name__}"
            )
        made: SingleTargetTracker = tracker
        return made

    def record(self) -> dict[str, Any]:
        """Return its name and the SHA-256 of its file."""
        found = self._find()
        file = inspect.getsourcefile(found) if callable(found) else None
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        return {"name": f"{self.module}:{self.name}", "digest": digest}

    def _find(self) -> Any:
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        try:
            found: Any = importlib.import_module(self.module)
            for part in self.name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"tracker {self.module}:{self.name}: it cannot be imported ({error})"
            ) from None
        return found


class FunctionTracker:
    """A function as a tracker.

    Args:
        function: either a function of a frame and the previous frame's box, which returns the box
            in this frame; or a generator function of the first frame and its box, which is sent
            frames and yields their boxes. Its first yield is ignored.

    >>> import numpy as np
    >>> def drift(image, box):
    ...     return box + [1, 0, 0, 0]
    >>> tracker = FunctionTracker(drift)
    >>> tracker.init(None, np.array([3.0, 4, 10, 10]))
    >>> tracker.update(None)
    array([ 4.,  4., 10., 10.])
    """

    def __init__(self, function: Step | TrackerGenerator) -> None:
        self._function: Any = function
        self._generator: Any = None
        self._box: Any = None

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Store the target's box."""
        self._box = box
        if inspect.isgeneratorfunction(self._function):
            self._generator = self._function(image, box)
            next(self._generator)

    def update(self, image: ByteImage) -> ArrayLike:
        """Call the function for the next box."""
        if self._generator is not None:
            self._box = self._generator.send(image)
        else:
            self._box = self._function(image, self._box)
        answer: ArrayLike = self._box
        return answer


def _positional(function: Callable[..., object]) -> int:
    """Return the number of a function's required positional arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some built-in functions have no signature
        return 0
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds and one.default is one.empty for one in parameters)
