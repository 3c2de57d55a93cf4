from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import Answers, Counting, Dies, Finds, Raises, StandsStill, Waits, square_sequence

from siamfc.evaluation import find_scheme, run_sequence, run_sequences
from siamfc.workers import WorkerError, Workers

NAN = float("nan")


def test_a_track_begins_with_the_given_box_and_follows(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    frames: list[int] = []
    track = run_sequence(Finds(), sequence, on_frames=frames.append)
    np.testing.assert_array_equal(track.boxes, sequence.boxes)
    np.testing.assert_array_equal(track.scores, [0.75] * 4)
    assert (track.seconds > 0).all()
    assert track.frames_per_second == pytest.approx(4 / track.seconds.sum())
    assert track.failure is None
    assert track.machine["cores"] >= 1
    assert frames == [1] * 4


def test_tracking_begins_at_the_first_true_box(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    boxes = sequence.boxes.copy()
    boxes[0] = NAN
    track = run_sequence(StandsStill(), replace(sequence, boxes=boxes))
    np.testing.assert_array_equal(track.boxes, [[NAN] * 4] + [boxes[1]] * 3)
    assert np.isnan(track.seconds[0])


def test_the_truth_is_shown_in_the_first_frame_only(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")

    class Meddles(StandsStill):
        def init(self, image: Any, box: Any) -> None:
            super().init(image, box.copy())
            box[:] = -1

    track = run_sequence(Meddles(), sequence)
    assert sequence.boxes[0, 0] == 3
    np.testing.assert_array_equal(track.boxes, [[3, 5, 8, 8]] * 4)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param((1, 2, NAN, 4), "expected a box of 4 finite numbers", id="NaN"),
        pytest.param((1, 2, 3), "expected a box of 4 finite numbers", id="three numbers"),
        pytest.param(None, "expected a box of 4 finite numbers", id="nothing"),
        pytest.param("here", "expected a box of 4 finite numbers", id="a word"),
    ],
)
def test_an_answer_that_is_no_box_is_a_failure(tmp_path: Path, answer: Any, message: str) -> None:
    track = run_sequence(Answers(answer), square_sequence(tmp_path, "a"))
    assert track.failure is not None
    assert message in track.failure
    assert np.isnan(track.boxes[1:]).all()


def test_a_tracker_that_raises_fails_in_that_frame(tmp_path: Path) -> None:
    track = run_sequence(Raises(), square_sequence(tmp_path, "a", width=60))
    assert track.failure == "frame 2: RuntimeError: lost it"
    np.testing.assert_array_equal(np.isnan(track.boxes[:, 0]), [False, False, True, True])


def test_a_frame_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    (tmp_path / "a" / "2.png").unlink()
    failure = run_sequence(Finds(), sequence).failure
    assert failure is not None
    assert failure.startswith("frame 2: no such file")
    assert "2.png" in failure


@pytest.mark.parametrize("scheme", ["ope", "vot-supervised"])
def test_a_source_that_ends_early_is_a_failure_in_the_frame_that_is_missing(
    tmp_path: Path, scheme: str
) -> None:
    sequence = square_sequence(tmp_path, "a")
    (tmp_path / "a" / "3.png").unlink()
    (run,) = find_scheme(scheme).runs(replace(sequence, frames=tmp_path / "a"))
    assert run.perform(Finds()).failure == "frame 3: expected 4 frames, got 3"


def test_a_sequence_without_boxes_is_a_failure(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    track = run_sequence(Finds(), replace(sequence, boxes=np.full((4, 4), NAN)))
    assert track.failure == "frame 0: expected an initial box, got no box in any frame"


def test_a_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    sequences = [
        square_sequence(tmp_path, name, width=width) for name, width in (("a", 60), ("b", 40))
    ]
    failed, whole = run_sequences(Raises, sequences)
    assert (failed.sequence, whole.sequence) == ("a", "b")
    assert failed.failure
    assert whole.failure is None


def test_workers_give_the_same_tracks_and_make_one_tracker_each(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, name) for name in "abcd"]
    made = tmp_path / "made"
    made.mkdir()
    frames: list[int] = []
    with Workers(2) as workers:
        tracks = list(
            run_sequences(Counting(made), sequences, workers=workers, on_frames=frames.append)
        )
    by_name = {track.sequence: track for track in tracks}
    assert sorted(by_name) == list("abcd")
    for sequence in sequences:
        np.testing.assert_array_equal(by_name[sequence.name].boxes, sequence.boxes)
    assert 1 <= len(list(made.iterdir())) <= 2
    assert frames == [4] * 4


def test_a_track_that_is_done_does_not_wait_for_slower_ones(tmp_path: Path) -> None:
    lengths = {"slow": 12, "quick": 3}
    sequences = [square_sequence(tmp_path, name, count) for name, count in lengths.items()]
    with Workers(2) as workers:
        tracks = run_sequences(Waits, sequences, workers=workers)
        assert [track.sequence for track in tracks] == ["quick", "slow"]


def test_a_worker_that_dies_is_named(tmp_path: Path) -> None:
    with (
        Workers(2) as workers,
        pytest.raises(WorkerError, match="a worker process was killed"),
    ):
        list(run_sequences(Dies, [square_sequence(tmp_path, "a")], workers=workers))
