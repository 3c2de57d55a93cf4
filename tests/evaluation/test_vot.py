"""VOT's protocols, against numbers of vot-toolkit 0.9.0.

The numbers were made with the toolkit's own `calculate_overlaps`, `vot.analysis.supervised` and
`vot.analysis.multistart`, from the boxes of `waves` as its files and trajectories, 1-based.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import square_sequence

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import InputError
from siamfc.evaluation.runs import Run, RunRecord
from siamfc.evaluation.scoring.multistart import (
    AnchorResult,
    MultiStart,
    anchor_result,
    anchors,
    multi_start_runs,
    score_multi_start,
)
from siamfc.evaluation.scoring.schemes import Scheme, Tracked, multi_start, supervised
from siamfc.evaluation.scoring.supervised import (
    FrameState,
    SupervisedResult,
    SupervisedRun,
    Supervision,
    supervised_result,
)
from siamfc.evaluation.scoring.vot import anchor_eao_curve, eao, raster_overlap, restart_eao_curve

SIZE = (150, 110)
LENGTHS = (160, 230, 90)
NAN = float("nan")

OVERLAP_SUM = 22.643252990313467
OVERLAPS = [
    0.8695652173913043,
    0.7650273224043715,
    0.6143344709897611,
    0.3146853146853147,
    0.18410041841004185,
    0.2732919254658385,
    0.5555555555555556,
    0.036991368680641186,
    0.0,
]
SUPERVISED = {
    "accuracy": 0.4729494191035815,
    "failures": 10.125,
    "robustness": 0.14980250286418162,
    "eao": 0.10265410194121294,
}
SUPERVISED_EACH = [[0.3860538834030785, 4.0], [0.5643493214703014, 16.0], [0.3938528431895252, 6.0]]
MULTI_START = {
    "accuracy": 0.5508222266372976,
    "robustness": 0.16137599257302646,
    "eao": 0.26005169590716115,
}
MULTI_START_EACH = [
    [0.48595428431441967, 0.1958568738229755],
    [0.6206048573565269, 0.13116883116883116],
    [0.5430842855844032, 0.17727272727272728],
]
MULTI_START_CURVE = [
    0.0,
    0.26251081317910824,
    0.15278515837771944,
    0.10195349159522768,
    0.07676221762804,
]


def waves(count: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A moving target, and a tracker that loses and finds it; 0-based."""
    t = np.arange(count)
    x = np.round(4 * (60 + 40 * np.sin(t / 17 + number))) / 4
    y = np.round(4 * (50 + 30 * np.cos(t / 23 + 2 * number))) / 4
    w = np.round(4 * (20 + 6 * np.sin(t / 31))) / 4
    h = np.round(4 * (16 + 5 * np.cos(t / 29 + number))) / 4
    truth = np.stack([x, y, w, h], 1)
    d = np.round(8 * 40 * np.sin(t / 13 + number) * np.sin(t / 41) ** 2) / 8
    wrong_w, wrong_h = np.round(24 * np.cos(t / 11)) / 8, np.round(16 * np.sin(t / 7)) / 8
    predicted = truth + np.stack([d, -d / 2, wrong_w, wrong_h], 1)
    return truth - [1, 1, 0, 0], predicted - [1, 1, 0, 0]


def sequence(number: int, **more: Any) -> Sequence:
    count = LENGTHS[number]
    frames = FrameFiles(Path("nowhere"), [f"{frame}.png" for frame in range(count)])
    boxes, _ = waves(count, number)
    return Sequence(name=f"s{number}", frames=frames, boxes=boxes, size=SIZE, **more)


def track(run: Run, boxes: np.ndarray) -> RunRecord:
    return RunRecord(
        sequence=run.name,
        boxes=boxes,
        scores=np.full(len(boxes), NAN),
        seconds=np.full(len(boxes), 0.01),
    )


def tracked(number: int, scheme: Scheme, **more: Any) -> Tracked:
    """Record of a run of the tracker of `waves`."""
    one = sequence(number, **more)
    _, predicted = waves(LENGTHS[number], number)
    runs = scheme.runs(one)
    orders = [getattr(run, "frames", range(len(one))) for run in runs]
    tracks = [track(run, predicted[order]) for run, order in zip(runs, orders, strict=True)]
    return Tracked(sequence=one, runs=runs, tracks=tracks)


