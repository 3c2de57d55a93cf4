"""The ideal matcher."""

import numpy as np

from siamfc.experiments.ideal import IdealMatcher
from siamfc.geometry import upsample


def picture(size, x, y, side=20):
    """White, with a black square at (x, y) from the middle, on whole pixels."""
    image = np.full((size, size, 3), 255, np.uint8)
    left, top = round(size / 2 + x - side / 2), round(size / 2 + y - side / 2)
    image[top : top + side, left : left + side] = 0
    return image


def peak(exemplar, search):
    matcher = IdealMatcher()
    response = matcher.respond(matcher.embed_exemplar(exemplar[None]), search[None, None])[0, 0]
    row, column = np.unravel_index(upsample(response, 16).argmax(), (272, 272))
    return (np.array([column, row]) - 135.5) / 2, response.max()


def test_the_peak_lies_where_the_target_is():
    place, _ = peak(picture(127, 0.5, 0.5), picture(255, 24.5, -15.5))
    np.testing.assert_allclose(place, [24, -16], atol=0.3)


def test_the_exemplars_own_offset_counts_as_in_a_correlation():
    place, _ = peak(picture(127, 3.5, -1.5), picture(255, 3.5, -1.5))
    np.testing.assert_allclose(place, [0, 0], atol=0.3)


def test_another_size_answers_less():
    _, same = peak(picture(127, 0.5, 0.5), picture(255, 0.5, 0.5))
    _, larger = peak(picture(127, 0.5, 0.5), picture(255, 0.5, 0.5, side=24))
    assert larger < same
