"""Trackers that misbehave, and one of each form; importable from other processes."""

import os
import signal
import time
from typing import Any

import numpy as np
from trackers import Finds, StandsStill


class Hostile(StandsStill):
    """Behaves on narrow frames and misbehaves on wide ones, in their third."""

    def init(self, image: Any, box: Any) -> None:
        print("a tracker may print what it likes")  # noqa: T201
        super().init(image, box)
        self.left = 2 if image.shape[1] > 40 else 1000

    def update(self, _image: Any) -> Any:
        self.left -= 1
        return self.misbehave() if self.left <= 0 else self.box

    def misbehave(self) -> Any:
        raise RuntimeError("lost it")


class Hangs(Hostile):
    def misbehave(self) -> Any:
        time.sleep(600)


class DiesAtOnce(Hostile):
    def misbehave(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


class SaysNaN(Hostile):
    def misbehave(self) -> Any:
        return [np.nan] * 4


class CannotBeMade:
    def __init__(self) -> None:
        raise ValueError("no model")


def make_finder() -> Finds:
    return Finds()


def find(image: Any, _box: Any) -> Any:
    return Finds().update(image)


def follow(image: Any, box: Any) -> Any:
    while True:
        image = yield box
        box = Finds().update(image)


class Wanders(StandsStill):
    """Behaves differently each time it is initialised."""

    begun = 0

    def init(self, image: Any, box: Any) -> None:
        type(self).begun += 1
        super().init(image, box + np.array([type(self).begun, 0, 0, 0]))
