import math

import numpy as np
import pytest

from siamfc.errors import InputError, SourceError
from siamfc.frames import ArraySource, open_source

_RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize("arrays", [[_RGB] * 3, (_RGB,) * 3, np.stack([_RGB] * 3)])
def test_lists_and_stacks_can_be_read_repeatedly(arrays) -> None:
    with open_source(arrays) as source:
        assert (source.frame_count, source.size, source.frame_rate) == (3, (6, 4), None)
        for _ in range(2):
            frames = list(source)
            assert [frame.index for frame in frames] == [0, 1, 2]
            assert all(math.isnan(frame.time) for frame in frames)
            np.testing.assert_array_equal(frames[2].image, _RGB)


def test_a_stack_of_grey_is_read_picture_by_picture() -> None:
    frames = list(ArraySource(np.zeros((5, 4, 6), np.uint8)))
    assert [frame.image.shape for frame in frames] == [(4, 6, 3)] * 5


def test_a_generator_is_read_on_demand_and_once() -> None:
    made = []

    def generate():
        for index in range(3):
            made.append(index)
            yield _RGB

    source = open_source(generate(), frame_rate=10)
    assert (source.frame_count, source.size, made) == (None, None, [])
    frames = iter(source)
    assert next(frames).index == 0
    assert made == [0], "nothing is read ahead: a generator may have side effects"
    assert [frame.time for frame in frames] == [0.1, 0.2]
    with pytest.raises(SourceError, match="has been read"):
        iter(source)


def test_frames_may_change_size() -> None:
    shapes = [frame.image.shape for frame in ArraySource([_RGB, _RGB[:2]])]
    assert shapes == [(4, 6, 3), (2, 6, 3)]


@pytest.mark.parametrize("single", [_RGB, np.zeros((4, 6, 4), np.uint8)])
def test_a_single_picture_is_no_source(single: np.ndarray) -> None:
    with pytest.raises(InputError, match="put it into a list"):
        open_source(single)


def test_a_bad_frame_is_named() -> None:
    frames = iter(ArraySource([_RGB, _RGB.astype(float)]))
    next(frames)
    with pytest.raises(InputError, match="frame 1 must be"):
        next(frames)


def test_nothing_is_no_source() -> None:
    with pytest.raises(SourceError, match="at least one"):
        open_source([])
