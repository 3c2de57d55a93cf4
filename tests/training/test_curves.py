"""A run's curves whatever its losses are."""

import math
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from siamfc.training.curves import best_epoch, draw_curves


def log_of(*losses: float) -> list[dict[str, Any]]:
    return [
        {"kind": "epoch", "epoch": number, "step": number, "training_loss": 0.5,
         "validation_loss": loss, "best": False}
        for number, loss in enumerate(losses, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize("loss", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_loss_that_is_no_number_is_not_the_best_and_is_drawn_as_none(
    loss: float, place: int
) -> None:
    losses = [0.4, 0.3]
    losses.insert(place, loss)
    assert best_epoch(log_of(*losses))["validation_loss"] == 0.3
    drawn = ET.fromstring(draw_curves(log_of(*losses), "run"))
    dots = [one for one in drawn.iter() if one.get("class", "").startswith("dot")]
    assert len(dots) == 1
    assert "nan" not in ET.tostring(drawn).decode()


def test_losses_of_which_none_is_a_number_are_drawn() -> None:
    assert draw_curves(log_of(math.nan, math.inf), "run").startswith("<svg")
