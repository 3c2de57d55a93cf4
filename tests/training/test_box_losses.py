"""The light network's loss: which cells learn what, and that perfect answers cost nothing."""

import math

import pytest
import torch

from siamfc.errors import InputError
from siamfc.network.light.architecture import SEARCH_CELLS
from siamfc.network.light.model import cell_points
from siamfc.training.box_losses import BoxLossSettings, box_loss, generalised_iou

POINTS = cell_points(SEARCH_CELLS)
TRUTH = torch.tensor([[90.0, 100.0, 60.0, 40.0]])
HERE, NOWHERE = torch.tensor([True]), torch.tensor([False])


def _answers(truth=TRUTH, logit=-30.0):
    """Every cell gives the true box and the same score."""
    corners = torch.cat([truth[:, :2], truth[:, :2] + truth[:, 2:]], 1)
    boxes = corners[:, :, None, None].expand(-1, -1, SEARCH_CELLS, SEARCH_CELLS).clone()
    return torch.full((len(truth), SEARCH_CELLS, SEARCH_CELLS), logit), boxes


def _inside(truth, share):
    """Cells whose points lie in the ellipse of this fraction of the box's sides."""
    center, size = truth[0, :2] + truth[0, 2:] / 2, truth[0, 2:]
    return (((POINTS - center[:, None, None]) / size[:, None, None]) ** 2).sum(0) < share**2


@pytest.mark.parametrize(
    ("other", "iou", "giou"),
    [
        ((0, 0, 4, 2), 1.0, 1.0),  # the same
        ((2, 0, 6, 2), 1 / 3, 1 / 3),  # beside each other, the hull is their union
        ((2, 1, 6, 3), 2 / 14, 2 / 14 - 4 / 18),  # the hull, 6 × 3, is larger than the union
        ((8, 0, 12, 2), 0.0, -8 / 24),  # apart: the farther, the worse
        ((1, 0.5, 2, 1.5), 1 / 8, 1 / 8),  # one in the other
        ((1, 0.5, 1.5, 1), 1 / 32, 1 / 32),  # smaller than a unit
    ],
)
def test_generalised_iou_by_hand(other, iou, giou):
    first, second = torch.tensor([[0.0, 0.0, 4.0, 2.0]]), torch.tensor([other], dtype=torch.float)
    for found in (generalised_iou(first, second), generalised_iou(second, first)):
        assert [float(value) for value in found] == pytest.approx([iou, giou])
    for unit in (0.1, 10):
        found = generalised_iou(first * unit, second * unit)
        assert [float(value) for value in found] == pytest.approx([iou, giou], rel=1e-5)


def test_a_loss_by_hand():
    """Three images of four cells: two on the target, one on it, and no target."""
    points = torch.tensor([[[4.0, 6], [95, 5]], [[5.0, 5], [95, 95]]])
    truth = torch.tensor([[0.0, 0, 10, 10], [90, 90, 10, 10], [0, 0, 10, 10]])
    boxes = torch.zeros((3, 4, 2, 2))
    boxes[0, :, 0, 0] = torch.tensor([0.0, 0, 10, 5])  # half of the truth: IoU and GIoU are 1/2
    boxes[0, :, 0, 1] = truth[0]
    boxes[1, :, 1, 0] = torch.tensor([90.0, 90, 100, 95])  # half of the truth
    logits = torch.zeros((3, 2, 2))  # scores of 1/2
    logits[0, 0] = math.log(3)  # scores of 3/4
    settings = BoxLossSettings(box_weight=3.0, focus=2.0)
    here = torch.tensor([True, True, False])
    loss, iou = box_loss(logits, boxes, points, truth, here, settings)
    # (quality − score)² · cross-entropy of each cell.
    half = 1 / 4**2 * -(0.5 * math.log(3 / 4) + 0.5 * math.log(1 / 4))
    whole = 1 / 4**2 * -math.log(3 / 4)
    off = 1 / 2**2 * math.log(2)
    scores = (half + whole + 2 * off) + (0 + 3 * off) + 4 * off
    shares = (0.5 * 0.5 + 0.5 * 0) + 0.5  # of 1 − GIoU, in two images with a target
    assert float(loss) == pytest.approx(scores / 3 + 3.0 * shares / 2, rel=1e-5)
    assert float(iou) == pytest.approx((0.5 + 1 + 0.5) / 3)


