"""The tracker's geometry on the thesis's synthetic video, with a matcher that is never wrong."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import IdealMatcher
from siamfc import boxes
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import Stepper, Tracker, five_scales, one_scale, three_scales

WHITE = 255


def followed(images, box, settings):
    """Return boxes (F, 4) of a target tracked through a list of images."""
    tracker = Tracker(IdealMatcher(), settings)
    tracker.init(images[0], box)
    return np.array([box, *(tracker.update(image) for image in images[1:])])


def square(left, top, *, side=40, frame=(200, 240)):
    """Return a black square on white, anti-aliased if it lies between pixels."""
    height, width = frame
    x, y = np.arange(width), np.arange(height)
    across = np.clip(np.minimum(x + 1, left + side) - np.maximum(x, left), 0, 1)
    down = np.clip(np.minimum(y + 1, top + side) - np.maximum(y, top), 0, 1)
    grey = np.rint(WHITE * (1 - np.outer(down, across))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


@pytest.mark.parametrize("settings", [one_scale(), three_scales()], ids=["one", "three"])
@pytest.mark.parametrize("longest_step", [4, 16, 32])
def test_there_is_no_bias_and_almost_no_error(longest_step, settings):
    video = SquareVideo(SquareVideoSettings(max_displacement=longest_step, seed=1))
    assert len(video) == 300
    got = followed(list(video), video.boxes[0], settings)
    offsets = boxes.center(got) - boxes.center(video.boxes)
    assert np.abs(offsets.mean(axis=0)).max() < 0.02
    assert np.hypot(*offsets.T).mean() < 0.2
    assert boxes.iou(got, video.boxes).min() > 0.95


def test_mirroring_and_transposing_the_video_mirrors_and_transposes_the_track():
    video = SquareVideo(SquareVideoSettings(frames=40, max_displacement=16, seed=2))
    x, y, w, h = video.boxes[0]
    track = followed(list(video), video.boxes[0], three_scales())
    mirrored = followed([im[:, ::-1] for im in video], [255 - x - w, y, w, h], three_scales())
    flipped = followed([im[::-1] for im in video], [x, 255 - y - h, w, h], three_scales())
    turned = [im.transpose(1, 0, 2) for im in video]
    transposed = followed(turned, [y, x, h, w], three_scales())
    mirrored[:, 0] = 255 - mirrored[:, 0] - mirrored[:, 2]
    flipped[:, 1] = 255 - flipped[:, 1] - flipped[:, 3]
    for turned_back in (mirrored, flipped, transposed[:, [1, 0, 3, 2]]):
        # Crops are rounded to grey levels, rows before columns; a level moves the peak slightly.
        np.testing.assert_allclose(turned_back, track, atol=0.005)


@pytest.mark.parametrize("settings", [one_scale(), three_scales(), five_scales()])
def test_a_square_moved_by_3_and_minus_2_is_followed(settings):
    got = followed([square(100, 80), square(103, 78)], [100, 80, 40, 40], settings)
    np.testing.assert_allclose(got[1], [103, 78, 40, 40], atol=0.15)


def test_a_square_that_stands_still_stays_exactly_where_it_is():
    got = followed([square(100, 80)] * 10, [100, 80, 40, 40], three_scales())
    np.testing.assert_array_equal(got, [[100, 80, 40, 40]] * 10)


def test_sub_pixel_movement_is_detected():
    images = [square(100 + 0.25 * k, 80 - 0.125 * k) for k in range(20)]
    got = followed(images, [100, 80, 40, 40], one_scale())
    expected = [[100 + 0.25 * k, 80 - 0.125 * k, 40, 40] for k in range(20)]
    np.testing.assert_allclose(got, expected, atol=0.15)


def test_shifting_the_video_shifts_the_track():
    path = [(60 + 3 * k, 70 - k) for k in range(10)]
    here = followed([square(*p) for p in path], [60, 70, 40, 40], three_scales())
    there = followed([square(x + 20, y + 30) for x, y in path], [80, 100, 40, 40], three_scales())
    np.testing.assert_allclose(there - here, [[20, 30, 0, 0]] * 10, atol=1e-6)


@pytest.mark.parametrize("settings", [three_scales(), five_scales()], ids=["three", "five"])
@pytest.mark.parametrize("growth", [1.01, 0.99])
def test_a_size_that_changes_is_followed(settings, growth):
    sides = 40 * growth ** np.arange(40)
    images = [square(120 - side / 2, 100 - side / 2, side=side) for side in sides]
    got = followed(images, [100, 80, 40, 40], settings)
    np.testing.assert_allclose(got[:, 2:].T, [sides, sides], rtol=0.05)
    np.testing.assert_allclose(boxes.center(got), [[120, 100]] * 40, atol=0.3)


def test_a_target_leaving_the_frame_is_kept_at_its_border():
    images = [square(100 - 8 * k, 80) for k in range(20)]
    got = followed(images, [100, 80, 40, 40], one_scale())
    centers = boxes.center(got)
    assert centers[:, 0].min() >= 0
    np.testing.assert_allclose(got[:12, 0], [100 - 8 * k for k in range(12)], atol=0.5)


def test_several_targets_get_the_same_boxes_as_each_alone():
    """The two squares are too far apart to appear in each other's search windows."""
    matcher, settings = IdealMatcher(), three_scales()

    def image(k):
        left = square(40 + 2 * k, 60 + k, side=30, frame=(200, 500))
        right = square(400 - 3 * k, 100, side=40, frame=(200, 500))
        return np.minimum(left, right)

    both = [[40, 60, 30, 30], [400, 100, 40, 40]]
    together = Stepper(matcher).begin(image(0), both)
    alone = [Stepper(matcher).begin(image(0), box) for box in both]
    for k in range(1, 8):
        together = Stepper(matcher, settings).step(together, image(k))
        alone = [Stepper(matcher, settings).step(state, image(k)) for state in alone]
        for n in range(2):
            assert together.targets.boxes[n].tolist() == alone[n].targets.boxes[0].tolist()
            assert together.targets.score[n] == alone[n].targets.score[0]
    np.testing.assert_allclose(together.targets.boxes[:, 0], [54, 379], atol=0.3)


def test_any_odd_number_of_scales_works():
    for scales in (7, 9):
        settings = replace(five_scales(), scales=scales)
        got = followed([square(100, 80), square(103, 78)], [100, 80, 40, 40], settings)
        np.testing.assert_allclose(got[1], [103, 78, 40, 40], atol=0.15)
