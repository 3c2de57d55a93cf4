import os
from pathlib import Path

import numpy as np
import pytest
from trackers import square_sequence

from siamfc.errors import InputError
from siamfc.evaluation import ResultFolder, describe_run, evaluate
from siamfc.evaluation.trackers.isolation import Isolated
from siamfc.evaluation.trackers.third_party import ImportedTracker
from siamfc.workers import Workers

RECORD = describe_run({"name": "test"}, {"format": "otb", "split": None})


def isolated(name: str, time_limit: float = 30.0) -> Isolated:
    return Isolated(
        factory=ImportedTracker(module="trackers_hostile", name=name), time_limit=time_limit
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("Hostile", "frame 2: RuntimeError: lost it", id="raises"),
        pytest.param("Hangs", "frame 2: no answer within 3 s; its process was ended", id="hangs"),
        pytest.param("DiesAtOnce", "frame 2: its process died (exit status -9)", id="dies"),
        pytest.param("SaysNaN", "frame 2: expected a box of 4 finite", id="NaN"),
    ],
)
def test_a_tracker_that_misbehaves_fails_on_that_sequence_alone(
    name: str, reason: str, tmp_path: Path
) -> None:
    widths = {"before": 40, "wide": 60, "after": 40}
    sequences = [square_sequence(tmp_path / "data", key, width=w) for key, w in widths.items()]
    results = ResultFolder(path=tmp_path / "out", record=RECORD)
    evaluation = evaluate(
        isolated(name, 3.0 if name == "Hangs" else 30.0), sequences, results=results
    )
    assert list(evaluation.failures) == ["wide"]
    assert evaluation.failures["wide"].startswith(reason)
    assert list(evaluation.sequences) == ["before", "after"]
    assert sorted(path.name for path in results.path.iterdir()) == [
        "after.csv",
        "before.csv",
        "wide.failed.json",
    ]


def test_workers_outlive_what_they_host(tmp_path: Path) -> None:
    widths = {"a": 60, "b": 40, "c": 60, "d": 40}
    sequences = [square_sequence(tmp_path, key, width=width) for key, width in widths.items()]
    with Workers(2) as workers:
        evaluation = evaluate(isolated("DiesAtOnce"), sequences, workers=workers)
    assert sorted(evaluation.failures) == ["a", "c"]
    assert sorted(evaluation.sequences) == ["b", "d"]


def test_answers_scores_and_times_come_through(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a")
    tracker = isolated("make_finder")()
    tracker.init(next(sequence.images()), sequence.boxes[0])
    images = list(sequence.images())
    for image, box in zip(images[1:], sequence.boxes[1:], strict=True):
        np.testing.assert_array_equal(tracker.update(image), box)
        assert tracker.score == 0.75
        assert tracker.seconds > 0
    tracker.close()


def test_the_process_ends_with_its_tracker() -> None:
    tracker = isolated("make_finder")()
    process = tracker._process
    assert process is not None
    assert process.poll() is None
    del tracker
    assert process.poll() == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_hanging_process_is_ended_at_once_and_whole(tmp_path: Path) -> None:
    sequence = square_sequence(tmp_path, "a", width=60)
    tracker = isolated("Hangs", 3.0)()
    process = tracker._process
    assert process is not None
    image = next(sequence.images())
    tracker.init(image, sequence.boxes[0])
    tracker.update(image)
    with pytest.raises(Exception, match="no answer within 3 s"):
        tracker.update(image)
    assert process.poll() == -9
    with pytest.raises(Exception, match=r"expected init\(image, box\) first"):
        tracker.update(image)


def test_a_tracker_that_cannot_be_made_is_one_error() -> None:
    with pytest.raises(InputError, match="the tracker cannot be made: ValueError: no model"):
        isolated("CannotBeMade")()


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="expected seconds above 0, got 0"):
        isolated("make_finder", 0)