def test_overlaps_in_whole_pixels_agree_with_the_toolkit() -> None:
    truth, predicted = waves(60, 0)
    overlaps = raster_overlap(predicted, truth, SIZE)
    assert overlaps.sum() == pytest.approx(OVERLAP_SUM, abs=1e-6)
    np.testing.assert_allclose(overlaps[::7], OVERLAPS, atol=1e-6)


SPECIAL = [
    pytest.param([0, 0, 10, 10], [0, 0, 10, 10], 1, id="the same"),
    pytest.param([0, 0, 10, 10], [10, 0, 10, 10], 0, id="touching"),
    pytest.param([0, 0, 10.4, 10], [0, 0, 10, 10], 1, id="the same in whole pixels"),
    pytest.param([NAN] * 4, [0, 0, 10, 10], 0, id="no box"),
    pytest.param([500, 0, 10, 10], [500, 0, 10, 10], 0, id="both outside the frame"),
    # Counted from 1, the toolkit's frame has columns 0 to 149.
    pytest.param([140, 0, 30, 10], [140, 0, 5, 10], 5 / 9, id="columns 141 to 149, to 145"),
    pytest.param([-5, 0, 10, 10], [0, 0, 5, 10], 5 / 6, id="columns 0 to 5, 1 to 5"),
    pytest.param([148, 0, 10, 10], [148, 0, 10, 10], 0, id="one pixel inside: an oddity"),
    pytest.param([10, 10, 0, 0], [50, 50, 0, 0], 0, id="two boxes without area"),
    pytest.param([20, 0, 1, 10], [20, 0, 1, 10], 1, id="one pixel wide: the toolkit's oddity"),
]


@pytest.mark.parametrize(("first", "second", "expected"), SPECIAL)
def test_overlaps_of_special_boxes(first: Any, second: Any, expected: float) -> None:
    assert raster_overlap([first], [second], SIZE)[0] == expected


def test_the_overlap_of_a_frame_is_its_own() -> None:
    first, second, expected = zip(*(case.values for case in SPECIAL), strict=True)
    assert raster_overlap(first, second, SIZE).tolist() == list(expected)


def test_the_supervised_protocol_agrees_with_the_toolkit() -> None:
    scheme = supervised(Supervision(low=20, high=60))
    assert scheme.benchmark is not None
    parts = [tracked(number, scheme) for number in range(3)]
    scores = scheme.benchmark(parts)
    assert scores == pytest.approx(SUPERVISED, abs=1e-6)
    for part, (accuracy, failures) in zip(parts, SUPERVISED_EACH, strict=True):
        one = scheme.benchmark([part])
        assert one["accuracy"] == pytest.approx(accuracy, abs=1e-6)
        assert one["failures"] == failures


def anchor_values(count: int) -> np.ndarray:
    values = np.zeros(count)
    values[[0, 50]] = 1
    values[-1] = -1
    if count > 100:
        values[100] = -1 if count < 200 else 1
    return values


def test_the_multi_start_protocol_agrees_with_the_toolkit() -> None:
    scheme = multi_start(MultiStart(low=20, high=200))
    assert scheme.benchmark is not None
    parts = [
        tracked(number, scheme, values={"anchor": anchor_values(LENGTHS[number])})
        for number in range(3)
    ]
    scores = scheme.benchmark(parts)
    assert scores["accuracy"] == pytest.approx(MULTI_START["accuracy"], abs=1e-6)
    assert scores["robustness"] == pytest.approx(MULTI_START["robustness"], abs=1e-6)
    for part, (accuracy, robustness) in zip(parts, MULTI_START_EACH, strict=True):
        one = scheme.benchmark([part])
        assert (one["accuracy"], one["robustness"]) == pytest.approx((accuracy, robustness))
    # The toolkit's score from 20 to 60 frames, of a curve of 200.
    results = [
        anchor_result(run, said, SIZE, MultiStart())
        for part in parts
        for run, said in zip(part.runs, part.tracks, strict=True)
    ]
    overlaps = [
        np.where(np.arange(len(one.overlaps)) < one.progress, one.overlaps, 0) for one in results
    ]
    curve, _ = anchor_eao_curve(overlaps, [one.failed for one in results], 200)
    assert eao(curve, 20, 60) == pytest.approx(MULTI_START["eao"], abs=1e-6)
    np.testing.assert_allclose(curve[::40], MULTI_START_CURVE, atol=1e-6)


