"""Differing runs of one tracker, and runs by other protocols than one pass."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_samples import make_results, make_sequence

from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation import ResultFolder, describe_run, evaluate, find_scheme
from siamfc.evaluation.formats import read_trackers
from siamfc.report import make_study, write_report
from siamfc.report.page import render_page

SHIFTS = (0, 3, 6)


class Trailing:
    """Returns the first box, further right each time, and loses the target in the end."""

    def init(self, _image: Any, box: Any) -> None:
        self.box = box

    def update(self, _image: Any) -> Any:
        self.box = self.box + np.array([1.5, 0, 0, 0])
        return self.box


def save(folder: Path, sequences: list[Sequence], shift: float, weights: str = "default") -> None:
    """Write results as `siamfc evaluate` does."""
    record = describe_run({"name": "siamfc", "digest": weights}, {}, weights=weights)
    for track in make_results("x", sequences, (shift, 0)).tracks.values():
        ResultFolder(path=folder, record=record).save(track)


@pytest.fixture
def repeated(tmp_path: Path, sequences: list[Sequence]) -> Path:
    """Three repetitions of a tracker."""
    for number, shift in enumerate(SHIFTS, 1):
        save(tmp_path / "ours" / f"repetition_{number}", sequences, shift)
    return tmp_path / "ours"


def test_repetitions_are_one_tracker_with_mean_and_deviation(
    repeated: Path, sequences: list[Sequence]
) -> None:
    runs = read_trackers(repeated, sequences)
    assert [run.name for run in runs] == [f"ours/repetition_{number}" for number in (1, 2, 3)]
    (entry,) = make_study(runs, sequences, title="squares").entries
    assert entry.name == "ours"
    errors = np.array(SHIFTS) * 7 / 8  # of 8 frames the first is given
    assert entry.scores["center_error"] == pytest.approx(errors.mean())
    assert entry.deviation["center_error"] == pytest.approx(errors.std(ddof=1))
    each = [one.scores["auc"] for one in entry.repetitions]
    assert entry.scores["auc"] == pytest.approx(np.mean(each))
    assert entry.results["Slow"].errors[1:] == pytest.approx(3)
    assert len(entry.offsets) == 3 * 14
    curve = entry.curve(lambda comparison: comparison.overlaps[:1])
    np.testing.assert_allclose(curve, 1)


def test_on_request_each_is_a_tracker_of_its_own(repeated: Path, sequences: list[Sequence]) -> None:
    runs = read_trackers(repeated, sequences, name="mine")
    study = make_study(runs, sequences, title="squares", separate=True)
    assert [one.name for one in study.entries] == [f"mine/repetition_{n}" for n in (1, 2, 3)]
    assert [one.scores["center_error"] for one in study.entries] == pytest.approx(
        [shift * 7 / 8 for shift in SHIFTS]
    )
    assert not study.repeated


def test_checkpoints_and_their_repetitions_are_one_series(
    tmp_path: Path, sequences: list[Sequence]
) -> None:
    for number, weights in enumerate(("runs/a/best.safetensors", "seed2"), 1):
        home = tmp_path / "ours" / f"{number}_{Path(weights).stem}"
        for repetition in (1, 2):
            save(home / f"repetition_{repetition}", sequences, number, weights)
    (entry,) = make_study(read_trackers(tmp_path, sequences), sequences, title="x").entries
    assert entry.name == "ours"
    assert len(entry.repetitions) == 4
    page = render_page(make_study(read_trackers(tmp_path, sequences), sequences, title="x"))
    assert "1_best/repetition_2" in page
    assert "runs/a/best.safetensors; seed2" in page


def test_folders_that_were_numbered_by_hand_are_different_trackers(
    tmp_path: Path, sequences: list[Sequence]
) -> None:
    for number, name in enumerate(("before", "after"), 1):
        save(tmp_path / f"{number}_{name}", sequences, number)
    names = [
        one.name
        for one in make_study(read_trackers(tmp_path, sequences), sequences, title="x").entries
    ]
    assert names == ["1_before", "2_after"]


def test_a_series_stands_beside_a_tracker_that_was_run_once(
    repeated: Path, sequences: list[Sequence], tmp_path: Path
) -> None:
    trackers = [*read_trackers(repeated, sequences), make_results("once", sequences, (1, 0))]
    study = make_study(trackers, sequences, title="x")
    assert [one.name for one in study.entries] == ["ours", "once"]
    folder = write_report(study, tmp_path / "report").parent
    head, ours, once = (folder / "summary.csv").read_text().splitlines()
    assert head.endswith("center_error_deviation")
    assert once.endswith(",,,")
    assert ours.split(",")[-1] == repr(study.entries[0].deviation["center_error"])
    assert len((folder / "repetitions.csv").read_text().splitlines()) == 1 + 3
    assert r"$\pm$" in (folder / "summary.tex").read_text()
    assert "Each of the 3 runs" in (folder / "index.html").read_text()


def test_a_sequence_that_one_repetition_lacks_does_not_count(
    repeated: Path, sequences: list[Sequence]
) -> None:
    (repeated / "repetition_2" / "Fast.csv").unlink()
    study = make_study(read_trackers(repeated, sequences), sequences, title="x")
    assert study.left_out == {"Fast": ("ours/repetition_2",)}


@pytest.fixture
def long(tmp_path: Path) -> list[Sequence]:
    """Sequences long enough for several starts."""
    found = []
    for name, step in (("a", 1), ("b", 2)):
        folder = tmp_path / "data" / name
        one = make_sequence(folder, name, step, ())
        places = [*range(8), *reversed(range(8))] * 2  # there and back, twice
        frames = FrameFiles(folder, [f"{place}.png" for place in places])
        boxes = one.boxes[places]
        found.append(Sequence(name=name, frames=frames, boxes=boxes, size=one.size))
    return found


@pytest.mark.parametrize("name", ["tre", "sre", "vot-supervised", "vot-multistart"])
def test_a_report_gives_the_scores_that_evaluate_gave(
    name: str, long: list[Sequence], tmp_path: Path
) -> None:
    scheme = find_scheme(name)
    record = describe_run({"name": "trailing"}, {}, scheme=scheme)
    results = ResultFolder(path=tmp_path / "ours", record=record)
    evaluation = evaluate(Trailing, long, scheme=scheme, results=results)
    study = make_study(read_trackers(tmp_path / "ours", long), long, title="x")
    (entry,) = study.entries
    assert study.scheme.name == name
    assert {key: entry.scores[key] for key in evaluation.scores} == evaluation.scores
    for one in long:
        assert entry.results[one.name].scores["auc"] == evaluation.sequences[one.name].scores["auc"]
        assert len(entry.results[one.name].overlaps) == len(one)
    if name.startswith("vot"):
        assert entry.benchmark == pytest.approx(evaluation.benchmark, nan_ok=True)
    page = write_report(study, tmp_path / "report")
    assert scheme.title in page.read_text()
    assert (page.parent / "benchmark.csv").exists() == name.startswith("vot")


def test_runs_of_two_protocols_are_refused(
    sequences: list[Sequence], repeated: Path, tmp_path: Path
) -> None:
    scheme = find_scheme("sre")
    results = ResultFolder(path=tmp_path / "sre", record=describe_run({}, {}, scheme=scheme))
    evaluate(Trailing, sequences, scheme=scheme, results=results)
    trackers = [*read_trackers(repeated, sequences), *read_trackers(tmp_path / "sre", sequences)]
    with pytest.raises(
        DatasetError, match=r"one pass \(ours/repetition_1\); spatial robustness \(sre\): make a"
    ):
        make_study(trackers, sequences, title="x")
