"""Trackers of others: a class or function by its name, OpenCV's, and programs that speak TraX.

Each is a factory like `SiamFC`: it can be sent to other processes, makes a tracker when it is
called, and describes it for the record of a run.
"""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc.data.sequences import FloatArray
from siamfc.errors import InputError, MissingDependencyError
from siamfc.evaluation.runs import SingleTargetTracker

Step = Callable[[NDArray[np.uint8], Any], ArrayLike]
Follower = Callable[
    [NDArray[np.uint8], FloatArray], Generator[ArrayLike | None, NDArray[np.uint8], None]
]


class RecordedFactory(Protocol):
    """Makes a tracker and says for the record which."""

    def __call__(self) -> SingleTargetTracker: ...  # noqa: D102
    def record(self) -> dict[str, Any]:
        """All that decides where the boxes are, as far as it is known."""
        ...


def parse_tracker(text: str) -> RecordedFactory:
    """Find the tracker that a text stands for.

    Args:
        text: `opencv:CSRT`, `trax:COMMAND`, or `module:name` of a class with `init` and `update`,
            of a function without arguments that makes such a tracker, or of a function as
            `FunctionTracker` takes it.

    Raises:
        InputError: none of these.
    """
    kind, colon, rest = text.partition(":")
    if not (kind and colon and rest):
        raise InputError(
            f"tracker: expected opencv:NAME, trax:COMMAND or module:name, got {text!r}"
        )
    if kind == "opencv":
        return OpenCV(name=rest)
    if kind == "trax":
        from siamfc.evaluation.trax_client import TraxProgram

        return TraxProgram(command=rest)
    return Named(module=kind, name=rest)


@dataclass(frozen=True, kw_only=True)
class Named:
    """A tracker by the name of its class, or of a function that makes it or is it."""

    module: str
    """As in `import`; looked for in the working folder too."""
    name: str
    """In the module; dots lead into classes."""

    def __call__(self) -> SingleTargetTracker:
        """Make the tracker.

        Raises:
            InputError: no such name, or something that is no tracker.
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
        """Its name, and the SHA-256 of the file that it is in."""
        found = self._find()
        file = inspect.getsourcefile(found) if callable(found) else None
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        return {"name": f"{self.module}:{self.name}", "digest": digest}

    def _find(self) -> Any:
        if os.getcwd() not in sys.path:  # noqa: PTH109 - as sys.path has it
            sys.path.insert(0, os.getcwd())  # noqa: PTH109
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
        function: either a function of a frame and the box in the frame before, whose answer is
            the box in this one; or a generator function of the first frame and its box, which
            is sent frames and yields their boxes. What it yields first is ignored.

    >>> def drift(image, box):
    ...     return box + [1, 0, 0, 0]
    >>> tracker = FunctionTracker(drift)
    >>> tracker.init(None, np.array([3.0, 4, 10, 10]))
    >>> tracker.update(None)
    array([ 4.,  4., 10., 10.])
    """

    def __init__(self, function: Step | Follower) -> None:
        self._function: Any = function
        self._follower: Any = None
        self._box: Any = None

    def init(self, image: NDArray[np.uint8], box: FloatArray) -> None:
        """Take the target."""
        self._box = box
        if inspect.isgeneratorfunction(self._function):
            self._follower = self._function(image, box)
            next(self._follower)

    def update(self, image: NDArray[np.uint8]) -> ArrayLike:
        """Ask the function."""
        if self._follower is not None:
            self._box = self._follower.send(image)
        else:
            self._box = self._function(image, self._box)
        answer: ArrayLike = self._box
        return answer


@dataclass(frozen=True, kw_only=True)
class OpenCV:
    """One of OpenCV's trackers, such as CSRT, KCF and MIL, where cv2 is installed."""

    name: str
    """As in `cv2.Tracker<name>_create`; case doesn't matter."""

    def __call__(self) -> "OpenCVTracker":
        """Make the tracker.

        Raises:
            MissingDependencyError: cv2 isn't installed.
            InputError: this cv2 has no such tracker.
        """
        return OpenCVTracker(self._creator())

    def record(self) -> dict[str, Any]:
        """Its name and OpenCV's version."""
        self._creator()
        return {"name": f"opencv:{self.name}", "version": _import_cv2().__version__}

    def _creator(self) -> Callable[[], Any]:
        cv2 = _import_cv2()
        known: dict[str, Any] = {}
        for place in (getattr(cv2, "legacy", None), cv2):
            for name in dir(place):
                if name.startswith("Tracker") and name.endswith("_create"):
                    known[name[len("Tracker") : -len("_create")].lower()] = getattr(place, name)
        if self.name.lower() not in known:
            raise InputError(
                f"tracker opencv:{self.name}: this OpenCV ({cv2.__version__}) has "
                f"{', '.join(sorted(known)) or 'none'}; CSRT and KCF come with "
                "opencv-contrib-python-headless"
            )
        creator: Callable[[], Any] = known[self.name.lower()]
        return creator


class OpenCVTracker:
    """A tracker of OpenCV behind `init` and `update`.

    OpenCV takes whole pixels: the first box is rounded. Where it says that the target is lost,
    the last box stands, with a score of 0.
    """

    def __init__(self, create: Callable[[], Any]) -> None:
        self._create = create
        self._tracker: Any = None
        self._box: ArrayLike = (0, 0, 0, 0)
        self.score = 1.0
        """1 where the target is found, 0 where it is lost."""

    def init(self, image: NDArray[np.uint8], box: FloatArray) -> None:
        """Take the target, by a new tracker."""
        self._tracker, self._box, self.score = self._create(), box, 1.0
        x, y, w, h = (round(float(value)) for value in box)
        self._tracker.init(_bgr(image), (x, y, max(w, 1), max(h, 1)))

    def update(self, image: NDArray[np.uint8]) -> ArrayLike:
        """Find the target."""
        found, box = self._tracker.update(_bgr(image))
        self.score = float(found)
        self._box = box if found else self._box
        return self._box


def _bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[..., ::-1])


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError:
        raise MissingDependencyError(
            "OpenCV's trackers need cv2: `pip install opencv-contrib-python-headless`"
        ) from None
    return cv2


def _positional(function: Callable[..., object]) -> int:
    """How many arguments a function must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some built-in functions don't say
        return 0
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds and one.default is one.empty for one in parameters)
