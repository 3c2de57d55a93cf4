"""The nine videos."""

import numpy as np
import pytest

from siamfc.errors import DatasetError, InputError
from siamfc.experiments.thesis import STEPS, VIDEOS
from siamfc.experiments.videos import (
    first_frames,
    real_sequences,
    square_video,
    synthetic_sequences,
    video_name,
)
from siamfc.synthetic import write_otb


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Nine sequences of five frames in OTB's layout."""
    root = tmp_path_factory.mktemp("otb")
    for name in "abcdefghi":
        write_otb(root / name, square_video(4, 5))
    return root


def test_the_synthetic_videos_are_written_once_and_are_the_thesis_s(tmp_path):
    first = synthetic_sequences(tmp_path, 5)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    again = synthetic_sequences(tmp_path, 5)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == written
    assert [one.name for one in again] == [video_name(step) for step in STEPS]
    for one, step in zip(first, STEPS, strict=True):
        np.testing.assert_array_equal(one.boxes, square_video(step, 5).boxes)
        np.testing.assert_array_equal(next(one.images()), square_video(step, 5)[0])


def test_six_are_taken_at_equal_distances(dataset):
    assert [one.name for one in real_sequences("otb", dataset)] == list("acdfgi")


def test_those_that_are_named_are_taken_in_their_order_and_once(dataset):
    names = [one.name for one in real_sequences("otb", dataset, names=["h", "b", "h"])]
    assert names == ["h", "b"]


def test_only_first_frames_are_kept(dataset):
    (one,) = real_sequences("otb", dataset, names=["e"], frames=3)
    assert len(one) == len(list(one.images())) == 3
    assert len(first_frames(one, 100)) == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"names": ["aa"]}, InputError, "no sequence 'aa': did you mean 'a'"),
        ({"frames": 1}, InputError, "frames: expected at least 2, got 1"),
        ({"layout": "otbb"}, DatasetError, "did you mean 'otb'"),
    ],
)
def test_bad_choices_are_refused(dataset, arguments, error, message):
    layout = arguments.pop("layout", "otb")
    with pytest.raises(error, match=message):
        real_sequences(layout, dataset, **arguments)


def test_the_thesis_s_tables_are_whole():
    assert [row.name for row in VIDEOS] == [f"Video {number}" for number in range(1, 10)]
    # The means of table 10's columns, added up by hand: a number mistyped shows.
    assert sum(row.synthetic_error for row in VIDEOS) == pytest.approx(1019.32)
    assert sum(row.imagenet_error for row in VIDEOS) == pytest.approx(688.41)
