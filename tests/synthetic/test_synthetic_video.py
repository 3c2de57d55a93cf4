import itertools

import numpy as np
import pytest

from siamfc.boxes import from_mask
from siamfc.errors import InputError
from siamfc.synthetic import SquareVideo, SquareVideoSettings


def test_the_defaults_are_those_of_the_thesis():
    video = SquareVideo()
    assert len(video) == 300
    assert video[0].shape == (255, 255, 3)
    assert video.boxes[0].tolist() == [107, 107, 40, 40]


@pytest.mark.parametrize(("size", "target"), [(255, 40), (64, 7), (40, 40), (33, 1)])
def test_the_box_is_exactly_the_square_that_was_drawn(size, target):
    video = SquareVideo(SquareVideoSettings(frames=20, size=size, target=target, seed=5))
    for frame, box in zip(video, video.boxes, strict=True):
        black = (frame == 0).all(axis=2)
        assert black.sum() == target**2
        assert (frame[~black] == 255).all()
        np.testing.assert_array_equal(from_mask(black), box)


def test_every_step_up_to_the_longest_is_drawn_about_equally_often_on_each_axis():
    video = SquareVideo(
        SquareVideoSettings(frames=4000, size=2000, target=2, max_displacement=3, seed=1)
    )
    steps = np.diff(video.boxes[:, :2], axis=0)
    for axis in range(2):
        values, counts = np.unique(steps[:, axis], return_counts=True)
        assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        # 4000 / 7 = 571 of each; five standard deviations are 111.
        assert np.abs(counts - 571).max() < 111


def test_the_square_never_leaves_the_frame_and_reaches_its_border():
    video = SquareVideo(SquareVideoSettings(frames=2000, max_displacement=32, seed=3))
    corners = video.boxes[:, :2]
    assert corners.min() == 0
    assert corners.max() == 255 - 40


def test_a_seed_gives_one_path_and_another_seed_another():
    first, again, other = (
        SquareVideo(SquareVideoSettings(frames=30, seed=seed)).boxes for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_longer_video_begins_like_a_shorter_one():
    short, long = (SquareVideo(SquareVideoSettings(frames=count)).boxes for count in (10, 40))
    np.testing.assert_array_equal(short, long[:10])


def test_a_step_of_zero_keeps_the_square_in_place():
    video = SquareVideo(SquareVideoSettings(frames=5, max_displacement=0))
    assert all((a == b).all() for a, b in itertools.pairwise(video.boxes))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 0}, "frames: expected a whole number from 1 to 1000000, got 0"),
        ({"size": 2.5}, "size: expected a whole number from 1 to 16384, got 2.5"),
        ({"max_displacement": -1}, "max_displacement: expected a whole number of at least 0"),
        ({"size": 30, "target": 31}, "target: expected at most the frame's size of 30 pixels"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        SquareVideoSettings(**settings)
