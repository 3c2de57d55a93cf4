"""Drawing of results in any colour, width and label."""

import numpy as np
import pytest

from siamfc.frames import draw_boxes
from siamfc.tracking import FrameResult

_GREY = np.full((240, 320, 3), 128, np.uint8)
_BOXES = np.array([[40, 60, 60, 50], [180, 60, 60, 50.0]])
_RESULT = FrameResult(
    3, 0.1, _BOXES, np.array([0.9, 0.2]), np.array([False, True]), names=("cat", "dog")
)


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ({}, {}),
        ({"color": "red"}, {"colors": ["red", "red"]}),
        ({"color": (0, 0, 255)}, {"colors": [(0, 0, 255)] * 2}),
        ({"color": [0, 0, 255]}, {"colors": [(0, 0, 255)] * 2}),
        ({"color": np.array([0, 0, 255])}, {"colors": [(0, 0, 255)] * 2}),
        ({"color": ["red", (0, 0, 255)]}, {"colors": ["red", (0, 0, 255)]}),
        ({"width": 7}, {"line_width": 7}),
        ({"label": ""}, {"labels": ["", ""]}),
        ({"label": "ball"}, {"labels": ["ball", "ball"]}),
        ({"label": ["a", "b"]}, {"labels": ["a", "b"]}),
    ],
)
def test_options_reach_the_drawing(given: dict, drawn: dict) -> None:
    expected = draw_boxes(
        _GREY, _BOXES, names=["cat", "dog"], scores=[0.9, 0.2], lost=[False, True], **drawn
    )
    np.testing.assert_array_equal(_RESULT.draw(_GREY, **given), expected)