@pytest.mark.parametrize(
    ("overlaps", "progress", "expected"),
    [
        pytest.param([0.0, 1, 1, 1], 4, NAN, id="no run is so long"),
        pytest.param([0.0, 1, 1, 1, 1], 5, 1 / 4, id="0 beyond the longest run, as the toolkit"),
        pytest.param([0.0, 1, 0, 0], 2, (1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 4, id="lost for ever"),
    ],
)
def test_a_multi_start_score_without_long_runs(
    overlaps: list[float], progress: int, expected: float
) -> None:
    result = AnchorResult(overlaps=np.array(overlaps), progress=progress)
    scores = score_multi_start([(len(overlaps), [result])], MultiStart(low=4, high=8))
    assert scores["eao"] == pytest.approx(expected, nan_ok=True)


def test_overlaps_after_a_failure_count_as_none() -> None:
    result = AnchorResult(overlaps=np.array([0, 0.8, 0.6, 0.05, 0.1]), progress=3)
    scores = score_multi_start([(5, [result])], MultiStart(low=3, high=5))
    assert scores["eao"] == pytest.approx((1.4 / 3 + 1.4 / 4) / 2)
    assert scores["accuracy"] == pytest.approx(1.4 / 3)
    assert scores["robustness"] == pytest.approx(3 / 5)


def test_runs_lost_from_the_first_frame_on_have_no_accuracy() -> None:
    lost = AnchorResult(overlaps=np.zeros(12), progress=0)
    scores = score_multi_start([(12, [lost])], MultiStart(low=3, high=5))
    assert scores == {"accuracy": 0, "robustness": 0, "eao": 0}


def test_ten_frames_up_to_the_threshold_are_a_failure_at_the_first_of_them() -> None:
    boxes = np.tile([0.0, 0, 10, 10], (30, 1))
    one = Sequence(name="s", frames=FrameFiles(Path(), ["0.png"] * 30), boxes=boxes)
    run = multi_start_runs(one, MultiStart())[0]
    found = boxes.copy()
    found[5:15] = [0, 0, 10, 1]  # a tenth of the ground truth
    assert anchor_result(run, track(run, found), (40, 30), MultiStart()).progress == 5
    found[14] = boxes[14]
    assert not anchor_result(run, track(run, found), (40, 30), MultiStart()).failed


def test_restart_curves_of_two_fragments_by_hand() -> None:
    # One fails after frames of 0.5, one reaches the end of its three frames.
    # The overlap of a starting frame does not count.
    curve = restart_eao_curve([np.array([1, 0.5]), np.array([0, 1, 0.6])], [True, False])
    np.testing.assert_allclose(curve, [0, (0.5 + 1) / 2, (0.25 + 0.8) / 2])
    longer = restart_eao_curve([np.array([0, 0.5, 0.5, 0.5]), np.array([0, 1])], [True, False])
    np.testing.assert_allclose(longer, [0, 0.75, 0.5, 0.5])  # a successful run does not continue


def test_anchor_curves_by_hand() -> None:
    curve, active = anchor_eao_curve([np.array([1, 0.8, 0.6])], [False], 5)
    np.testing.assert_allclose(curve, [0, 0.8, 1.4 / 2, 0, 0])
    assert active.tolist() == [0, 1, 1, 0, 0]
    # Lost for ever after two frames: sums are divided by one frame too few, as in the toolkit.
    curve, active = anchor_eao_curve([np.array([1, 0.8])], [True], 5)
    np.testing.assert_allclose(curve, [0, 0.8, 0.8, 0.8 / 2, 0.8 / 3])
    assert active.tolist() == [0, 1, 1, 1, 1]


def test_a_score_beyond_the_curve_is_unknown() -> None:
    assert np.isnan(eao(np.ones(5), 10, 20))
    assert eao(np.ones(15), 10, 20) == 1


class Forgets:
    """Returns the ground truth for a while after each start, then the far corner."""

    def __init__(self, sequence: Sequence, memory: int) -> None:
        self.sequence, self.memory = sequence, memory
        self.begun: list[int] = []

    def init(self, _image: Any, box: Any) -> None:
        self.frame = int(np.flatnonzero((self.sequence.boxes == box).all(axis=1))[0])
        self.begun.append(self.frame)

    def update(self, _image: Any) -> Any:
        self.frame += 1
        lost = self.frame - self.begun[-1] > self.memory
        return (30, 0, 2, 2) if lost else self.sequence.boxes[self.frame]


def test_a_lost_tracker_is_begun_anew_five_frames_later(tmp_path: Path) -> None:
    one = square_sequence(tmp_path, "a", count=12)
    run = SupervisedRun(sequence=one, settings=Supervision())
    tracker = Forgets(one, memory=2)
    progress: list[int] = []
    said = run.perform(tracker, progress.append)
    assert said.failure is None
    assert sum(progress) == 12  # skipped frames, too
    assert tracker.begun == [0, 8]
    expected = [1, 3, 3, 2, 0, 0, 0, 0, 1, 3, 3, 2]
    assert run.states(said, (40, 30)).tolist() == expected
    np.testing.assert_array_equal(
        np.isnan(said.boxes[:, 0]), [state == FrameState.SKIPPED for state in expected]
    )
    result = supervised_result(run, said, (40, 30))
    assert result.failures == 2
    assert result.overlaps.tolist() == [state == FrameState.TRACKED for state in expected]
    assert [len(part) for part, _ in result.fragments()] == [3, 3]
    assert np.isnan(run.truth(said)[4:8]).all()


def test_a_late_start_without_a_failure_is_one_fragment_from_the_first_frame() -> None:
    result = SupervisedResult(states=np.array([0, 1, 3]), overlaps=np.array([0, 0, 0.5]))
    ((overlaps, failed),) = result.fragments()
    assert overlaps.tolist() == [0, 0, 0.5]
    assert not failed
    assert result.accuracy(burn_in=1) == 0.5
    assert result.accuracy(burn_in=2) == 0  # no frame is left


def test_frames_after_a_late_failure_are_skipped(tmp_path: Path) -> None:
    one = square_sequence(tmp_path, "a", count=6)
    run = SupervisedRun(sequence=one, settings=Supervision())
    tracker = Forgets(one, memory=2)
    track = run.perform(tracker)
    assert tracker.begun == [0]  # the next start, in frame 8, would be after the end
    assert run.states(track, (40, 30)).tolist() == [1, 3, 3, 2, 0, 0]
    assert supervised_result(run, track, (40, 30)).failures == 1


def test_a_beginning_waits_for_a_box(tmp_path: Path) -> None:
    one = square_sequence(tmp_path, "a", count=12)
    boxes = one.boxes.copy()
    boxes[[0, 8]] = NAN
    gaps = Sequence(name="a", frames=one.frames, boxes=boxes, size=one.size)
    run = SupervisedRun(sequence=gaps, settings=Supervision())
    tracker = Forgets(gaps, memory=1)
    run.perform(tracker)
    assert tracker.begun == [1, 9]  # lost in 3; 8 has no box


def test_anchors_are_laid_every_50_frames_and_look_at_the_longer_side() -> None:
    assert anchors(sequence(0), 50) == [
        (0, False),
        (50, False),
        (100, True),
        (150, True),
        (159, True),
    ]
    assert [frame for frame, backwards in anchors(sequence(0), 20) if not backwards][-1] == 60
    unset = sequence(2, values={"anchor": np.zeros(90)})
    assert anchors(unset, 50) == anchors(sequence(2), 50)
    given = sequence(2, values={"anchor": anchor_values(90)})
    assert anchors(given, 50) == [(0, False), (50, False), (89, True)]
    crossed = sequence(2, values={"anchor": np.array([0, -1, 0, 1] + [0] * 86)})
    assert anchors(crossed, 50) == [(3, False), (1, True)]


def test_an_anchor_without_a_box_moves_on() -> None:
    one = sequence(2)
    boxes = one.boxes.copy()
    boxes[[0, 1, 89]] = NAN
    gaps = Sequence(name="g", frames=one.frames, boxes=boxes)
    assert anchors(gaps, 50) == [(2, False), (50, True), (88, True)]
    runs = multi_start_runs(gaps, MultiStart())
    assert [run.name for run in runs][-1] == "g/backward_00000088"
    assert runs[-1].frames == range(88, -1, -1)
    boxes[1:] = NAN
    boxes[0] = 1
    single = Sequence(name="g", frames=one.frames, boxes=boxes)
    assert anchors(single, 20) == [(0, False), (0, True)]  # those at 20 and 40 find no box


def test_the_least_settings_are_accepted() -> None:
    assert Supervision(skipped=1, burn_in=0, low=1, high=1).low == 1
    assert MultiStart(spacing=1, grace=1, low=1, high=2).low == 1


@pytest.mark.parametrize("settings", [{"skipped": 0}, {"low": 9, "high": 8}, {"burn_in": -1}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="supervision: expected"):
        Supervision(**settings)


@pytest.mark.parametrize(
    "settings", [{"spacing": 0}, {"grace": 0}, {"low": 0}, {"low": 8, "high": 8}]
)
def test_impossible_multi_start_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="multi-start: expected"):
        MultiStart(**settings)
