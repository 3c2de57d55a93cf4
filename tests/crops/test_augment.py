"""Augmentation: exact geometry, ground truth that follows the image, and each setting."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from siamfc.crops.augment import AugmentSettings, augment
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.loader import PairLoader
from siamfc.crops.pairs import AUGMENTATION_DRAWS, PairSampling, StorePairs, uniform_numbers
from siamfc.crops.store_format import RECORD
from siamfc.errors import InputError
from siamfc.geometry import crop

PLAIN = AugmentSettings(
    max_shift=0, exemplar_shift=0, max_stretch=0, brightness=0, contrast=0, saturation=0,
    colour=0, blur_share=0, grey_share=0,
)  # fmt: skip


def _changed(**settings):
    return replace(PLAIN, **settings)


def _picture(size, seed=0):
    """Smooth noise: (size, size, 3) uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))


def _batch(count=4, size=285, seed=0):
    images = np.stack([_picture(size, number) for number in range(2 * count)])
    uniforms = uniform_numbers((seed, 1, 0), range(count), AUGMENTATION_DRAWS)
    sizes = np.tile([50.0, 70.0], (count, 1))
    return (
        torch.from_numpy(images[:count]),
        torch.from_numpy(images[count:]),
        torch.tensor(sizes, dtype=torch.float32),
        torch.tensor(uniforms, dtype=torch.float32),
    )


def test_without_changes_the_centre_is_cropped_exactly():
    exemplars, searches, sizes, uniforms = _batch()
    made = augment(exemplars, searches, sizes, uniforms, PLAIN)
    # 285 − 255 = 2 · 15 and 285 − 127 = 2 · 79: whole pixels.
    np.testing.assert_array_equal(made.searches, searches[:, 15:-15, 15:-15])
    np.testing.assert_array_equal(made.exemplars, exemplars[:, 79:-79, 79:-79])
    assert (made.offsets == 0).all()
    assert (made.log_scales == 0).all()
    np.testing.assert_allclose(made.boxes, [[102.5, 92.5, 50, 70]] * 4)


@pytest.mark.parametrize("size", [284, 285])
def test_pixels_are_sampled_where_the_geometry_defines(size):
    """Compared with the crop function when enlarging, where both interpolate linearly."""
    settings = _changed(max_stretch=0.2, max_shift=7, exemplar_shift=5)
    exemplars, searches, sizes, uniforms = _batch(size=size)
    made = augment(exemplars, searches, sizes, uniforms, settings)
    place = uniforms.numpy() * 2 - 1
    for index in range(4):
        stretch = 1 + 0.2 * place[index, 2:4]
        # The crop function has one side for both axes, so compare the axes separately.
        center = size / 2 - made.offsets[index].numpy() * stretch
        for axis in range(2):
            side = 255 * float(stretch[axis])
            if stretch[axis] > 1:
                continue  # the crop function would low-pass
            line = crop(searches[index].numpy(), center, side, 255, [0, 0, 0]).astype(float)
            found = made.searches[index].numpy().astype(float)
            middle = (slice(127, 128), slice(40, 215)) if axis == 0 else (
                slice(40, 215), slice(127, 128))  # fmt: skip
            # On the centre line, the other axis's stretch has no effect.
            assert np.abs(line[middle] - found[middle]).max() <= 2


