"""Crops of Pillow pictures equal those of arrays, which tests/test_geometry.py checks."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from siamfc.boxes import as_box
from siamfc.cropping import as_image, mean_picture_color
from siamfc.errors import InputError
from siamfc.frames.images import check_image
from siamfc.geometry import PictureCropper, cell_size, crop, mean_color

FILL = np.array([10, 100, 200], dtype=np.uint8)
SIDES = [9.5, 31, 63.3, 80, 200, 333.3, 2000]


def noise(height, width, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height, width):
    """Waves no shorter than 40 pixels."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=-1)
    return np.rint(128 + 100 * waves).astype(np.uint8)


def as_jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return buffer


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "center", [(60, 45), (50.3, 40.7), (0, 0), (119.5, 89.5), (-30, 20), (500, 500)]
)
def test_a_picture_gives_the_same_crop_as_its_array(center, side):
    image = noise(90, 121)
    expected = crop(image, center, side, 63, FILL)
    found = np.asarray(PictureCropper(Image.fromarray(image), fill=FILL).crop(center, side, 63))
    assert found.shape == (63, 63, 3)
    # Pillow rounds positions from another origin: at most one level.
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("center", [(1200, 450), (10.3, 890)])
def test_a_large_part_of_a_frame_that_is_read_in_pieces_gives_the_same_crop(center):
    image = noise(900, 2401)
    expected = np.asarray(PictureCropper(Image.fromarray(image), fill=FILL).crop(center, 2300, 255))
    assert np.abs(crop(image, center, 2300, 255, FILL).astype(int) - expected).max() <= 1


def test_crops_do_not_depend_on_those_before():
    picture = Image.fromarray(noise(90, 121))
    together = PictureCropper(picture, fill=FILL)
    for side in [2000, *SIDES]:
        alone = PictureCropper(picture, fill=FILL).crop((50.3, 40.7), side, 63)
        assert together.crop((50.3, 40.7), side, 63).tobytes() == alone.tobytes()


