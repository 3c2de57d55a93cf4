"""Cropping Pillow's pictures: the same as cropping arrays, which tests/test_geometry.py checks."""

import numpy as np
import pytest
from PIL import Image

from siamfc.errors import InputError
from siamfc.geometry import crop, crop_picture, mean_color, mean_picture_color

FILL = np.array([10, 100, 200], dtype=np.uint8)


@pytest.mark.parametrize("side", [9.5, 31, 63.3, 80, 200, 333.3, 2000])
@pytest.mark.parametrize(
    "center", [(60, 45), (50.3, 40.7), (0, 0), (119.5, 89.5), (-30, 20), (500, 500)]
)
def test_a_picture_gives_the_same_crop_as_its_array(center, side):
    image = np.random.default_rng(1).integers(0, 256, (90, 121, 3), dtype=np.uint8)
    expected = crop(image, center, side, 63, FILL)
    found = np.asarray(crop_picture(Image.fromarray(image), center, side, 63, FILL))
    assert found.shape == (63, 63, 3)
    # Pillow rounds positions from another origin: a level at most.
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (121, 90), (640, 353)])
def test_a_picture_has_the_mean_of_its_array(size):
    width, height = size
    ramp = np.linspace(0, 200, width)[None, :, None] + np.array([0, 20, 55])
    noise = np.random.default_rng(3).normal(0, 25, (height, width, 3))
    image = np.clip(ramp + noise, 0, 255).astype(np.uint8)
    found = mean_picture_color(Image.fromarray(image)).astype(int)
    assert np.abs(found - mean_color(image)).max() <= 1


def test_the_picture_itself_is_not_changed():
    image = np.random.default_rng(2).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(image)
    crop_picture(picture, (0, 0), 60, 20, FILL)
    np.testing.assert_array_equal(np.asarray(picture), image)


def test_a_picture_of_another_mode_is_refused():
    with pytest.raises(InputError, match="expected one of Pillow's mode RGB, got L"):
        crop_picture(Image.new("L", (9, 9)), (4, 4), 5, 5, FILL)


@pytest.mark.parametrize(("side", "size"), [(0, 5), (float("nan"), 5), (5, 0)])
def test_a_square_that_is_none_is_refused(side, size):
    with pytest.raises(InputError, match="crop: expected"):
        crop_picture(Image.new("RGB", (9, 9)), (4, 4), side, size, FILL)
