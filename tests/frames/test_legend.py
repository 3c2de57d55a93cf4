"""The legend in a picture's corner."""

import numpy as np
import pytest

from siamfc.frames.draw import PALETTE, draw_legend

GROUND = np.full((120, 160, 3), 90, np.uint8)


def test_names_are_listed_on_their_colours() -> None:
    image = draw_legend(GROUND, ["ours", "KCF"])
    rows = [np.flatnonzero((image == color).all(axis=2).any(axis=1)) for color in PALETTE[:2]]
    assert rows[0].max() < rows[1].min()
    columns = np.flatnonzero((image == PALETTE[0]).all(axis=2).any(axis=0))
    assert columns.max() < 80
    assert (GROUND == 90).all()


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["a" * 200], (120, 160)),
        ([str(i) for i in range(40)], (120, 160)),
        (["ours"], (4, 5)),
        ([], (4, 5)),
    ],
    ids=["too long", "too many", "tiny picture", "no names"],
)
def test_names_that_do_not_fit_are_cut_off(names: list[str], shape: tuple[int, int]) -> None:
    assert draw_legend(np.zeros((*shape, 3), np.uint8), names).shape == (*shape, 3)
