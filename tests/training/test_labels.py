"""Labels and weights, computed by hand."""

import math

import numpy as np
import pytest
import torch

from siamfc.errors import InputError
from siamfc.training.labels import LabelSettings, response_labels


def _labels(offset=(0.0, 0.0), size=17, **settings):
    labels, weights = response_labels(
        torch.tensor([offset]), LabelSettings(**settings), response_size=size
    )
    return labels[0].numpy(), weights[0].numpy()


def test_a_centred_target_has_the_thirteen_positive_cells_of_the_thesis():
    labels, weights = _labels(radius=16.0)
    disc = [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    expected = np.zeros((17, 17))
    expected[6:11, 6:11] = disc
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(weights[labels == 1], 0.5 / 13, rtol=1e-6)
    np.testing.assert_allclose(weights[labels == 0], 0.5 / 276, rtol=1e-6)


def test_each_response_of_a_batch_has_its_own_labels_and_weights():
    offsets = torch.tensor([[0.0, 0.0], [64.0, -8.0], [400.0, 0.0]])
    labels, weights = response_labels(offsets, LabelSettings())
    assert labels.shape == weights.shape == (3, 17, 17)
    for offset, *found in zip(offsets.tolist(), labels, weights, strict=True):
        for one, alone in zip(found, _labels(offset), strict=True):
            np.testing.assert_array_equal(one, alone)


@pytest.mark.parametrize(
    ("offset", "radius", "cells"),
    [
        ((0, 0), 7.9, {(2, 2)}),  # smaller than a cell's step: the centre alone
        ((0, 0), 8.0, {(2, 2), (1, 2), (3, 2), (2, 1), (2, 3)}),  # the rim counts
        ((8, 0), 7.9, {(2, 3)}),  # x moves the column
        ((0, -16), 7.9, {(0, 2)}),  # y moves the row
        ((4, 0), 4.0, {(2, 2), (2, 3)}),  # between two cells
        ((40, 0), 7.9, set()),  # beyond the response
    ],
)
def test_cells_within_the_radius_of_the_target_are_positive(offset, radius, cells):
    labels, weights = _labels(tuple(map(float, offset)), size=5, radius=radius)
    assert set(zip(*map(list, np.nonzero(labels)), strict=True)) == cells
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1.0 if cells else 0.5, rel=1e-5)


def test_without_balance_every_cell_weighs_the_same():
    labels, weights = _labels(size=5, balanced=False)
    assert labels.sum() == 13
    np.testing.assert_allclose(weights, 1 / 25)


def test_soft_labels_fall_off_and_their_classes_weigh_the_same():
    soft = LabelSettings(radius=16.0, soft=True)
    labels, weights = _labels(radius=16.0, soft=True)
    assert labels[8, 8] == labels.max()
    assert labels[8, 9] > labels[8, 10] > labels[8, 12] > 0
    # One term a cell stands for a positive and a negative one: l·w and (1 − l)·w.
    assert (labels * weights).sum() == pytest.approx(0.5, rel=1e-5)
    assert ((1 - labels) * weights).sum() == pytest.approx(0.5, rel=1e-5)
    share = math.exp(-(8**2) / (2 * 8**2))
    positive = (labels * weights)[8, 9] / (labels * weights)[8, 8]
    assert positive == pytest.approx(share, rel=1e-4)
    assert not soft.is_hard


def test_a_background_above_zero_raises_the_lowest_labels_alone():
    plain, plain_weights = _labels(radius=16.0, soft=True)
    raised, weights = _labels(radius=16.0, soft=True, background=0.1)
    np.testing.assert_array_equal(raised, np.maximum(plain, np.float32(0.1)))
    np.testing.assert_array_equal(weights, plain_weights)
    assert (plain < 0.1).any()
    assert (plain > 0.1).any()
    unbalanced, _ = _labels(balanced=False, background=0.1)
    assert set(np.unique(unbalanced)) == {np.float32(0.1), np.float32(1.0)}
    assert not LabelSettings(background=0.1).is_hard


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": 0.0}, "radius: expected a number of at least"),
        ({"background": 0.501}, "background: expected a number"),  # the target would be the lowest
        ({"balanced": False, "soft": True}, "balanced: expected true with soft labels"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        LabelSettings(**settings)


def test_a_response_of_positive_cells_alone_has_numbers_for_weights():
    labels, weights = _labels(size=3, radius=16.0)
    assert (labels == 1).all()
    np.testing.assert_allclose(weights, 0.5 / 9, rtol=1e-6)
