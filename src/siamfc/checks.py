"""Checks of settings and names; an error states in one line what was expected."""

import math
import re
from numbers import Integral, Real
from typing import Any

from siamfc.errors import InputError

_LONGEST = 60
_NOT_IN_LINES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, lone surrogates, which stand for bytes that are not UTF-8, and what XML
excludes."""
LARGEST_WHOLE = 2**63 - 1
"""Largest whole number that a setting may have: the int64 limit of numpy and torch."""


def check_whole(name: str, value: Any, least: int, most: int = LARGEST_WHOLE) -> None:
    """Raise InputError unless `value` is a whole number from `least` to `most`.

    >>> check_whole("frames", 0, 1)
    Traceback (most recent call last):
    siamfc.errors.InputError: frames: expected a whole number of at least 1, got 0
    """
    fits = isinstance(value, Integral) and not isinstance(value, bool)
    if not (fits and least <= value <= most):
        has_limit = most < LARGEST_WHOLE or (fits and value > most)
        limits = f"from {least} to {most}" if has_limit else f"of at least {least}"
        raise InputError(f"{name}: expected a whole number {limits}, got {shown(value)}")


def check_number(name: str, value: Any, least: float, most: float = math.inf) -> None:
    """Raise InputError unless `value` is a finite number from `least` to `most`.

    >>> check_number("noise", float("nan"), 0, 1)
    Traceback (most recent call last):
    siamfc.errors.InputError: noise: expected a number from 0 to 1, got nan
    """
    fits = isinstance(value, Real) and not isinstance(value, bool) and is_finite(value)
    if not (fits and least <= value <= most):
        limits = f"of at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise InputError(f"{name}: expected a number {limits}, got {shown(value)}")


def check_line(name: str, value: str) -> None:
    r"""Raise InputError unless `value` is one line of text that every file format can hold.

    >>> check_line("name", "left\nright")
    Traceback (most recent call last):
    siamfc.errors.InputError: name: expected one line of text in UTF-8, got 'left\nright'
    """
    if as_line(value) != value:
        raise InputError(f"{name}: expected one line of text in UTF-8, got {shown(value)}")


def as_line(text: str) -> str:
    r"""Return text with a mark in place of line breaks, control characters and undecodable bytes.

    >>> as_line("left\nright")
    'left�right'
    """
    return _NOT_IN_LINES.sub("\N{REPLACEMENT CHARACTER}", text)


def is_finite(value: Any) -> bool:
    """Return whether a number is finite as a float; 10**400 is not.

    >>> is_finite(7), is_finite(10**400), is_finite(float("nan"))
    (True, False, False)
    """
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def shown(value: Any) -> str:
    """Return the value's repr on one line, shortened to fit into an error message.

    >>> shown(10**5000)
    'a whole number of more than 4300 digits'
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python refuses to write out so many digits
        return "a whole number of more than 4300 digits"
    except RecursionError:
        return "a deeply nested value"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
