import math

import numpy as np
import pytest

from siamfc.crops.curation_settings import (
    CurationSettings,
    Outcome,
    outcome_by_annotation,
    outcome_in_frame,
)
from siamfc.errors import InputError
from siamfc.geometry import frame_to_crop

SETTINGS = CurationSettings(least_area_share=0.001, frame_step=2)
NAN = math.nan


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, 285),  # (255 + 16) · 1.05 = 284.55
        ({"max_shift": 4, "max_stretch": 0.05}, 277),  # the paper's augmentation: 276.15
        ({"max_shift": 0, "max_stretch": 0}, 255),
        ({"max_shift": 64, "max_stretch": 0}, 383),
        ({"search_size": 303, "max_shift": 0, "max_stretch": 0.1}, 334),  # 333.3
    ],
)
def test_the_crop_is_as_large_as_augmentation_needs(settings, size):
    assert CurationSettings(**settings).crop_size == size


def test_the_exemplar_has_its_size_at_the_crops_scale():
    settings = CurationSettings()
    # A square of 40 has an exemplar of 80 frame pixels, shown in 127.
    side = float(settings.crop_side(np.array([40.0, 40.0])))
    assert settings.crop_size / side == pytest.approx(127 / 80)


@pytest.mark.parametrize("box", [(10, 20, 40, 40), (-5, 3.5, 31, 77), (600, 400, 300, 120)])
def test_the_box_in_the_crop_is_the_box_in_the_frame(box):
    settings = CurationSettings()
    frame_box = np.array(box, dtype=float)
    center = frame_box[:2] + frame_box[2:] / 2
    side = float(settings.crop_side(frame_box[2:]))
    corners = np.stack([frame_box[:2], frame_box[:2] + frame_box[2:]])
    expected = frame_to_crop(corners, center, side, settings.crop_size)
    found = settings.boxes_crop(frame_box)
    np.testing.assert_allclose(found[:2], expected[0])
    np.testing.assert_allclose(found[:2] + found[2:], expected[1])


@pytest.mark.parametrize(
    ("box", "visibility", "frame", "outcome"),
    [
        ((5, 5, 40, 40), NAN, 0, Outcome.KEPT),
        ((NAN, NAN, NAN, NAN), NAN, 0, Outcome.NO_BOX),
        ((5, 5, math.inf, 40), NAN, 0, Outcome.NO_BOX),
        ((5, 5, 40, 40), NAN, 1, Outcome.SKIPPED),
        ((5, 5, 0, 40), NAN, 0, Outcome.EMPTY_BOX),
        ((5, 5, 40, -3), NAN, 0, Outcome.EMPTY_BOX),
        ((5, 5, 9.9, 40), NAN, 0, Outcome.SMALL_SIDE),
        ((5, 5, 10, 50), NAN, 0, Outcome.KEPT),
        ((5, 5, 10, 50.1), NAN, 0, Outcome.ASPECT),
        ((5, 5, 50.1, 10), NAN, 0, Outcome.ASPECT),
        ((5, 5, 40, 40), 0.3, 0, Outcome.KEPT),
        ((5, 5, 40, 40), 0.29, 0, Outcome.HIDDEN),
        ((5, 5, 40, 40), 0.0, 0, Outcome.HIDDEN),
    ],
)
def test_a_target_is_judged_by_its_box_and_visibility(box, visibility, frame, outcome):
    assert outcome_by_annotation(box, visibility, frame, SETTINGS) is outcome


@pytest.mark.parametrize(
    ("box", "outcome"),
    [
        ((0, 0, 10, 10), Outcome.KEPT),  # 100 of 100,000: exactly the least
        ((0, 0, 9.9, 10), Outcome.SMALL_AREA),
        ((0, 0, 375, 200), Outcome.KEPT),  # three quarters
        ((0, 0, 376, 200), Outcome.LARGE_AREA),
        ((-20, 0, 40, 40), Outcome.KEPT),  # half inside
        ((-21, 0, 40, 40), Outcome.OUTSIDE),
        ((490, 190, 20, 20), Outcome.OUTSIDE),  # a quarter inside
        ((600, 0, 40, 40), Outcome.OUTSIDE),
    ],
)
def test_a_target_is_judged_by_its_position_in_a_frame_of_500_by_200(box, outcome):
    assert outcome_in_frame(box, (500, 200), SETTINGS) is outcome


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"search_size": 100}, "search_size: expected a whole number of at least 127, got 100"),
        ({"jpeg_quality": 100}, "jpeg_quality: expected a whole number from 1 to 95, got 100"),
        ({"max_stretch": -0.1}, "max_stretch: expected a number from 0 to 1, got -0.1"),
        ({"most_aspect": 0.5}, "most_aspect: expected a number of at least 1, got 0.5"),
        ({"least_visibility": 2}, "least_visibility: expected a number from 0 to 1, got 2"),
        (
            {"least_area_share": 0.5, "most_area_share": 0.4},
            "least_area_share: expected at most most_area_share, 0.4, got 0.5",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        CurationSettings(**settings)