def test_a_perfect_answer_costs_nothing():
    logits, boxes = _answers()
    logits[0, _inside(TRUTH, 0.25)] = 30.0
    loss, iou = box_loss(logits, boxes, POINTS, TRUTH, HERE, BoxLossSettings())
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert float(iou) == pytest.approx(1)


def test_cells_between_the_ellipses_learn_no_score():
    settings = BoxLossSettings(inner=0.25, outer=0.5)
    logits, boxes = _answers()
    logits.requires_grad_()
    box_loss(logits, boxes, POINTS, TRUTH, HERE, settings)[0].backward()
    between = _inside(TRUTH, 0.5) & ~_inside(TRUTH, 0.25)
    assert between.any()
    assert (logits.grad[0][between] == 0).all()
    assert (logits.grad[0][_inside(TRUTH, 0.25)] < 0).all()  # to be raised


def test_the_peak_part_is_of_trained_cells_and_of_images_with_a_target_alone():
    truth = torch.cat([TRUTH, TRUTH])
    logits, boxes = _answers(truth)
    logits[:, _inside(TRUTH, 0.25)] = 2.0
    here = torch.tensor([True, False])

    def loss(weight):
        settings = BoxLossSettings(peak_weight=weight)
        return float(box_loss(logits, boxes, POINTS, truth, here, settings)[0])

    inner, outer = _inside(TRUTH, 0.25), _inside(TRUTH, 0.5)
    trained = logits[0][inner | ~outer]
    expected = -float(trained.log_softmax(0).max()) / 2  # the mean of two images
    assert loss(1.0) - loss(0.0) == pytest.approx(expected, rel=1e-5)


def test_only_cells_on_the_target_learn_boxes_and_a_large_target_counts_no_more():
    truth = torch.tensor([[90.0, 100.0, 60.0, 40.0], [20.0, 30.0, 160.0, 180.0]])
    logits, boxes = _answers(truth)
    boxes = (boxes + 3).requires_grad_()
    settings = BoxLossSettings()
    box_loss(logits, boxes, POINTS, truth, HERE.expand(2), settings)[0].backward()
    taught = boxes.grad.abs().sum(1) > 0
    assert torch.equal(taught[0], _inside(truth[:1], 0.25))
    assert torch.equal(taught[1], _inside(truth[1:], 0.25))
    assert taught[1].sum() > 4 * taught[0].sum()
    mostly_boxes = BoxLossSettings(box_weight=1e6)
    single = [
        box_loss(*_moved(truth[k : k + 1]), POINTS, truth[k : k + 1], HERE, mostly_boxes)[0]
        for k in (0, 1)
    ]
    both = box_loss(*_moved(truth), POINTS, truth, HERE.expand(2), mostly_boxes)[0]
    assert float(both) == pytest.approx(float(sum(single)) / 2, rel=1e-4)


def _moved(truth):
    logits, boxes = _answers(truth)
    return logits.double(), (boxes + 3).double()


def test_a_tiny_target_between_cells_still_has_one():
    truth = torch.tensor([[101.0, 101.0, 2.0, 2.0]])
    logits, boxes = _answers(truth)
    assert not _inside(truth, 0.5).any()
    logits.requires_grad_()
    box_loss(logits, boxes, POINTS, truth, HERE, BoxLossSettings())[0].backward()
    assert int((logits.grad < 0).sum()) == 1


def test_without_a_target_every_cell_learns_a_low_score_and_no_box():
    logits, boxes = _answers(logit=0.0)
    logits.requires_grad_()
    boxes.requires_grad_()
    loss, iou = box_loss(logits, boxes, POINTS, TRUTH, NOWHERE, BoxLossSettings())
    loss.backward()
    assert (logits.grad > 0).all()
    assert float(loss.detach()) == pytest.approx(SEARCH_CELLS**2 * 0.25 * math.log(2), rel=1e-5)
    assert boxes.grad.abs().sum() == 0
    assert float(iou) == 0


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_gradients_are_finite_at_any_score(logit):
    logits, boxes = _answers(logit=logit)
    logits.requires_grad_()
    box_loss(logits, boxes, POINTS, TRUTH, HERE, BoxLossSettings())[0].backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, 1.5) for name in ("inner", "outer", "least_visible", "negative_share")],
        ("outer", 0.2),  # within the inner ellipse
        ("box_weight", float("nan")),
        ("focus", -1.0),
        ("peak_weight", -1.0),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        BoxLossSettings(**{name: value})
