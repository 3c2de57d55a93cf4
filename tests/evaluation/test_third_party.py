import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from trackers import square_sequence

from siamfc.boxes import iou
from siamfc.errors import InputError, MissingDependencyError
from siamfc.evaluation import run_sequence
from siamfc.evaluation.trackers.opencv import OpenCV
from siamfc.evaluation.trackers.third_party import parse_tracker


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
        pytest.param("../mine.py:Good", "expected module:name, .* not a path", id="a path"),
        pytest.param(".foo:bar", "expected module:name", id="a relative module"),
        pytest.param("..:x", "expected module:name", id="points alone"),
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
    """Returns what cv2's trackers do: whether found, and a box of whole numbers."""

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
def fake_cv2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("cv2")
    vars(module).update(
        error=RuntimeError,
        __version__="4.99",
        TrackerMIL_create=FakeOpenCVTracker,
        legacy=SimpleNamespace(TrackerMOSSE_create=FakeOpenCVTracker),
    )
    monkeypatch.setitem(sys.modules, "cv2", module)
    return module


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


class FakeParameters:
    """Stand-in for `cv2.TrackerNano_Params`."""

    def __init__(self) -> None:
        self.backbone = "backbone.onnx"
        self.backend = 0
        self.fast = True


def make_nano(parameters: FakeParameters | None = None) -> FakeOpenCVTracker:
    parameters = parameters or FakeParameters()
    if not Path(parameters.backbone).exists():
        raise RuntimeError(f"OpenCV(4.99) error:\n can't read {parameters.backbone}")
    assert (parameters.backend, parameters.fast) == (3, False)
    return FakeOpenCVTracker()


@pytest.fixture
def fake_nano(fake_cv2: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_cv2, "TrackerNano_create", make_nano, raising=False)
    monkeypatch.setattr(fake_cv2, "TrackerNano_Params", FakeParameters, raising=False)


@pytest.mark.usefixtures("fake_nano")
def test_opencv_trackers_get_the_networks_that_they_need(tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(b"network")
    factory = parse_tracker(f"opencv:nano,backbone={tmp_path / 'b.onnx'},backend=3,fast=false")
    factory().init(np.full((20, 20, 3), (1, 2, 3), np.uint8), np.array([4.4, 5.6, 8.1, 0.3]))
    parameters = factory.record()["parameters"]
    assert parameters["backend"] == "3"
    assert len(parameters["backbone"]) == 64


@pytest.mark.usefixtures("fake_nano")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nano", "OpenCV cannot make it .*can't read backbone.onnx.*as in opencv:nano,back"),
        ("nano,backbone", "expected opencv:NAME or opencv:NAME,FIELD=VALUE"),
        ("nano,head=x", "expected parameters among backbone, backend, fast, got 'head'"),
        ("nano,backend=x", "expected another backend, got 'x'"),
        ("nano,fast=maybe", "expected another fast, got 'maybe'"),
        ("mil,net=x", "expected parameters among none, got 'net'"),
    ],
)
def test_networks_that_are_missing_are_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_tracker(f"opencv:{text}")()


@pytest.mark.parametrize("name", ["CSRT", "KCF", "MIL"])
def test_opencvs_own_trackers_follow(name: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV isn't installed")
    if not hasattr(cv2, f"Tracker{name}_create"):
        pytest.skip(f"this OpenCV ({cv2.__version__}) has no {name}")
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    tracker = OpenCV(name=name)()
    tracker.init(noise, np.array([40.0, 30, 40, 40]))
    for step in (2, 4, 6):
        box = np.asarray(tracker.update(np.roll(noise, step, axis=1)), dtype=float)
        assert iou(box, [40 + step, 30, 40, 40]) > 0.6
    assert tracker.score == 1
    with pytest.raises(InputError, match="OpenCV cannot make it"):
        OpenCV(name="Nano", parameters=(("backbone", str(tmp_path / "none.onnx")),))()
