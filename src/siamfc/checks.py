"""Checks of settings: a number outside its range fails with one line that says the range."""

import math
from numbers import Integral, Real
from typing import Any

from siamfc.errors import InputError


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise InputError unless `value` is a whole number of at least `least` and at most `most`.

    >>> check_whole("frames", 0, 1)
    Traceback (most recent call last):
    siamfc.errors.InputError: frames: expected a whole number of at least 1, got 0
    """
    fits = isinstance(value, Integral) and not isinstance(value, bool)
    if not (fits and least <= value and (most is None or value <= most)):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name}: expected a whole number {limits}, got {value!r}")


def check_number(name: str, value: Any, least: float, most: float = math.inf) -> None:
    """Raise InputError unless `value` is a number from `least` to `most`, NaN never.

    >>> check_number("noise", float("nan"), 0, 1)
    Traceback (most recent call last):
    siamfc.errors.InputError: noise: expected a number from 0 to 1, got nan
    """
    fits = isinstance(value, Real) and not isinstance(value, bool)
    if not (fits and least <= value <= most):
        limits = f"of at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise InputError(f"{name}: expected a number {limits}, got {value!r}")
