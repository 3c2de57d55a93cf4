"""Recipes are refused when they are made, not after an epoch, if their parts do not fit."""

import pytest

from siamfc.errors import InputError
from siamfc.overrides import change
from siamfc.training.recipes import RECIPES


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("procedural", {"network": "light"}, "a response of 16 cells and stride 16"),
        ("tiny", {"spec.stride": 16}, "a response of 17 cells and stride 8"),
        ("light", {"spec.search_size": 127}, "images of 127 and 255 pixels"),
        ("light", {"data.pairs.search_size": 223}, "the 255 pixels of spec, got 223 in data"),
        ("tiny", {"frozen_statistics": True}, "frozen_statistics: expected false"),
        # SiamFC would learn that its target is where nothing is.
        ("paper", {"data.negative_share": 0.5}, "a target in every search image"),
        ("procedural", {"data.pairs.absent_share": 0.5}, "a target in every search image"),
        (
            "paper",
            {"data.mix": 0.5, "data.procedural.pairs.absent_share": 0.5},
            "a target in every search image",
        ),
    ],
)
def test_what_a_network_cannot_train_is_refused(name, values, message):
    with pytest.raises(InputError, match=message):
        change(RECIPES[name](), values)


def test_procedural_pairs_that_are_not_mixed_in_may_be_anything():
    changed = change(RECIPES["paper"](), {"data.procedural.pairs.absent_share": 0.5})
    assert changed.data.procedural.pairs.absent_share == 0.5
