"""The thesis's geometric faults: each has its documented effect; siamfc has none of them."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from siamfc.boxes import center
from siamfc.experiments.as_published import (
    Faults,
    PublishedTracker,
    all_faults,
    draw_frame,
    floored_crop,
    measure_terms,
    published_displacement,
    published_offset,
    resize_linearly,
    terms,
)
from siamfc.experiments.ideal import IdealMatcher
from siamfc.experiments.videos import square_video
from siamfc.tracking import Tracker, five_scales, one_scale, three_scales

FILL = np.array([9, 8, 7], np.uint8)


def followed(faults, frames=60):
    video = square_video(4, frames)
    tracker = PublishedTracker(IdealMatcher(), one_scale(), faults)
    tracker.init(draw_frame(video, 0, faults), video.boxes[0])
    boxes = [tracker.update(draw_frame(video, i, faults)) for i in range(1, frames)]
    return np.array([video.boxes[0], *boxes]), video.boxes


@pytest.mark.parametrize("settings", [one_scale(), three_scales(), five_scales()])
def test_without_faults_it_is_the_products_tracker(settings):
    video = square_video(16, 12)
    published = PublishedTracker(IdealMatcher(), settings, Faults())
    product = Tracker(IdealMatcher(), settings)
    for tracker in (published, product):
        tracker.init(video[0], video.boxes[0])
    for index in range(1, len(video)):
        np.testing.assert_array_equal(published.update(video[index]), product.update(video[index]))


def test_exact_geometry_has_no_bias_and_the_published_one_goes_left_and_up():
    exact, truth = followed(Faults())
    published, _ = followed(all_faults())
    offset = center(exact) - center(truth)
    assert np.hypot(*offset.T).mean() < 0.2
    assert np.abs(offset.mean(axis=0)).max() < 0.05
    assert (published_displacement(published, truth).mean(axis=0) < -0.5).all()
    assert 1.3 < np.hypot(*published_offset(published, truth).T).mean() < 2.3


@pytest.mark.parametrize(
    ("fault", "least", "most", "shift"),
    [
        ("bilinear_upsampling", 1.0, 2.0, 0.0),  # uniform over a grid of 8/1.59 = 5 frame pixels
        ("floored_crops", 0.2, 0.8, -0.2),  # rounded down by half a pixel on average, at worst
        ("shifted_first_box", 1.3, 1.5, -1.0),  # a pixel on both axes, for good
        ("wide_square", 0.0, 0.2, 0.0),  # exemplar and search see the same square
    ],
)
def test_each_fault_alone_costs_what_its_cause_says(fault, least, most, shift):
    boxes, truth = followed(Faults(**{fault: True}))
    offset = center(boxes) - center(truth)
    assert least <= np.hypot(*offset.T).mean() <= most
    np.testing.assert_allclose(offset.mean(axis=0), shift, atol=0.3)


def test_the_product_reads_neither_the_faults_nor_the_wide_square():
    video = square_video(4, 2)
    assert (draw_frame(video, 1, Faults()) == 0).all(axis=-1).sum() == 40 * 40
    assert (draw_frame(video, 1, all_faults()) == 0).all(axis=-1).sum() == 41 * 41
    assert (video[1] == 0).all(axis=-1).sum() == 40 * 40


def test_a_crop_of_its_own_size_inside_the_frame_is_a_cut_out():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    got = floored_crop(image, [20.5, 15.5], 8.0, 8, FILL)  # pixel index 20, 15
    np.testing.assert_array_equal(got, image[11:19, 16:24])


def test_edges_between_pixels_are_rounded_towards_zero():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    whole = floored_crop(image, [20.5, 15.5], 8.0, 8, FILL)
    between = floored_crop(image, [21.4, 16.4], 8.0, 8, FILL)
    np.testing.assert_array_equal(between, whole)


def test_beyond_the_border_there_is_fill_and_the_crop_is_stretched():
    image = np.full((30, 40, 3), 100, np.uint8)
    got = floored_crop(image, [2.0, 15.5], 8.0, 8, FILL)  # from −2.5: two columns of fill, not 2.5
    assert got.shape == (8, 8, 3)
    np.testing.assert_array_equal(got[:, 0], np.tile(FILL, (8, 1)))
    assert (got[:, -1] == 100).all()
    outside = floored_crop(image, [0.0, 0.0], 2.0, 4, FILL)
    assert outside.shape == (4, 4, 3)


@pytest.mark.parametrize(("count", "size"), [(17, 272), (160, 255), (80, 127), (300, 255)])
def test_linear_resizing_agrees_with_torch(count, size):
    values = np.random.default_rng(1).normal(size=(count, count))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=(size, size), mode="bilinear"
    )[0, 0].numpy()
    np.testing.assert_allclose(resize_linearly(values, size), expected, atol=1e-9)


def test_the_published_metric_compares_unlike_numbers():
    # A square at 10…50 by a 40-pixel label: the exact answer is 1.5 right and 1.5 down of "truth".
    np.testing.assert_array_equal(
        published_offset([[10, 10, 40, 40]], [[10, 10, 40, 40]]), [[1.5] * 2]
    )
    # Read as 1-based, and found where it was told to be: half a pixel.
    np.testing.assert_array_equal(
        published_offset([[9, 9, 40, 40]], [[10, 10, 40, 40]]), [[0.5] * 2]
    )
    # Figure 12: the corner in 1-based pixels, cut off, less the 0-based one.
    boxes = [[9, 9, 40, 40], [10, 10.4, 40, 40], [10.6, 10, 40, 40]]
    got = published_displacement(boxes, [[10, 10, 40, 40]] * 3)
    np.testing.assert_array_equal(got, [[-1, -1], [0, 0], [1, 0]])


def test_terms_are_none_each_all_and_all_but_each():
    names = [one.name for one in fields(Faults)]
    counts = [sum(getattr(term.faults, name) for name in names) for term in terms()]
    assert counts == [0, *[1] * len(names), len(names), *[len(names) - 1] * len(names)]
    assert len({term.title for term in terms()}) == len(counts)


def test_terms_are_measured_for_every_row():
    results = measure_terms(IdealMatcher(), square_video(4, 3))
    assert list(results) == [term.title for term in terms()]
    for errors in results.values():
        assert errors["center_error"] >= 0
        assert len(errors["offset"]) == len(errors["published_displacement"]) == 2


def test_a_response_without_contrast_leaves_the_target_where_it_is():
    class Blind(IdealMatcher):
        def respond(self, exemplars, searches):
            return np.zeros_like(super().respond(exemplars, searches))

    video = square_video(4, 2)
    for faults in (Faults(), replace(Faults(), bilinear_upsampling=True)):
        tracker = PublishedTracker(Blind(), one_scale(), faults)
        tracker.init(video[0], video.boxes[0])
        np.testing.assert_allclose(tracker.update(video[1]), video.boxes[0], atol=0.2)