@pytest.mark.parametrize("size", [(240, 160), (241, 163), (250, 171)])
@pytest.mark.parametrize("cell", [2, 4, 8])
@pytest.mark.parametrize("center", [(120.3, 80.1), (235, 150), (-3, 60)])
def test_a_jpeg_decoded_to_cells_gives_the_crops_of_its_pixels(size, cell, center):
    """Reduced decoding shifts nothing: half a cell would be ten levels or more."""
    width, height = size
    with Image.open(as_jpeg(smooth(height, width))) as picture:
        pixels = np.asarray(picture)
    with Image.open(as_jpeg(smooth(height, width))) as picture:
        picture.draft("RGB", (width // cell, height // cell))
        cropper = PictureCropper(picture, cell=cell, frame_size=size, fill=FILL)
        for ratio in (cell, 1.7 * cell, 3 * cell):
            found = np.asarray(cropper.crop(center, 40 * ratio, 40)).astype(int)
            expected = crop(pixels, center, 40 * ratio, 40, FILL)
            difference = np.abs(found - expected)
            assert np.sqrt((difference**2).mean()) < 1
            # The decoder's cells beyond the frame's edge contain the encoder's padding.
            assert difference.max() <= 4


def test_the_mean_fills_the_outside_by_default():
    image = noise(90, 121)
    found = np.asarray(PictureCropper(Image.fromarray(image)).crop((-300, 0), 60, 20)).astype(int)
    assert np.abs(found - mean_color(image)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (121, 90), (640, 353)])
def test_a_picture_has_the_mean_of_its_array(size):
    width, height = size
    ramp = np.linspace(0, 200, width)[None, :, None] + np.array([0, 20, 55])
    grain = np.random.default_rng(3).normal(0, 25, (height, width, 3))
    image = np.clip(ramp + grain, 0, 255).astype(np.uint8)
    found = mean_picture_color(Image.fromarray(image)).astype(int)
    assert np.abs(found - mean_color(image)).max() <= 1


def test_the_picture_itself_is_not_changed():
    image = noise(41, 40)
    picture = Image.fromarray(image)
    cropper = PictureCropper(picture, fill=FILL)
    cropper.crop((0, 0), 30, 20)
    cropper.crop((0, 0), 60, 20)
    np.testing.assert_array_equal(np.asarray(picture), image)


@pytest.mark.parametrize(
    ("ratio", "expected", "why"),
    [
        (0.01, 1, "enlarging"),
        (1.999, 1, "fewer than two cells of one pixel to a pixel"),
        (2.0, 2, "a cell to a pixel"),
        (3.999, 2, "cells of three are not decoded"),
        (4.0, 4, "four"),
        (math.nextafter(8.0, 0), 4, "less than eight, if only by rounding"),
        (1e6, 2**19, "any scale"),
    ],
)
def test_cells_are_the_largest_power_of_two_within_a_pixel(ratio, expected, why):
    assert cell_size(ratio) == expected, why


@pytest.mark.parametrize("fill", [(256, 0, 0), (-1, 0, 0), (float("nan"),) * 3, (1, 2), 7])
def test_a_fill_that_is_no_colour_is_refused(fill):
    image = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(InputError, match="fill: expected a colour, three numbers from 0 to 255"):
        crop(image, (0, 0), 20, 10, fill)
    with pytest.raises(InputError, match="fill: expected a colour"):
        PictureCropper(Image.fromarray(image), fill=fill)


def test_a_picture_of_another_mode_is_refused():
    with pytest.raises(InputError, match="expected one of Pillow's mode RGB, got L"):
        PictureCropper(Image.new("L", (9, 9)))


def test_a_picture_that_is_not_made_of_such_cells_is_refused():
    with pytest.raises(InputError, match=r"expected \(6, 5\) cells of 2 pixels .* got \(5, 5\)"):
        PictureCropper(Image.new("RGB", (5, 5)), cell=2, frame_size=(11, 10))


def test_a_crop_finer_than_the_pictures_cells_is_refused():
    cropper = PictureCropper(Image.new("RGB", (20, 20)), cell=4, frame_size=(80, 80))
    with pytest.raises(InputError, match=r"at least 4 frame pixels per pixel of the crop.*got 2"):
        cropper.crop((40, 40), 20, 10)


@pytest.mark.parametrize(("side", "size"), [(0, 5), (float("nan"), 5), (5, 0)])
def test_an_invalid_square_is_refused(side, size):
    with pytest.raises(InputError, match="crop: expected"):
        PictureCropper(Image.new("RGB", (9, 9))).crop((4, 4), side, size)


class _GpuTensor:
    """A tensor that numpy cannot read, as torch's on a GPU or with a gradient."""

    shape, dtype = (4, 4, 3), "torch.uint8"

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((4, 4)), "scale to 0–255"),
        (np.zeros((4, 4, 3)), "scale to 0–255"),
        (np.zeros((4, 4), np.uint8), r"numpy\.dstack"),
        (np.zeros((4, 4, 1), np.uint8), r"numpy\.dstack"),
        (np.zeros((4, 4, 1)), "scale to 0–255"),
        (np.zeros((4, 4, 4), np.uint8), "leave out the alpha"),
        (
            Image.new("P", (4, 4)),
            r"got Image: convert it, numpy\.asarray\(image\.convert\('RGB'\)\)",
        ),
        (_GpuTensor(), r"got torch\.uint8 .*convert it, numpy\.asarray"),
        ("frame.png", "got str$"),
    ],
)
def test_what_is_no_image_is_refused_with_what_to_do(value, says):
    with pytest.raises(InputError, match=f"image: expected RGB uint8 of shape .*{says}"):
        as_image(value)


def test_a_tensor_that_numpy_cannot_read_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"a frame must be .* got Can't call numpy"):
        check_image(_GpuTensor())
    with pytest.raises(InputError, match="box: expected four finite numbers"):
        as_box(_GpuTensor())
