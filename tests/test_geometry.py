"""Crops against their formulas, written out a second time, slowly, in float64."""

import math

import numpy as np
import pytest

from siamfc import geometry
from siamfc.errors import InputError
from siamfc.geometry import crop, crop_scales

FILL = np.array([10, 100, 200], dtype=np.uint8)


def sampled_slowly(image, center, side, size, fill):
    """Sample by the convention, one axis after the other, with the frame embedded in its fill."""
    ratio = side / size
    width = max(ratio, 1.0)

    def weights(middle, extent):
        rows = np.zeros((size, extent))
        inside = np.zeros(size)
        for i in range(size):
            index = middle + (i + 0.5 - size / 2) * ratio - 0.5
            taps = np.arange(math.floor(index - width), math.ceil(index + width) + 1)
            share = np.maximum(1 - np.abs(taps - index) / width, 0)
            share /= share.sum()
            seen = (taps >= 0) & (taps < extent)
            rows[i, taps[seen]] = share[seen]
            inside[i] = share[seen].sum()
        return rows, inside

    height, length = image.shape[:2]
    across, inside_x = weights(center[0], length)
    down, inside_y = weights(center[1], height)
    seen = np.einsum("ih,hwc,jw->ijc", down, image.astype(np.float64), across, optimize=True)
    beyond = 1 - np.outer(inside_y, inside_x)
    return seen + beyond[..., None] * np.asarray(fill, dtype=np.float64)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ramp(height, width):
    """Pixel (x, y) has the colour (x, y, 0), so that a crop shows where it was sampled."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    return image


class TestCropAgainstSlowReference:
    @pytest.mark.parametrize(
        ("center", "side", "size", "why"),
        [
            ((50, 40), 31, 31, "whole pixels, odd size: a plain cut"),
            ((50.5, 40.5), 32, 32, "whole pixels, even size"),
            ((50.25, 40.75), 31, 31, "a quarter pixel off"),
            ((50.3, 40.1), 20.7, 64, "enlarging, inside"),
            ((50.3, 40.1), 20.7, 63, "enlarging to an odd size"),
            ((3.3, 40.1), 20.7, 64, "over the left border"),
            ((97.9, 78.8), 20.7, 64, "over the far corner"),
            ((1.1, 0.2), 1.3, 64, "enlarging the first pixel 49 times"),
            ((0, 0), 0.4, 9, "the very corner, where the fill is blended in"),
            ((100, 80), 0.4, 9, "the far corner"),
            ((-3.9, 40), 8.1, 40, "the border at the crop's edge"),
            ((50, 40), 0.001, 7, "less than a pixel: one colour"),
            ((50, 40), 120, 121, "the frame and its surroundings"),
            ((48.7, 41.3), 77.7, 50, "shrinking by 1.6, at the border"),
            ((48.7, 41.3), 115, 60, "shrinking by 1.9 about the frame"),
            ((20.2, 70.3), 57.9, 29, "shrinking by almost 2 over a corner"),
        ],
    )
    def test_every_pixel_is_within_a_grey_level(self, center, side, size, why):
        image = noise(80, 100)
        expected = sampled_slowly(image, center, side, size, FILL)
        np.testing.assert_allclose(
            crop(image, center, side, size, FILL), expected, atol=1.01, err_msg=why
        )

    def test_random_squares(self):
        generator = np.random.default_rng(5)
        for _ in range(150):
            image = noise(*generator.integers(1, 60, 2), seed=generator.integers(1 << 30))
            size = int(generator.integers(1, 50))
            side = size * float(np.exp(generator.uniform(np.log(0.01), np.log(1.999))))
            center = generator.uniform(-30, 90, 2)
            expected = sampled_slowly(image, center, side, size, FILL)
            got = crop(image, center, side, size, FILL)
            np.testing.assert_allclose(
                got, expected, atol=1.01, err_msg=f"{image.shape} {center} {side} {size}"
            )

    @pytest.mark.parametrize("side", [150, 200, 300, 470, 1000, 3000, 2e4, 1e6])
    @pytest.mark.parametrize("center", [(48.7, 41.3), (5, 70), (-20, 10)])
    def test_cells_change_a_smooth_frame_little(self, side, center):
        y, x = np.mgrid[0:80, 0:100]
        waves = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=-1)
        image = np.rint(128 + 100 * waves).astype(np.uint8)
        expected = sampled_slowly(image, center, side, 50, FILL)
        got = crop(image, center, side, 50, FILL)
        difference = np.abs(got - expected)
        assert np.sqrt((difference**2).mean()) < 1.6
        # The frame's border is a step of up to 200 levels; a wider filter shows there, and only so.
        assert difference.max() < 0.11 * 200

    def test_cells_neither_brighten_nor_darken(self):
        image = noise(720, 1280)
        got = crop(image, (640, 360), 2000, 255, FILL).astype(float).sum(axis=(0, 1))
        expected = sampled_slowly(image, (640, 360), 2000, 255, FILL).sum(axis=(0, 1))
        np.testing.assert_allclose(got / 255**2, expected / 255**2, atol=0.2)


class TestCropConvention:
    @pytest.mark.parametrize("size", [63, 64])
    @pytest.mark.parametrize("side", [20.5, 64.0, 100.3])
    def test_the_value_of_a_ramp_is_the_coordinate(self, side, size):
        center = (120.4, 131.7)
        got = crop(ramp(256, 256), center, side, size, FILL)
        offsets = (np.arange(size) + 0.5 - size / 2) * side / size - 0.5
        np.testing.assert_allclose(got[size // 2, :, 0], center[0] + offsets, atol=0.52)
        np.testing.assert_allclose(got[:, size // 2, 1], center[1] + offsets, atol=0.52)

    @pytest.mark.parametrize("side", [31, 63.7, 95, 120, 200, 400, 800])
    @pytest.mark.parametrize("size", [31, 32])
    def test_no_side_shifts_a_ramp(self, side, size):
        """A rising and a falling ramp, over all phases, so that rounding cancels out."""
        image = ramp(256, 256)
        image[..., 1] = 255 - image[..., 0]
        ratio = side / size
        errors = []
        for fraction in np.linspace(-6, 6, 96, endpoint=False):
            center = (128 + fraction, 128 - fraction)
            got = crop(image, center, side, size, FILL).astype(float)
            index = center[0] + (np.arange(size) + 0.5 - size / 2) * ratio - 0.5
            clear = (index > 2 * ratio) & (index < 255 - 2 * ratio)
            shown = (got[size // 2, :, 0] + 255 - got[size // 2, :, 1]) / 2
            errors.append((shown - index)[clear].mean() / ratio)
        assert abs(np.mean(errors)) < 0.006

    def test_a_whole_pixel_cut_is_the_pixels(self):
        image = noise(50, 60)
        np.testing.assert_array_equal(crop(image, (20.5, 30.5), 21, 21, FILL), image[20:41, 10:31])

    def test_far_outside_is_fill(self):
        for center in ((-500, 40), (50, 1e6), (-1e12, -1e12)):
            got = crop(noise(80, 100), center, 60, 33, FILL)
            assert (got == FILL).all()

    def test_fill_is_rounded(self):
        got = crop(noise(8, 8), (-50, 0), 4, 3, (9.6, 100.4, 254.7))
        assert got[0, 0].tolist() == [10, 100, 255]

    @pytest.mark.parametrize("side", [40, 61.3, 150, 333])
    def test_mirroring_and_transposing_the_frame_does_so_to_the_crop(self, side):
        image = noise(80, 100) if side < 150 else ramp(80, 100)
        x, y = 30.0, 50.0
        expected = crop(image, (x, y), side, 48, FILL).astype(int)
        mirrored = crop(image[:, ::-1], (100 - x, y), side, 48, FILL)[:, ::-1]
        turned = crop(image.transpose(1, 0, 2), (y, x), side, 48, FILL).transpose(1, 0, 2)
        assert np.abs(mirrored - expected).max() <= 1
        assert np.abs(turned - expected).max() <= 1

    def test_shifting_frame_and_centre_changes_nothing(self):
        image = noise(80, 100)
        shifted = np.roll(image, (7, -3), axis=(0, 1))
        np.testing.assert_array_equal(
            crop(image, (50.3, 40.2), 37, 41, FILL), crop(shifted, (47.3, 47.2), 37, 41, FILL)
        )


class TestCropInputs:
    @pytest.mark.parametrize(
        "view",
        [
            lambda image: image[::2, ::3],
            lambda image: image[::-1, ::-1],
            lambda image: image[..., ::-1],
            lambda image: np.asfortranarray(image),
            lambda image: image.transpose(1, 0, 2),
        ],
        ids=["strided", "flipped", "bgr", "fortran", "transposed"],
    )
    @pytest.mark.parametrize("side", [30.3, 170.0])
    def test_memory_layout_does_not_matter(self, view, side):
        image = view(noise(80, 100))
        plain = np.ascontiguousarray(image)
        np.testing.assert_array_equal(
            crop(image, (10, 20), side, 40, FILL), crop(plain, (10, 20), side, 40, FILL)
        )

    def test_the_frame_is_left_alone_and_the_crop_is_ours(self):
        image = noise(80, 100)
        image.flags.writeable = False
        got = crop(image, (50, 40), 31, 31, FILL)
        assert got.flags.writeable
        assert got.flags.c_contiguous

    @pytest.mark.parametrize("center", [(50, 40), (2, 3), (-300, 0)])
    def test_several_scales_equal_single_crops(self, center):
        image = noise(80, 100)
        sides = [40, 41.5, 43.1]
        together = crop_scales(image, center, sides, 63, FILL)
        for one, side in zip(together, sides, strict=True):
            np.testing.assert_array_equal(one, crop(image, center, side, 63, FILL))

    def test_one_scale_may_see_the_frame_and_another_not(self):
        together = crop_scales(noise(80, 100), (-50, 40), [20, 120], 32, FILL)
        assert (together[0] == FILL).all()
        assert not (together[1] == FILL).all()

    @pytest.mark.parametrize("extent", [(1, 1), (1, 90), (33, 1), (7, 65)])
    @pytest.mark.parametrize("side", [0.5, 3, 50, 700, 1e5, 1e200])
    def test_odd_frames_and_any_side_work(self, extent, side):
        image = np.full((*extent, 3), 77, dtype=np.uint8)
        got = crop(image, (extent[1] / 2, extent[0] / 2), side, 16, (77, 77, 77))
        assert (got == 77).all()

    def test_a_frame_smaller_than_a_pixel_of_the_crop_counts_by_its_area(self):
        image = np.full((30, 40, 3), 255, dtype=np.uint8)
        got = crop(image, (20, 15), 11 * 80.0, 11, (0, 0, 0)).astype(float)
        assert got.sum() / 3 == pytest.approx(255 * 30 * 40 / 80**2, rel=0.1)

    @pytest.mark.parametrize(
        ("image", "center", "side", "size", "part"),
        [
            (np.zeros((9, 9, 3)), (4, 4), 4, 4, "got float64 of shape (9, 9, 3)"),
            (np.zeros((9, 9), np.uint8), (4, 4), 4, 4, "shape (9, 9)"),
            (np.zeros((9, 9, 4), np.uint8), (4, 4), 4, 4, "shape (9, 9, 4)"),
            (np.zeros((0, 9, 3), np.uint8), (4, 4), 4, 4, "shape (0, 9, 3)"),
            ("frame.png", (4, 4), 4, 4, "got str"),
            (noise(9, 9), (math.nan, 4), 4, 4, "centre (x, y), got [nan, 4.0]"),
            (noise(9, 9), (4, 4, 4), 4, 4, "centre (x, y), got [4.0, 4.0, 4.0]"),
            (noise(9, 9), (4, 4), 0, 4, "got [0.0]"),
            (noise(9, 9), (4, 4), -4, 4, "got [-4.0]"),
            (noise(9, 9), (4, 4), math.inf, 4, "got [inf]"),
            (noise(9, 9), (4, 4), 4, 0, "at least 1 pixel, got 0"),
        ],
    )
    def test_what_is_no_square_of_a_frame_is_refused(self, image, center, side, size, part):
        with pytest.raises(InputError) as caught:
            crop(image, center, side, size, FILL)
        assert part in str(caught.value)


def test_mean_color_is_the_mean_per_channel():
    image = noise(33, 44)
    expected = np.rint(image.reshape(-1, 3).mean(axis=0))
    np.testing.assert_array_equal(geometry.mean_color(image), expected)
    large = np.full((3000, 5000, 3), 255, dtype=np.uint8)
    assert geometry.mean_color(large).tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("size", "context", "expected", "why"),
    [
        ((40, 40), 0.5, 80, "a square doubles"),
        ((30, 60), 0.5, math.sqrt(75 * 105), "margin 45 on both"),
        ((30, 60), 0.0, math.sqrt(30 * 60), "no margin: the box's own area"),
        ((1, 1000), 0.5, math.sqrt(501.5 * 1500.5), "a line"),
    ],
)
def test_exemplar_side(size, context, expected, why):
    assert float(geometry.exemplar_side(size, context)) == pytest.approx(expected), why
    both = geometry.exemplar_side([size, size[::-1]], context)
    assert both.tolist() == pytest.approx([expected, expected]), why


def test_crop_and_frame_lead_there_and_back():
    points = np.array([[0, 0], [12.5, 99.25], [-4, 300]])
    there = geometry.frame_to_crop(points, (31.5, 40.25), side=77.7, size=255)
    np.testing.assert_allclose(
        geometry.crop_to_frame(there, (31.5, 40.25), 77.7, 255), points, atol=1e-12
    )
    corners = geometry.crop_to_frame([[0, 0], [255, 255]], (50, 60), side=20, size=255)
    np.testing.assert_allclose(corners, [[40, 50], [60, 70]])
