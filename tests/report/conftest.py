"""A small study: two sequences with frames, and trackers that are right, near and lost."""

from pathlib import Path

import pytest
from report_samples import make_results, make_sequence

from siamfc.datasets.sequences import Sequence
from siamfc.report import Study, make_study


@pytest.fixture
def sequences(tmp_path: Path) -> list[Sequence]:
    return [
        make_sequence(tmp_path / "data" / "a", "Slow", 1, ("fast motion", "blur")),
        make_sequence(tmp_path / "data" / "b", "Fast", 4, ("blur",)),
    ]


@pytest.fixture
def study(sequences: list[Sequence]) -> Study:
    trackers = [
        make_results("near", sequences, (3, -2)),
        make_results("right", sequences, (0, 0)),
        make_results("lost", sequences, (500, 0)),
    ]
    return make_study(trackers, sequences, title="squares")
