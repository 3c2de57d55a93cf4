"""The published settings, and invalid ones."""

import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.tracking import SiamFCSettings, five_scales, one_scale, settings_for, three_scales


def values(settings):
    names = ("scales", "scale_step", "scale_penalty", "scale_damping", "window_influence")
    return tuple(getattr(settings, name) for name in names)


def test_the_published_values_are_the_authors():
    assert values(three_scales()) == (3, 1.0375, 0.9745, 0.59, 0.176)
    assert values(five_scales()) == (5, 1.0255, 0.962, 0.34, 0.168)
    for settings in (three_scales(), five_scales(), one_scale()):
        assert (settings.smallest_scale, settings.largest_scale) == (0.2, 5)
        assert settings.upsampling == 16


@pytest.mark.parametrize("scales", [1, 3, 5, 7, 11])
def test_scale_factors_are_symmetric_about_one(scales):
    factors = settings_for(scales).scale_factors
    assert len(factors) == scales
    assert factors[scales // 2] == 1
    np.testing.assert_allclose(factors * factors[::-1], 1)
    assert (np.diff(factors) > 0).all()


def test_settings_for_returns_defaults_up_to_three_scales_and_published_values_above():
    assert settings_for(1) == one_scale()
    assert settings_for(3) == SiamFCSettings()
    assert settings_for(5) == five_scales()
    assert values(settings_for(7)) == (7, *values(five_scales())[1:])


def test_settings_are_values():
    assert replace(three_scales()) == three_scales()
    with pytest.raises(FrozenInstanceError):
        three_scales().scales = 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scales", 2),
        ("scales", 0),
        ("scales", -1),
        ("scales", 101),
        ("scales", 3.0),
        ("scales", True),
        ("upsampling", 0),
        ("upsampling", 1.5),
        ("scale_step", 0.9),
        ("scale_step", math.nan),
        ("scale_penalty", 1.1),
        ("scale_damping", -0.1),
        ("window_influence", 2),
        ("window_influence", "0.1"),
        ("smallest_scale", 0),
        ("largest_scale", math.inf),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(InputError, match=rf"^{name}: expected .*, got "):
        SiamFCSettings(**{name: value})


def test_settings_for_refuses_even_numbers():
    with pytest.raises(InputError, match="odd number, got 4"):
        settings_for(4)
