"""What numbers settings may hold."""

import math

from siamfc.errors import InputError


def check_count(name: str, value: int, lowest: int, highest: int) -> None:
    """Refuse what is no whole number from `lowest` to `highest`.

    Raises:
        InputError: names the setting.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and lowest <= value <= highest):
        raise InputError(
            f"{name}: expected a whole number from {lowest} to {highest}, got {value!r}"
        )


def check_range(name: str, value: float, lowest: float, highest: float) -> None:
    """Refuse what is no number from `lowest` to `highest`.

    Raises:
        InputError: names the setting.
    """
    if not (isinstance(value, int | float) and math.isfinite(value) and lowest <= value <= highest):
        raise InputError(f"{name}: expected {lowest:g} to {highest:g}, got {value!r}")
