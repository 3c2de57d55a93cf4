from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackers import Finds, StandsStill, square_sequence

from siamfc.errors import InputError
from siamfc.evaluation import (
    PretrainedTracker,
    ResultFolder,
    average,
    describe_run,
    evaluate_repeatedly,
)
from siamfc.evaluation.scoring.protocols import GOT10K, OTB

RECORD = describe_run({"name": "test"}, {"format": "otb", "split": None})


class Counted:
    """Makes trackers that count their initialisations."""

    def __init__(self, drift: float = 0.0) -> None:
        self.begun = 0
        self.drift = drift

    def __call__(self) -> "Counted.Tracker":
        return self.Tracker(self)

    class Tracker(StandsStill):
        def __init__(self, maker: "Counted") -> None:
            self.maker = maker

        def init(self, image: Any, box: Any) -> None:
            super().init(image, box + np.array([self.maker.drift * self.maker.begun, 0, 0, 0]))
            self.maker.begun += 1


@pytest.mark.parametrize(
    ("drift", "deterministic", "begun"),
    [
        pytest.param(0, True, 2, id="deterministic: once for each sequence"),
        pytest.param(0, False, 6, id="always the same: three times"),
        pytest.param(1, False, 10, id="never the same: every time"),
    ],
)
def test_what_is_always_the_same_is_not_made_again(
    drift: float, deterministic: bool, begun: int, tmp_path: Path
) -> None:
    sequences = [square_sequence(tmp_path / "data", name) for name in "ab"]
    folders = [ResultFolder(path=tmp_path / str(number), record=RECORD) for number in range(5)]
    maker = Counted(drift)
    heard: list[int] = []
    done = list(
        evaluate_repeatedly(
            maker,
            sequences,
            repetitions=5,
            results=folders,
            deterministic=deterministic,
            on_frames=heard.append,
        )
    )
    assert maker.begun == begun
    assert len(done) == 5
    assert sum(heard) == 5 * 8
    for folder in folders:
        assert sorted(path.name for path in folder.path.iterdir()) == ["a.csv", "b.csv"]


def test_a_damaged_file_of_one_repetition_does_not_stop_the_others(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path / "data", name) for name in "ab"]
    folders = [ResultFolder(path=tmp_path / str(number), record=RECORD) for number in range(2)]
    for _ in range(2):
        first, second = evaluate_repeatedly(
            Finds, sequences, repetitions=2, results=folders, deterministic=True
        )
        folders[1].track_path("b").write_text("damaged")
    assert list(first.sequences) == ["a", "b"]
    assert list(second.sequences) == ["a"]
    assert "expected a result file of siamfc" in second.failures["b"]


def test_mean_and_deviation_are_over_the_evaluations(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, "a")]
    done = list(evaluate_repeatedly(Counted(2.0), sequences, repetitions=3, results=[None] * 3))
    errors = [one.scores["center_error"] for one in done]
    # Target offsets: 0, 2, 4, 6; initial boxes 0, 2, 4 too far; the first frame counts as given.
    assert errors == [3, 1.5, 1]
    mean = average(done)
    assert mean.scores["center_error"] == pytest.approx(np.mean(errors))
    assert mean.deviation["center_error"] == pytest.approx(np.std(errors, ddof=1))
    assert mean.sequences["a"].scores["center_error"] == pytest.approx(np.mean(errors))
    content = mean.to_json()
    assert [one["center_error"] for one in content["repetitions"]] == errors
    assert content["deviation"]["auc"] == mean.deviation["auc"]


def test_the_scores_of_a_benchmark_are_averaged_beside_those_of_otb(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, "a")]
    for protocol, parts in ((OTB, set()), (GOT10K, {"benchmark", "benchmark_deviation"})):
        done = evaluate_repeatedly(
            Counted(2.0), sequences, repetitions=2, results=[None] * 2, protocol=protocol
        )
        content = average(list(done)).to_json()
        assert {"benchmark", "benchmark_deviation"} & content.keys() == parts
        assert all(("benchmark" in one) == bool(parts) for one in content["repetitions"])


class FailsOnce:
    """Makes trackers of which the first fails."""

    made = 0

    def __call__(self) -> Any:
        self.made += 1
        return Finds() if self.made > 1 else StandsBroken()


class StandsBroken(StandsStill):
    def update(self, _image: Any) -> Any:
        raise RuntimeError("not today")


def test_a_sequence_that_failed_once_is_left_out(tmp_path: Path) -> None:
    sequences = [square_sequence(tmp_path, "a")]
    done = list(evaluate_repeatedly(FailsOnce(), sequences, repetitions=2, results=[None, None]))
    mean = average(done)
    assert mean.failures == {"a": "frame 1: RuntimeError: not today"}
    assert not mean.sequences


def test_no_mean_of_nothing_and_a_folder_for_each() -> None:
    with pytest.raises(InputError, match="at least one evaluation"):
        average([])
    with pytest.raises(InputError, match="expected 2 folders of results, got 1"):
        list(evaluate_repeatedly(Finds, [], repetitions=2, results=[None]))


def test_this_packages_tracker_says_that_it_is_deterministic() -> None:
    assert PretrainedTracker().deterministic
