"""Frame-by-frame tracking: `init` and `update`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siamfc import geometry
from siamfc.errors import InputError
from siamfc.tracking.defaults import Settings
from siamfc.tracking.state import TrackerState
from siamfc.tracking.step import Stepper

if TYPE_CHECKING:
    from siamfc.network.matcher import Network

Color = Literal["rgb", "bgr"]
"""Order of a picture's channels. OpenCV reads pictures as BGR."""


class _Loading(NamedTuple):
    """Arguments needed to load a network again."""

    weights: str | Path
    device: str
    threads: int | None

    def load(self) -> Network:
        from siamfc.network import load_matcher

        return load_matcher(self.weights, device=self.device, threads=self.threads)


class Tracker:
    """Follows one target, frame by frame.

    A tracker can be copied; the copy shares the network. A tracker from `from_pretrained` can also
    be pickled and sent to another process, which loads the weights again.

    Args:
        matcher: the loaded network.
        settings: None: the network's defaults.
        color: order of the channels in pictures given to `init` and `update`.

    Raises:
        InputError: settings for the other kind of network, or an unknown order.
    """

    def __init__(
        self, matcher: Network, settings: Settings | None = None, *, color: Color = "rgb"
    ) -> None:
        check_color(color)
        self._stepper = Stepper(matcher, settings)
        self._color = color
        self._loading: _Loading | None = None
        self._state: TrackerState | None = None

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = "default",
        device: str = "auto",
        settings: Settings | None = None,
        *,
        threads: int | None = None,
        color: Color = "rgb",
    ) -> Self:
        """Create a tracker from weights: a name that `siamfc models` lists, a path, or an address.

        An address is `hf://owner/name`, of weights on the Hugging Face Hub; nothing is downloaded
        for anything else.

        Raises:
            CheckpointError: weights that are unknown, damaged or unsafe.
        """
        loading = _Loading(weights, device, threads)
        tracker = cls(loading.load(), settings, color=color)
        tracker._loading = loading
        return tracker

    @property
    def matcher(self) -> Network:
        """The network."""
        return self._stepper.matcher

    @property
    def settings(self) -> Settings:
        """Settings of the tracker."""
        return self._stepper.settings

    @property
    def state(self) -> TrackerState:
        """Everything that the tracker remembers; an immutable value.

        Raises:
            InputError: `init` has not been called yet.
        """
        if self._state is None:
            raise InputError("expected init(image, box) first, got none: the target is unknown")
        return self._state

    @property
    def score(self) -> float:
        """Confidence in the last box, in [0, 1]; 1 after `init`.

        For SiamFC it is the sigmoid of the response's peak. For a network that predicts boxes it is
        the probability that the box's IoU with the target exceeds 0.5, if the weights are
        calibrated; see `BoxMatcher.calibration`.

        Raises:
            InputError: `init` has not been called yet.
        """
        return float(self.state.targets.score[0])

    @property
    def lost(self) -> bool:
        """True if the score shows that the last box is unreliable; see `LostSettings`.

        Raises:
            InputError: `init` has not been called yet.
        """
        return bool(self.state.targets.lost[0])

    def init(self, image: NDArray[np.uint8], box: ArrayLike) -> None:
        """Take the target from a frame (H, W, 3) uint8 and its box x, y, w, h there.

        Raises:
            InputError: not an image, or a box that cannot be tracked.
        """
        self._state = self._stepper.begin(to_rgb(image, self._color), [box])

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Find the target in the next frame, of the same size as the first; return its box (4,).

        Raises:
            InputError: not an image, an image of another size, or `init` has not been called.
        """
        self._state = self._stepper.step(self.state, to_rgb(image, self._color))
        box: NDArray[np.float64] = self._state.targets.boxes[0]
        return box

    def __copy__(self) -> Self:
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self.__copy__()  # states are values, and networks are never changed

    def __getstate__(self) -> dict[str, Any]:
        matcher = None if self._loading else self.matcher
        return {**self.__dict__, "_stepper": (matcher, self.settings)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        matcher, settings = state["_stepper"]
        self._stepper = Stepper(self._loading.load() if self._loading else matcher, settings)


def check_color(color: str) -> None:
    """Raise InputError unless `color` is an order of channels."""
    if color not in ("rgb", "bgr"):
        raise InputError(f"color: expected 'rgb' or 'bgr', got {color!r}")


def to_rgb(image: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) with its channels in the order R, G, B.

    Raises:
        InputError: not a picture.
    """
    if color == "rgb":
        return image
    return np.ascontiguousarray(geometry.as_image(image)[..., ::-1])
