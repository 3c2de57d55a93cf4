"""Following by rows, from any frame, as the page does."""

import numpy as np
import pytest

from fakes import IdealBoxMatcher
from siamfc.tracking import LightSettings, Settings, Tracker
from siamfc.tracking.exemplar_update import UpdateSettings
from siamfc.web import tracking as following
from siamfc.web.tracking import Following, Keyframes

FRAMES = 30
BOXES = np.array([[20.0, 30.0, 24.0, 20.0], [150.0, 60.0, 20.0, 30.0]])


def image(k: int) -> np.ndarray:
    """Two squares on white that move apart and become lighter."""
    picture = np.full((160, 240, 3), 255, dtype=np.uint8)
    for x, y, w, h in (BOXES + np.array([k, 0, 0, 0])).astype(int):
        picture[y : y + h, x : x + w] = 2 * k
    return picture


class Remembering(IdealBoxMatcher):  # type: ignore[misc]
    """Writes down which exemplars, mean grey values, are searched for."""

    def __init__(self) -> None:
        super().__init__()
        self.searched: list[list[float]] = []

    def embed_exemplar(self, crops: np.ndarray, _sizes: np.ndarray) -> np.ndarray:
        grey = crops.reshape(len(crops), -1).mean(axis=1)
        return np.stack([grey, grey], axis=1)

    def locate(self, exemplars: np.ndarray, searches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.searched.append(exemplars[:, 0].tolist())
        found: tuple[np.ndarray, np.ndarray] = super().locate(exemplars, searches)
        return found


def settings(every: int) -> LightSettings:
    update = UpdateSettings(rate=0.5, first_share=0.5, every=every, restart_average=True)
    return LightSettings(update=update)


def tracked(chosen: Settings, targets: int) -> list[list[float]]:
    """What the tracker searches for in each frame but the first."""
    searched: list[list[float]] = [[] for _ in range(1, FRAMES)]
    for box in BOXES[:targets]:
        matcher = Remembering()
        tracker = Tracker(matcher, chosen)
        tracker.init(image(0), box)
        for k in range(1, FRAMES):
            tracker.update(image(k))
            searched[k - 1] += matcher.searched[k - 1]
    return searched


class Page:
    """Rows of a job, as the page keeps them."""

    def __init__(self, every: int) -> None:
        self.matcher = Remembering()
        self.following = Following(self.matcher, settings(every))
        self.rows: list[np.ndarray] = []

    def go_on(self, start: int, end: int, keyframes: Keyframes) -> list[list[float]]:
        """What is searched for in these frames; rows from the first of them on are made anew."""
        del self.rows[start:]
        self.matcher.searched.clear()
        for k in range(start, end):
            before = self.rows[-1] if self.rows else np.full((2, 4), np.nan)
            self.rows.append(self.following.row(image(k), k, before, keyframes)[0])
        return list(self.matcher.searched)


@pytest.fixture(params=[1, 7])
def every(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_rows_search_for_what_the_tracker_searches_for(every: int) -> None:
    keyframes = {0: dict(enumerate(map(tuple, BOXES.tolist())))}
    searched = Page(every).go_on(0, FRAMES, keyframes)
    assert len({first for first, _ in searched}) == (FRAMES - 2) // every + 1
    np.testing.assert_allclose(searched, tracked(settings(every), 2), rtol=1e-6)


def test_from_any_frame_it_goes_on_as_an_uninterrupted_run(every: int) -> None:
    keyframes = {0: dict(enumerate(map(tuple, BOXES.tolist())))}
    page = Page(every)
    expected = page.go_on(0, FRAMES, keyframes)
    for start in (FRAMES - 1, 20, 8, 7, 1):
        assert page.go_on(start, FRAMES, keyframes) == expected[start - 1 :]


def test_a_box_drawn_anew_begins_anew_and_taken_back_leaves_nothing(every: int) -> None:
    plain = {0: dict(enumerate(map(tuple, BOXES.tolist())))}
    page = Page(every)
    expected = page.go_on(0, FRAMES, plain)
    x, y, w, h = BOXES[0] + np.array([12, 0, 0, 0])
    page.go_on(12, FRAMES, {**plain, 12: {0: (x, y, w, h)}})
    fresh = Remembering().embed_exemplar(*_exemplar(12))[0, 0]
    assert page.matcher.searched[0] == [expected[11][1]]
    assert page.matcher.searched[1] == [pytest.approx(fresh)]
    assert page.matcher.searched[2] == [expected[12][1]]
    assert page.go_on(12, FRAMES, plain) == expected[11:]


def _exemplar(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the first target in a frame."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    class Showing(IdealBoxMatcher):  # type: ignore[misc]
        def embed_exemplar(self, crops: np.ndarray, sizes: np.ndarray) -> np.ndarray:
            seen.append((crops, sizes))
            return np.zeros((len(crops), 2))

    Tracker(Showing()).init(image(k), BOXES[0] + np.array([k, 0, 0, 0]))
    return seen[0]


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_KEPT", 8)
    keyframes = {0: dict(enumerate(map(tuple, BOXES.tolist())))}
    page = Page(1)
    expected = page.go_on(0, FRAMES, keyframes)
    (drawn,) = page.following._drawn.values()
    frames = [frame for frame, _ in drawn._since[0]]
    assert len(frames) <= 8
    assert frames == sorted(frames)
    assert frames[-4:] == list(range(FRAMES - 4, FRAMES))
    assert page.go_on(FRAMES - 2, FRAMES, keyframes) == expected[-2:]
