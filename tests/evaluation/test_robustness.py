from pathlib import Path

import numpy as np
import pytest
from trackers import Finds, StandsStill, square_sequence

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.evaluation import evaluate, find_scheme
from siamfc.evaluation.scoring.robustness import SHIFTS, segment_starts, shifted_box

NAN = float("nan")
BOXES = np.ones((200, 4))

SHIFTED = [
    # 1-based as in the toolkit: (21, 31, 44, 17), a frame of 100×80. By hand from shiftInitBB.m.
    pytest.param("left", [16, 31, 44, 17], id="left by ceil(4.4)"),
    pytest.param("right", [26, 31, 44, 17], id="right by ceil(4.4)"),
    pytest.param("up", [21, 29, 44, 17], id="up by ceil(1.7)"),
    pytest.param("down", [21, 33, 44, 17], id="down by ceil(1.7)"),
    pytest.param("topLeft", [17, 29, 48, 19], id="corner to round(16.6), round(29.3)"),
    pytest.param("topRight", [21, 29, 48, 19], id="right edge from 64 to round(68.4)"),
    pytest.param("bottomLeft", [17, 31, 48, 19], id="lower edge from 47 to round(48.7)"),
    pytest.param("bottomRight", [21, 31, 48, 19], id="both edges"),
    pytest.param("scale_8", [25, 33, 35, 14], id="centre (43, 39.5), size (35.2, 13.6)"),
    pytest.param("scale_9", [23, 32, 40, 15], id="size (39.6, 15.3), corner (23.2, 31.85)"),
    pytest.param("scale_11", [19, 30, 48, 19], id="size (48.4, 18.7), corner (18.8, 30.15)"),
    pytest.param("scale_12", [17, 29, 53, 20], id="size (52.8, 20.4), corner (16.6, 29.3)"),
]


@pytest.mark.parametrize(("shift", "expected"), SHIFTED)
def test_first_boxes_are_the_toolkits(shift: str, expected: list[float]) -> None:
    box = shifted_box(np.array([20.0, 30, 44, 17]), (100, 80), shift)
    assert (box + np.array([1, 1, 0, 0])).tolist() == expected


def test_there_are_twelve_shifts_each_in_the_table() -> None:
    assert [case.values[0] for case in SHIFTED] == list(SHIFTS)


@pytest.mark.parametrize(
    ("box", "shift", "expected"),
    [
        pytest.param([0, 0, 40, 20], "topLeft", [0, 0, 44, 22], id="moved at the upper left"),
        pytest.param([60, 60, 40, 20], "right", [64, 60, 36, 20], id="cut at the right"),
        pytest.param([60, 60, 40, 20], "scale_12", [56, 58, 44, 22], id="cut at both"),
    ],
)
def test_first_boxes_stay_in_the_frame(box: list[float], shift: str, expected: list[float]) -> None:
    assert shifted_box(np.array(box, float), (100, 80), shift).tolist() == expected


def test_twenty_segments_from_the_first_frame_to_twenty_before_the_end() -> None:
    starts = segment_starts(BOXES)
    # The last start is frame 181 of 200, counted from 1; steps of 181 / 19 = 9.526.
    assert len(starts) == 20
    assert starts[:3] == [0, 9, 19]
    assert starts[3] == 28
    assert starts[-2:] == [171, 180]


def test_frames_without_a_box_begin_no_segment() -> None:
    boxes = BOXES.copy()
    boxes[0:9] = NAN
    boxes[50:60] = [-1, 5, 10, 10]  # begins at 0 where the toolkit's first pixel is 1
    starts = segment_starts(boxes)
    assert starts[0] == 9
    assert len(starts) == 20
    assert not set(starts) & set(range(50, 60))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(10, [0], id="shorter than a segment"),
        pytest.param(20, [0, 0], id="one place, twice as in the toolkit"),
        pytest.param(38, [*range(19), 18], id="19 places: each, and the last once more"),
    ],
)
def test_short_sequences_have_fewer_segments(count: int, expected: list[int]) -> None:
    assert segment_starts(BOXES[:count]) == expected


def test_a_short_sequence_starts_at_its_first_box() -> None:
    boxes = BOXES[:10].copy()
    boxes[:3] = NAN
    assert segment_starts(boxes) == [3]


def test_no_box_at_all_is_left_to_the_run_to_tell() -> None:
    assert segment_starts(np.full((30, 4), NAN)) == [0]


@pytest.mark.parametrize(("name", "runs"), [("tre", 20), ("sre", 12)])
def test_all_runs_of_a_sequence_are_scored_as_one(name: str, runs: int, tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", count=60, width=160)
    scheme = find_scheme(name)
    planned = scheme.runs(sequence)
    assert len(planned) == runs
    assert len({run.name for run in planned}) == runs
    evaluation = evaluate(Finds, [sequence], scheme=scheme)
    assert evaluation.failures == {}
    assert evaluation.scores["center_error"] == 0
    assert evaluation.frames == sum(map(len, planned))
    assert list(evaluation.sequences) == ["a"]


def test_a_standing_tracker_is_better_off_with_later_beginnings(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", count=60, width=160)
    once = evaluate(StandsStill, [sequence])
    often = evaluate(StandsStill, [sequence], scheme=find_scheme("tre"))
    errors = [2 * step for run in find_scheme("tre").runs(sequence) for step in range(len(run))]
    assert often.scores["center_error"] == pytest.approx(np.mean(errors))
    assert often.scores["center_error"] < once.scores["center_error"]


def test_a_wrong_first_box_is_told_but_the_first_frame_counts_as_given(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", count=3)
    evaluation = evaluate(StandsStill, [sequence], scheme=find_scheme("sre"))
    # The square of 8 moves 2 pixels a frame; 'left' and 'right' are 1 pixel off.
    told = [shifted_box(sequence.boxes[0], (40, 30), shift) for shift in SHIFTS]
    centers = np.array([box[:2] + box[2:] / 2 for box in told])
    true = sequence.boxes[:, :2] + 4
    errors = [
        0.0 if frame == 0 else np.hypot(*(center - true[frame]))
        for center in centers
        for frame in range(3)
    ]
    assert evaluation.scores["center_error"] == pytest.approx(np.mean(errors))


def test_a_failing_run_is_named(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", count=30, width=80)
    (tmp_path / "a" / "25.png").unlink()
    evaluation = evaluate(Finds, [sequence], scheme=find_scheme("tre"))
    assert evaluation.failures["a"].startswith("segment_01: frame 25: no such file")
    nothing = Sequence(
        name="b", frames=FrameFiles(tmp_path, ["x.png"] * 30), boxes=np.full((30, 4), NAN)
    )
    for name in ("tre", "sre", "vot-supervised", "vot-multistart"):
        failures = evaluate(Finds, [nothing], scheme=find_scheme(name)).failures
        assert "expected an initial box" in failures["b"]