def test_the_truth_moves_with_the_image():
    """A bright square in the crop's centre lies where offsets and boxes say."""
    crops = np.full((32, 285, 285, 3), 40, dtype=np.uint8)
    crops[:, 285 // 2 - 20 : 285 // 2 + 21, 285 // 2 - 30 : 285 // 2 + 31] = 200
    uniforms = torch.tensor(uniform_numbers((1, 1, 0), range(32), AUGMENTATION_DRAWS)).float()
    images = torch.from_numpy(crops)
    sizes = torch.tensor([[61.0, 41.0]] * 32)
    made = augment(
        images, images, sizes, uniforms, _changed(max_stretch=0.08, max_shift=9, exemplar_shift=6)
    )
    share = (made.searches[..., 0].double() - 40) / 160
    centres = torch.arange(255) + 0.5
    for axis, sum_over in ((0, 1), (1, 2)):
        profile = share.sum(dim=sum_over)
        position = (profile * centres).sum(dim=1) / profile.sum(dim=1)
        expected = 127.5 + made.offsets[:, axis]
        np.testing.assert_allclose(position, expected, atol=0.05)
        found = made.boxes[:, axis] + made.boxes[:, 2 + axis] / 2
        np.testing.assert_allclose(found, expected, atol=1e-4)
    area = share.sum(dim=(1, 2))
    np.testing.assert_allclose(made.boxes[:, 2] * made.boxes[:, 3], area, rtol=0.01)
    assert made.offsets.abs().max() <= 9
    assert made.offsets.abs().max() > 8
    # Ratio of the exemplar's size to the search's, from their areas.
    exemplar_area = ((made.exemplars[..., 0].double() - 40) / 160).sum(dim=(1, 2))
    np.testing.assert_allclose(made.log_scales, 0.5 * torch.log(area / exemplar_area), atol=0.01)


def test_an_exemplar_is_shifted_without_changing_the_ground_truth():
    images = torch.from_numpy(np.stack([_picture(285, n) for n in range(8)]))
    uniforms = torch.rand((8, AUGMENTATION_DRAWS), generator=torch.Generator().manual_seed(1))
    sizes = torch.full((8, 2), 40.0)
    made = augment(images, images, sizes, uniforms, _changed(exemplar_shift=5))
    assert (made.offsets == 0).all()
    assert (made.exemplars != images[:, 79:-79, 79:-79]).any()


@pytest.mark.parametrize(
    "settings",
    [
        {"brightness": 0.3}, {"contrast": 0.5}, {"saturation": 1.0}, {"colour": 0.2},
        {"blur_share": 1.0}, {"grey_share": 1.0},
    ],
    ids=lambda settings: next(iter(settings)),
)  # fmt: skip
def test_each_augmentation_has_an_effect_determined_by_the_draws(settings):
    batch = _batch(count=6)
    plain = augment(*batch, PLAIN)
    first, again = (augment(*batch, _changed(**settings)) for _ in range(2))
    np.testing.assert_array_equal(first.searches, again.searches)
    assert (first.searches != plain.searches).any()
    assert (first.exemplars != plain.exemplars).any()
    assert (first.offsets == plain.offsets).all()


def test_brightness_scales_the_mean_and_contrast_keeps_it():
    batch = _batch(count=16)
    plain = augment(*batch, PLAIN).searches.float().mean(dim=(1, 2, 3))
    brighter = augment(*batch, _changed(brightness=0.2)).searches.float().mean(dim=(1, 2, 3))
    ratio = brighter / plain
    assert 0.8 <= ratio.min() < 0.9
    assert 1.1 < ratio.max() <= 1.2
    flatter = augment(*batch, _changed(contrast=0.2)).searches.float()
    np.testing.assert_allclose(flatter.mean(dim=(1, 2, 3)), plain, rtol=0.01)


def test_grey_pairs_are_grey_in_both_images_and_as_frequent_as_requested():
    exemplars, searches, sizes, _ = _batch(count=2)
    count = 400
    uniforms = torch.tensor(uniform_numbers((2, 1, 0), range(count), AUGMENTATION_DRAWS)).float()
    made = augment(
        exemplars[:1].expand(count, -1, -1, -1), searches[:1].expand(count, -1, -1, -1),
        sizes[:1].expand(count, -1), uniforms,
        _changed(grey_share=0.25, colour=0.1, exemplar_size=31, search_size=63),
    )  # fmt: skip
    spread = [
        (images.float().amax(dim=3) - images.float().amin(dim=3)).mean(dim=(1, 2)) < 1
        for images in (made.exemplars, made.searches)
    ]
    assert (spread[0] == spread[1]).all()
    assert 0.14 < spread[0].float().mean() < 0.36  # five standard deviations


def test_blur_keeps_the_mean_and_reduces_local_contrast():
    noise = torch.randint(
        0, 256, (6, 285, 285, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    uniforms = torch.tensor(uniform_numbers((3, 1, 0), range(6), AUGMENTATION_DRAWS)).float()
    sizes = torch.full((6, 2), 40.0)
    plain = augment(noise, noise, sizes, uniforms, PLAIN).searches.float()
    made = augment(noise, noise, sizes, uniforms, _changed(blur_share=1)).searches.float()
    assert (made.mean() - plain.mean()).abs() < 0.5
    steps = [images.diff(dim=2).abs().mean(dim=(1, 2, 3)) for images in (plain, made)]
    assert (steps[1] < 0.97 * steps[0]).all()


def test_a_pair_is_the_same_in_any_batch():
    exemplars, searches, sizes, uniforms = _batch(count=6)
    together = augment(exemplars, searches, sizes, uniforms, AugmentSettings())
    for index in range(6):
        part = slice(index, index + 1)
        alone = augment(
            exemplars[part], searches[part], sizes[part], uniforms[part], AugmentSettings()
        )
        for one, all_of_them in zip(alone, together, strict=True):
            difference = one[0].double() - all_of_them[index].double()
            assert difference.abs().max() <= 1  # a level, where a sum rounds otherwise


def _painted(size, width, height, color=255):
    """A crop (size, size, 3) with a rectangle about its middle on black."""
    picture = np.zeros((size, size, 3), dtype=np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    picture[top : top + height, left : left + width] = color
    return torch.from_numpy(picture)


def _measured(images):
    """Boxes x, y, w, h of what is painted, from the sums of rows and columns."""
    level = images[..., 0].double() / 255
    boxes = []
    for one in level:
        columns, rows = one.sum(0), one.sum(1)
        width, height = rows.max(), columns.max()
        middle = [
            (line * (torch.arange(len(line)) + 0.5)).sum() / line.sum() for line in (columns, rows)
        ]
        boxes.append([middle[0] - width / 2, middle[1] - height / 2, width, height])
    return np.array(boxes)


def test_boxes_are_where_zoom_shift_and_another_box_on_the_target_put_them():
    count, width, height = 12, 61, 41  # whole pixels about the middle of 285
    exemplars = _painted(285, width, height).expand(count, -1, -1, -1)
    sizes = torch.tensor([[width, height]] * count, dtype=torch.float32)
    uniforms = torch.from_numpy(uniform_numbers((3, 1, 0), range(count), AUGMENTATION_DRAWS))
    settings = _changed(max_zoom=0.3, max_shift=64, max_stretch=0.05, box_noise=0.1, fit=True)
    made = augment(exemplars, exemplars, sizes, uniforms.float(), settings)
    # The box is another one on the target, in both images the same.
    in_exemplar = np.concatenate([63.5 - made.exemplar_sizes / 2, made.exemplar_sizes], axis=1)
    changes = []
    for boxes, images in ((in_exemplar, made.exemplars), (made.boxes.numpy(), made.searches)):
        seen = _measured(images)
        center = (boxes[:, :2] + boxes[:, 2:] / 2 - seen[:, :2] - seen[:, 2:] / 2) / seen[:, 2:]
        changes.append(np.concatenate([center, np.log(boxes[:, 2:] / seen[:, 2:])], axis=1))
    np.testing.assert_allclose(changes[0], changes[1], atol=0.02)
    assert 0.08 < np.abs(changes[0]).max() < 0.12
    plain = augment(exemplars, exemplars, sizes, uniforms.float(), replace(settings, box_noise=0))
    np.testing.assert_allclose(_measured(plain.searches), plain.boxes, atol=0.3)
    sides = (plain.boxes[:, 2:] / sizes).log().mean(1)
    assert 0.2 < sides.max() <= 0.36
    assert sides.min() == pytest.approx(-np.log(285 / 255), abs=0.06)  # all that the crop shows


def test_search_images_show_no_more_than_the_crop():
    count = 200
    frame = torch.full((count, 285, 285, 3), 255, dtype=torch.uint8)
    frame[:, 1:-1, 1:-1] = 0
    sizes = torch.full((count, 2), 50.0)
    uniforms = torch.from_numpy(uniform_numbers((4, 1, 0), range(count), AUGMENTATION_DRAWS))
    settings = _changed(max_zoom=0.3, max_shift=64, fit=True)
    made = augment(frame, frame, sizes, uniforms.float(), settings)
    edge = (made.searches[:, 127, :, 0] > 200).sum(1)
    assert edge.max() <= 2, "the outermost pixel would be repeated beyond the crop"
    assert made.offsets.abs().max() > 40


def test_an_exemplar_of_another_target_is_not_visible():
    batch = _batch()
    own = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert augment(*batch, PLAIN, present=own).visible.tolist() == [1, 0, 1, 0]
    assert augment(*batch, PLAIN).visible.tolist() == [1, 1, 1, 1]


class _Numbered:
    """A store in which every pixel of a row's image is the row's number."""

    settings = CurationSettings()
    video_names = ("a",)
    track_numbers = np.zeros(40, dtype=np.int64)
    records = np.zeros(40, dtype=RECORD)
    records["frame"] = np.arange(40)
    boxes_crop = np.full((40, 4), 50.0)

    def read_into(self, row, out):
        out[...] = 3 * row


@pytest.mark.parametrize(
    ("world", "workers"), [(1, 0), (2, 0), (4, 0), pytest.param(1, 2, marks=pytest.mark.slow)]
)
def test_batches_do_not_depend_on_processes_and_devices(world, workers):
    def batches(world, workers, start=0):
        loaders = [
            PairLoader(
                StorePairs([_Numbered()], PairSampling(pairs_per_epoch=26, seed=1)),
                8, rank=rank, world=world, workers=workers,
            )
            for rank in range(world)
        ]  # fmt: skip
        streams = [list(loader.epoch(3, start=start)) for loader in loaders]
        return [
            torch.cat([part.searches for part in parts]) for parts in zip(*streams, strict=True)
        ]

    expected = batches(1, 0)
    assert len(expected) == 3  # 26 pairs make three batches of eight
    for found, batch in zip(batches(world, workers), expected, strict=True):
        assert (found.double() - batch.double()).abs().max() <= 1
    resumed = batches(world, workers, start=2)
    assert (resumed[0].double() - expected[2].double()).abs().max() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AugmentSettings(max_stretch=2), "max_stretch: expected a number from 0 to 1"),
        (lambda: AugmentSettings(search_size=100), "search_size: expected a whole number of at l"),
        (
            lambda: AugmentSettings(max_shift=20).check_store(CurationSettings()),
            "max_shift 20 and max_stretch 0.05 need crops of 309.75 pixels, the store has 285",
        ),
        (
            lambda: AugmentSettings(exemplar_size=100).check_store(CurationSettings()),
            "exemplar_size: expected the store's 127 pixels, got 100",
        ),
        (
            lambda: augment(*_batch()[:3], torch.zeros(4, 3), PLAIN),
            r"uniforms: expected shape \(4, 24\), got \(4, 3\)",
        ),
        (
            lambda: PairLoader(StorePairs([_Numbered()]), 9, world=2),
            "batch: expected a multiple of 2 processes up to an epoch's 53200 pairs, got 9",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
