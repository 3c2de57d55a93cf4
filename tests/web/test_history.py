"""Rows of boxes and scores, and copies of them."""

import numpy as np

from siamfc.web.history import History


def test_a_copy_keeps_what_is_cut_or_tracked_anew() -> None:
    history = History()
    history.begin(10)
    history.set_targets(1)
    for value in range(300):  # more than there is room for at first
        history.append(np.full((1, 4), value), np.array([value]), value / 30)
    copy = history.copy()
    history.cut(20)
    history.append(np.full((1, 4), -1.0), np.array([-1.0]), 0.0)
    assert (copy.start, copy.end, history.end) == (10, 310, 21)
    assert copy.row(20)[0].tolist() == [[10.0] * 4]
    assert [result.index for result in copy.results()] == list(range(10, 310))
    assert history.row(20)[0].tolist() == [[-1.0] * 4]
