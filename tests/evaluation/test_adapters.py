import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from trackers import square_sequence

from siamfc.errors import InputError, MissingDependencyError
from siamfc.evaluation import run_sequence
from siamfc.evaluation.adapters import OpenCV, parse_tracker


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("trackers:Finds", id="a class"),
        pytest.param("trackers_hostile:make_finder", id="a function that makes a tracker"),
        pytest.param("trackers_hostile:find", id="a function of frame and last box"),
        pytest.param("trackers_hostile:follow", id="a generator"),
    ],
)
def test_each_form_of_tracker_follows(name: str, tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    track = run_sequence(parse_tracker(name)(), sequence)
    assert track.failure is None
    np.testing.assert_array_equal(track.boxes, sequence.boxes)


def test_the_record_changes_with_the_file() -> None:
    record = parse_tracker("trackers:Finds").record()
    assert record["name"] == "trackers:Finds"
    assert len(record["digest"]) == 64
    assert parse_tracker("trackers_hostile:Hangs").record()["digest"] != record["digest"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("CSRT", "expected opencv:NAME, trax:COMMAND or module:name", id="no colon"),
        pytest.param("opencv:", "expected opencv:NAME", id="no name"),
        pytest.param("nowhere:Tracker", "cannot be imported", id="no module"),
        pytest.param("trackers:Missing", "cannot be imported", id="no such name"),
        pytest.param("os:getcwd", "expected something with init", id="no tracker"),
        pytest.param("os:sep", "expected something with init", id="no callable"),
    ],
)
def test_what_is_no_tracker_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_tracker(text)()


class FakeOpenCVTracker:
    """Answers as cv2's do: whether found, and a box of whole numbers."""

    def __init__(self) -> None:
        self.frames = 0

    def init(self, image: Any, box: tuple[int, int, int, int]) -> None:
        assert image.flags.c_contiguous
        assert tuple(image[0, 0]) == (3, 2, 1)
        assert box == (4, 6, 8, 1)

    def update(self, _image: Any) -> tuple[bool, tuple[int, int, int, int]]:
        self.frames += 1
        return self.frames == 1, (5, 6, 7, 8)


@pytest.fixture
def fake_cv2(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("cv2")
    module.__version__ = "4.99"  # type: ignore[attr-defined]
    module.TrackerMIL_create = FakeOpenCVTracker  # type: ignore[attr-defined]
    module.legacy = SimpleNamespace(TrackerMOSSE_create=FakeOpenCVTracker)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2", module)


@pytest.mark.usefixtures("fake_cv2")
@pytest.mark.parametrize("name", ["MIL", "mil", "MOSSE"])
def test_opencv_gets_blue_first_and_whole_pixels_and_holds_the_last_box(name: str) -> None:
    tracker = OpenCV(name=name)()
    image = np.full((20, 20, 3), (1, 2, 3), np.uint8)
    tracker.init(image, np.array([4.4, 5.6, 8.1, 0.3]))
    assert (tracker.update(image), tracker.score) == ((5, 6, 7, 8), 1)
    assert (tracker.update(image), tracker.score) == ((5, 6, 7, 8), 0)
    assert OpenCV(name=name).record() == {"name": f"opencv:{name}", "version": "4.99"}


@pytest.mark.usefixtures("fake_cv2")
def test_opencv_trackers_that_there_are_not_are_told_of() -> None:
    with pytest.raises(InputError, match=r"this OpenCV \(4.99\) has mil, mosse"):
        OpenCV(name="CSRT")()


def test_without_opencv_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match="pip install opencv-contrib"):
        OpenCV(name="CSRT")()
