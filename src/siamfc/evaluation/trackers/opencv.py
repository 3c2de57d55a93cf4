"""OpenCV's trackers, if cv2 is installed.

Some need only a name, such as CSRT, KCF and MIL. Others need networks that OpenCV does not include:
name their files by the fields of OpenCV's parameters, such as
`Nano,backbone=backbone.onnx,neckhead=head.onnx` (NanoTrack) or `Vit,net=vit.onnx`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError, MissingDependencyError


@dataclass(frozen=True, kw_only=True)
class OpenCV:
    """Factory of one of OpenCV's trackers."""

    name: str
    """Name in `cv2.Tracker<name>_create`, in any case."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Fields of `cv2.Tracker<name>_Params` and their values."""

    def __call__(self) -> "OpenCVTracker":
        """Make the tracker.

        Raises:
            MissingDependencyError: cv2 is not installed.
            InputError: this cv2 has no such tracker, or its parameters are wrong.
        """
        create = self._creator()
        try:
            create()  # report a missing network now, not in every sequence
        except _import_cv2().error as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"tracker opencv:{self.name}: OpenCV cannot make it ({reason}); name its networks "
                f"as in opencv:{self.name},{self._example()}"
            ) from None
        return OpenCVTracker(create)

    def record(self) -> dict[str, Any]:
        """Return its name, OpenCV's version, and each parameter's text or, for a file, SHA-256."""
        self._creator()
        record = {"name": f"opencv:{self.name}", "version": _import_cv2().__version__}
        return record | (
            {"parameters": dict(map(_digested, self.parameters))} if self.parameters else {}
        )

    def _creator(self) -> Callable[[], Any]:
        cv2 = _import_cv2()
        known: dict[str, tuple[Any, str]] = {}
        for place in (getattr(cv2, "legacy", None), cv2):
            for name in dir(place):
                if name.startswith("Tracker") and name.endswith("_create"):
                    short = name.removeprefix("Tracker").removesuffix("_create")
                    known[short.lower()] = place, short
        if self.name.lower() not in known:
            raise InputError(
                f"tracker opencv:{self.name}: this OpenCV ({cv2.__version__}) has "
                f"{', '.join(sorted(known)) or 'none'}; CSRT and KCF come with "
                "opencv-contrib-python-headless"
            )
        place, short = known[self.name.lower()]
        create: Callable[..., Any] = getattr(place, f"Tracker{short}_create")
        if not self.parameters:
            return create
        settings = self._settings(place, short)
        return lambda: create(settings)

    def _settings(self, place: Any, short: str) -> Any:
        """Return OpenCV's parameter object, filled in."""
        settings = getattr(place, f"Tracker{short}_Params", object)()
        fields = [name for name in dir(settings) if not name.startswith("_")]
        for name, text in self.parameters:
            if name not in fields:
                raise InputError(
                    f"tracker opencv:{self.name}: expected parameters among "
                    f"{', '.join(fields) or 'none'}, got {name!r}"
                )
            try:
                setattr(settings, name, _converted(text, type(getattr(settings, name))))
            except (TypeError, ValueError, KeyError):
                raise InputError(
                    f"tracker opencv:{self.name}: expected another {name}, got {text!r}"
                ) from None
        return settings

    def _example(self) -> str:
        return {"vit": "net=FILE.onnx"}.get(
            self.name.lower(), "backbone=FILE.onnx,neckhead=FILE.onnx"
        )


def parse_opencv(text: str) -> OpenCV:
    """Parse the text after `opencv:`: a name, then any number of `,FIELD=VALUE`.

    Raises:
        InputError: the text has another form.

    >>> parse_opencv("Vit,net=vit.onnx")
    OpenCV(name='Vit', parameters=(('net', 'vit.onnx'),))
    """
    name, *rest = text.split(",")
    parameters = [part.partition("=") for part in rest]
    if not name or any(not (key and value) for key, _, value in parameters):
        raise InputError(f"tracker: expected opencv:NAME or opencv:NAME,FIELD=VALUE, got {text!r}")
    return OpenCV(name=name, parameters=tuple((key, value) for key, _, value in parameters))


class OpenCVTracker:
    """A tracker of OpenCV behind `init` and `update`.

    OpenCV takes whole pixels, so the first box is rounded. If it reports the target as lost, the
    last box is returned, with a score of 0.
    """

    def __init__(self, create: Callable[[], Any]) -> None:
        self._create = create
        self._tracker: Any = None
        self._box: ArrayLike = (0, 0, 0, 0)
        self.score = 1.0
        """1 where the target is found, 0 where it is lost."""

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Initialise a new tracker."""
        self._tracker, self._box, self.score = self._create(), box, 1.0
        x, y, w, h = (round(float(value)) for value in box)
        self._tracker.init(_bgr(image), (x, y, max(w, 1), max(h, 1)))

    def update(self, image: ByteImage) -> ArrayLike:
        """Return the target's box."""
        found, box = self._tracker.update(_bgr(image))
        self.score = float(found)
        self._box = box if found else self._box
        return self._box


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _converted(text: str, kind: type) -> Any:
    """Return a parameter's text as its type."""
    return _FLAGS[text.lower()] if kind is bool else kind(text)


def _digested(parameter: tuple[str, str]) -> tuple[str, str]:
    name, text = parameter
    path = Path(text)
    return name, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else text


def _bgr(image: ByteImage) -> ByteImage:
    return np.ascontiguousarray(image[..., ::-1])


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError:
        raise MissingDependencyError(
            "OpenCV's trackers need cv2: `pip install opencv-contrib-python-headless`"
        ) from None
    return cv2
