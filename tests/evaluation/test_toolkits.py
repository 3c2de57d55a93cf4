"""Use with other packages: the GOT-10k toolkit, supervision and shapely."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from trackers import Finds, square_sequence

from siamfc.boxes import iou
from siamfc.errors import MissingDependencyError
from siamfc.evaluation import Got10kTracker
from siamfc.tracking import FrameResult, to_detections

NAN = float("nan")
SHAPELY_SUM = 12.379897512766428
SHAPELY = [0.0, 0.0, 0.0, 0.0, 0.0, 0.00850767951765126, 0.0, 0.06150627434315198]


@pytest.mark.parametrize("index_base", [0, 1])
def test_the_got10k_toolkit_gets_boxes_in_its_data_sets_convention(
    index_base: int, tmp_path: Path
) -> None:
    sequence = square_sequence(tmp_path, "a")
    truth = sequence.boxes + np.array([index_base, index_base, 0, 0])
    tracker = Got10kTracker(Finds(), name="finds", index_base=index_base)
    assert (tracker.name, tracker.is_deterministic) == ("finds", True)
    paths = [str(tmp_path / "a" / f"{number}.png") for number in range(4)]
    boxes, seconds = tracker.track(paths, truth[0])
    np.testing.assert_array_equal(boxes, truth)
    assert seconds.shape == (4,)
    assert (seconds > 0).all()


def test_the_got10k_toolkit_may_ask_frame_by_frame_with_grey_images() -> None:
    tracker = Got10kTracker(Finds())
    image = np.full((30, 40), 255, np.uint8)
    image[5:13, 3:11] = 0
    tracker.init(Image.fromarray(image), [3, 5, 8, 8])
    np.testing.assert_array_equal(tracker.update(Image.fromarray(image)), [3, 5, 8, 8])
    with pytest.raises(NotImplementedError):
        tracker.track([], [1, 2, 3, 4], visualize=True)


RESULT = FrameResult(
    7, 0.5, np.array([[1.0, 2, 10, 20], [NAN] * 4, [5, 6, 7, 8]]), np.array([0.5, NAN, 0.25])
)


@pytest.fixture
def fake_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("supervision")
    vars(module).update(Detections=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "supervision", module)


@pytest.mark.usefixtures("fake_supervision")
def test_detections_have_edges_scores_and_numbers_of_the_targets_that_are_there() -> None:
    detections = to_detections(RESULT)
    np.testing.assert_array_equal(detections.xyxy, [[1, 2, 11, 22], [5, 6, 12, 14]])
    np.testing.assert_array_equal(detections.confidence, [0.5, 0.25])
    np.testing.assert_array_equal(detections.tracker_id, [1, 3])
    np.testing.assert_array_equal(detections.class_id, [0, 0])
    unknown = FrameResult(0, NAN, RESULT.boxes, np.full(3, NAN))
    assert to_detections(unknown).confidence is None


def test_without_supervision_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingDependencyError, match="pip install supervision"):
        to_detections(RESULT)


def test_overlap_agrees_with_shapely() -> None:
    # From shapely 2.2.0: intersection and union of `box` polygons of these 400 pairs.
    random = np.random.Generator(np.random.PCG64(11))
    corners, sizes = random.uniform(-20, 60, (2, 400, 2)), random.uniform(1, 50, (2, 400, 2))
    first, second = np.concatenate([corners, sizes], axis=-1)
    overlaps = iou(first, second)
    assert overlaps.sum() == pytest.approx(SHAPELY_SUM, abs=1e-6)
    np.testing.assert_allclose(overlaps[::57], SHAPELY, atol=1e-9)
