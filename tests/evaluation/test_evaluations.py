from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trackers import Finds, Raises, StandsStill, refuse, square_sequence

from fakes import IdealMatcher
from siamfc.datasets.readers import open_dataset
from siamfc.datasets.sequences import read_sequences
from siamfc.errors import DatasetError
from siamfc.evaluation import ResultFolder, describe_run, evaluate, protocol_of
from siamfc.synthetic import SquareVideo, SquareVideoSettings, write_otb
from siamfc.tracking import Tracker
from siamfc.workers import Workers

RECORD = describe_run({"name": "test"}, {"format": "otb", "split": None})
PERFECT = 20 / 21


def test_a_perfect_and_a_standing_tracker_are_told_apart(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, "a"), square_sequence(tmp_path, "b", count=14, width=60)]
    perfect = evaluate(Finds, sequences)
    assert perfect.scores["auc"] == pytest.approx(PERFECT)
    assert (perfect.scores["precision"], perfect.scores["center_error"]) == (1, 0)
    assert (perfect.frames, list(perfect.sequences)) == (18, ["a", "b"])
    assert perfect.frames_per_second > 0

    still = evaluate(StandsStill, sequences)
    # Offsets of 0, 2, 4 … pixels; 11 of the 14 in b are at most 20.
    assert still.sequences["a"].scores["center_error"] == 3
    assert still.sequences["b"].scores["precision"] == pytest.approx(11 / 14)
    assert still.scores["precision"] == pytest.approx((1 + 11 / 14) / 2)
    assert still.scores["center_error"] == pytest.approx((3 + 13) / 2)


def test_a_failed_sequence_has_no_part_in_the_mean(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, "a"), square_sequence(tmp_path, "b", width=60)]
    evaluation = evaluate(Raises, sequences)
    assert evaluation.failures == {"b": "frame 2: RuntimeError: lost it"}
    assert evaluation.scores == evaluate(Raises, sequences[:1]).scores


def test_a_benchmarks_own_rules_stand_beside_otbs(tmp_path: Path) -> None:
    evaluation = evaluate(Finds, [square_sequence(tmp_path, "a")], protocol=protocol_of("got10k"))
    assert evaluation.benchmark == {"ao": 1, "sr50": 1, "sr75": 1}
    content = evaluation.to_json()
    assert content["benchmark"]["protocol"] == "got10k"
    assert content["sequences"]["a"]["benchmark"]["ao"] == 1
    assert content["auc"] == pytest.approx(PERFECT)
    assert "benchmark" not in evaluate(Finds, [square_sequence(tmp_path, "b")]).to_json()


def test_clipping_looks_at_a_frame_if_the_annotation_has_no_size(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", width=12)  # the square leaves it half in the end
    known = evaluate(StandsStill, [sequence], protocol=protocol_of("got10k"))
    unknown = evaluate(StandsStill, [replace(sequence, size=None)], protocol=protocol_of("got10k"))
    assert unknown.benchmark == known.benchmark
    assert (
        unknown.benchmark["ao"]
        < evaluate(Finds, [sequence], protocol=protocol_of("got10k")).benchmark["ao"]
    )


def test_the_first_frame_alone_is_no_score(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    boxes = sequence.boxes.copy()
    boxes[1:] = np.nan
    evaluation = evaluate(Finds, [replace(sequence, boxes=boxes)])
    assert np.isnan(evaluation.scores["auc"])
    assert evaluation.sequences["a"].frames == 0


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path / "data", name) for name in "ab"]
    results = ResultFolder(path=tmp_path / "out", record=RECORD)
    heard: list[int] = []
    first = evaluate(Finds, sequences[:1], results=results)
    both = evaluate(Finds, sequences, results=results, on_frames=heard.append)
    assert heard == [4, 1, 1, 1, 1]
    again = evaluate(refuse, sequences, results=results)
    assert again == both
    assert again.sequences["a"] == first.sequences["a"]


def test_a_failure_is_tried_again(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path / "data", "a", width=60)]
    results = ResultFolder(path=tmp_path / "out", record=RECORD)
    assert evaluate(Raises, sequences, results=results).failures
    assert not evaluate(Finds, sequences, results=results).failures


def test_workers_give_the_same_scores_and_files(tmp_path: Path) -> None:
    sequences = [
        square_sequence(tmp_path / "data", name, count=4 + n) for n, name in enumerate("abc")
    ]
    alone = evaluate(
        StandsStill, sequences, results=ResultFolder(path=tmp_path / "alone", record=RECORD)
    )
    with Workers(2) as workers:
        spread = evaluate(
            StandsStill,
            sequences,
            results=ResultFolder(path=tmp_path / "spread", record=RECORD),
            workers=workers,
        )
    assert spread.scores == alone.scores
    assert list(spread.sequences) == list("abc")
    for name in "abc":
        boxes = [
            [line.split(",")[:5] for line in path.read_text().splitlines()[1:]]
            for path in (tmp_path / "alone" / f"{name}.csv", tmp_path / "spread" / f"{name}.csv")
        ]
        assert boxes[0] == boxes[1]


def test_two_sequences_of_one_name_are_refused(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    with pytest.raises(DatasetError, match="got 'a' twice"):
        evaluate(Finds, [sequence, replace(sequence)])


def ideal_tracker() -> Tracker:
    return Tracker(IdealMatcher())


def test_an_ideal_matcher_follows_the_thesis_video_read_from_disk(tmp_path: Path) -> None:
    write_otb(tmp_path / "square", SquareVideo(SquareVideoSettings(frames=30, seed=2)))
    sequences = list(read_sequences(open_dataset("synthetic", tmp_path)))
    evaluation = evaluate(ideal_tracker, sequences)
    assert not evaluation.failures
    assert evaluation.scores["center_error"] < 0.5
    assert evaluation.scores["auc"] > 0.85
