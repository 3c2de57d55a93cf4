import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.synthetic import NOISE_KINDS, SyntheticDataset, SyntheticDatasetSettings


def _dataset(**settings):
    return SyntheticDataset(SyntheticDatasetSettings(**{"images": 90, "folders": 9} | settings))


def test_the_defaults_are_those_of_the_thesis():
    dataset = SyntheticDataset()
    assert len(dataset) == 500_000
    assert {dataset.folder_length(folder) for folder in (0, 999, 1999)} == {250}
    assert dataset.draw(1999, 249).shape == (255, 255, 3)


def test_images_are_divided_among_the_folders_completely():
    dataset = _dataset(images=23, folders=5)
    assert [dataset.folder_length(folder) for folder in range(5)] == [5, 5, 5, 4, 4]


@pytest.mark.parametrize(
    ("size", "square"),
    [(255, 60), (255, 61), (64, 64), (9, 1)],
    ids=["half covered edges", "whole pixels", "all square", "one pixel"],
)
def test_the_square_has_its_size_and_is_centred_to_the_sub_pixel(size, square):
    quiet = {"gaussian": 0, "salt_and_pepper": 0, "speckle": 0}
    dataset = _dataset(size=size, square=square, **quiet)
    colours = dataset.colours(0)
    image = dataset.draw(0, 0).astype(float)
    channel = int(np.argmax(np.abs(np.subtract(colours.square, colours.background))))
    inside, outside = colours.square[channel], colours.background[channel]
    share = (image[..., channel] - outside) / (inside - outside)
    # Rounding to 8 bits moves a half covered pixel by up to half a level.
    tolerance = 0.5 / abs(inside - outside) * 4 * (square + 1)
    assert share.sum() == pytest.approx(square**2, abs=tolerance)
    centres = np.arange(size) + 0.5
    for axis in range(2):
        centroid = (share.sum(axis=axis) * centres).sum() / share.sum()
        assert centroid == pytest.approx(size / 2, abs=1e-6)
    margin = (size - square) / 2
    assert dataset.box.tolist() == [margin, margin, square, square]


def test_colours_belong_to_the_folder_and_differ_by_the_contrast():
    dataset = _dataset(images=300, folders=300, contrast=100)
    differences = []
    for folder in range(300):
        colours = dataset.colours(folder)
        assert colours == dataset.colours(folder)
        differences.append(np.abs(np.subtract(colours.square, colours.background)).max())
    assert min(differences) >= 100
    assert len({dataset.colours(folder) for folder in range(300)}) == 300


def test_each_image_has_its_own_kind_and_strength_of_noise():
    dataset = _dataset(images=600, folders=2)
    noises = [dataset.noise(folder, index) for folder in range(2) for index in range(300)]
    for kind in NOISE_KINDS:
        strengths = [noise.strength for noise in noises if noise.kind == kind]
        assert 150 < len(strengths) < 250  # 200 expected, standard deviation 12
        largest = getattr(dataset.settings, kind)
        assert 0 <= min(strengths) < 0.05 * largest
        assert 0.95 * largest < max(strengths) <= largest
    assert len({noise.strength for noise in noises}) == 600


def _first_with(dataset, kind):
    for folder in range(dataset.settings.folders):
        for index in range(dataset.folder_length(folder)):
            noise = dataset.noise(folder, index)
            if noise.kind == kind and noise.strength > 0.3 * getattr(dataset.settings, kind):
                return folder, index, noise.strength
    raise AssertionError(f"no image with {kind}")


def _background(dataset, folder, index):
    """Return pixels (N, 3) outside the square, and the folder's background."""
    image = dataset.draw(folder, index).astype(float)
    return image[:90].reshape(-1, 3), np.array(dataset.colours(folder).background, dtype=float)


def _away_from_limits(values, background):
    return values[:, (background > 80) & (background < 175)]


def test_gaussian_noise_has_its_deviation():
    dataset = _dataset(gaussian=20, seed=1)
    folder, index, strength = _first_with(dataset, "gaussian")
    pixels, background = _background(dataset, folder, index)
    noise = _away_from_limits(pixels - background, background)
    assert noise.shape[1] > 0
    assert noise.std() == pytest.approx(strength, rel=0.03)
    assert abs(noise.mean()) < 0.5


def test_speckle_grows_with_the_pixel():
    dataset = _dataset(speckle=0.2, seed=4)
    folder, index, strength = _first_with(dataset, "speckle")
    pixels, background = _background(dataset, folder, index)
    relative = _away_from_limits((pixels - background) / background, background)
    assert relative.shape[1] > 0
    assert relative.std() == pytest.approx(strength, rel=0.03)


def test_salt_and_pepper_turn_a_fraction_of_pixels_half_black_half_white():
    dataset = _dataset(seed=3)
    folder, index, strength = _first_with(dataset, "salt_and_pepper")
    pixels, background = _background(dataset, folder, index)
    black, white = (pixels == 0).all(axis=1), (pixels == 255).all(axis=1)
    assert black.mean() == pytest.approx(strength / 2, rel=0.1)
    assert white.mean() == pytest.approx(strength / 2, rel=0.1)
    assert (pixels[~black & ~white] == background).all()


def test_an_image_depends_only_on_its_seed_folder_and_number():
    one, same, other = _dataset(seed=5), _dataset(seed=5, images=120), _dataset(seed=6)
    last = one.draw(8, 9)
    np.testing.assert_array_equal(last, one.draw(8, 9))
    np.testing.assert_array_equal(last, same.draw(8, 9))
    assert (last != other.draw(8, 9)).any()
    assert (one.draw(0, 1) != one.draw(1, 0)).any()


def test_an_image_that_does_not_exist_is_refused():
    with pytest.raises(IndexError, match="expected an image from 0 to 9, got 10"):
        _dataset().draw(0, 10)
    with pytest.raises(IndexError, match="expected a folder from 0 to 8, got -1"):
        _dataset().draw(-1, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": 0}, "images: expected a whole number of at least 1, got 0"),
        ({"images": 4, "folders": 5}, "folders: expected at most as many as images, 4, got 5"),
        ({"square": 256}, "square: expected at most the image's size of 255 pixels, got 256"),
        ({"contrast": 0}, "contrast: expected a whole number from 1 to 128, got 0"),
        ({"speckle": float("nan")}, "speckle: expected a number from 0 to 10, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        SyntheticDatasetSettings(**settings)
