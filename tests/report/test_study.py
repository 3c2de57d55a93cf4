"""Comparison of scores on the sequences that all trackers have."""

from dataclasses import replace

import numpy as np
import pytest
from report_samples import make_results

from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError, InputError
from siamfc.evaluation.scoring.protocols import GOT10K
from siamfc.report import Study, make_study, paired_difference
from siamfc.report.figures import offset_histogram, offset_limit


def test_scores_are_those_of_the_trackers(study: Study) -> None:
    near, right, lost = study.entries
    assert right.scores["auc"] == pytest.approx(20 / 21)  # an overlap of 1 isn't above 1
    assert right.scores["center_error"] == 0
    # 7 of 8 frames are off by sqrt(13); each sequence counts as much as the other.
    assert near.scores["center_error"] == pytest.approx(np.sqrt(13) * 7 / 8)
    assert lost.scores["precision"] == pytest.approx(1 / 8)
    assert right.frames_per_second == pytest.approx(100)


def test_offsets_leave_out_the_first_frame_and_where_the_target_is_lost(study: Study) -> None:
    near, _, lost = study.entries
    np.testing.assert_allclose(near.offsets, [[3, -2]] * 14)
    np.testing.assert_allclose(near.following_offsets, [[3, -2]] * 14)
    assert len(lost.offsets) == 14
    assert len(lost.following_offsets) == 0


def test_only_sequences_that_every_tracker_has_count(sequences: list[Sequence]) -> None:
    full = make_results("full", sequences, (0, 0))
    half = make_results("half", sequences[:1], (0, 0))
    study = make_study([full, half], sequences, title="squares")
    assert [one.name for one in study.sequences] == ["Slow"]
    assert study.left_out == {"Fast": ("half",)}


def test_no_common_sequence_is_an_error_that_says_why(sequences: list[Sequence]) -> None:
    empty = replace(make_results("none", [], (0, 0)), damaged=("a.txt: expected 3 boxes",))
    with pytest.raises(DatasetError, match=r"results of every tracker.*a\.txt: expected 3 boxes"):
        make_study([empty], sequences, title="squares")


def test_results_of_other_sequences_alone_are_an_error_that_names_them(
    sequences: list[Sequence],
) -> None:
    other = replace(make_results("none", [], (0, 0)), notes=("run: it has 'zebra'",))
    with pytest.raises(DatasetError, match=r"results of every tracker, got none; .*'zebra'"):
        make_study([other], sequences, title="squares")


def test_missing_boxes_are_counted_as_misses(sequences: list[Sequence]) -> None:
    results = make_results("gaps", sequences, (0, 0))
    results.tracks["Slow"].boxes[[0, 3, 4]] = np.nan  # the first frame's is given
    (entry,) = make_study([results], sequences, title="squares").entries
    assert entry.missing == 2
    assert entry.results["Slow"].scores["precision"] == pytest.approx(6 / 8)


def test_the_worst_sequence_comes_first(sequences: list[Sequence]) -> None:
    results = make_results("some", sequences, (0, 0))
    results.tracks["Fast"].boxes[1:, 0] += 6
    study = make_study([results], sequences, title="squares")
    assert [one.name for one in study.worst_first] == ["Fast", "Slow"]


def test_trackers_of_one_name_are_told_apart(sequences: list[Sequence]) -> None:
    results = make_results("run", sequences, (0, 0))
    names = [e.name for e in make_study([results] * 3, sequences, title="x").entries]
    assert len(set(names)) == 3
    assert names[0] == "run"


def test_a_benchmark_with_its_own_rules_is_scored_by_them(sequences: list[Sequence]) -> None:
    results = make_results("near", sequences, (3, -2))
    (entry,) = make_study([results], sequences, title="x", protocol=GOT10K).entries
    overlap = 9 * 10 / (2 * 144 - 9 * 10)
    assert entry.benchmark["ao"] == pytest.approx(overlap)  # without the first frame


def test_attributes_gather_their_sequences(study: Study) -> None:
    assert study.attributes == {"blur": ("Slow", "Fast"), "fast motion": ("Slow",)}


def test_a_difference_without_spread_is_certain() -> None:
    one = paired_difference([0.5, 0.6, 0.7], [0.4, 0.5, 0.6])
    assert (one.mean, one.low, one.high) == pytest.approx((0.1, 0.1, 0.1))
    assert one.is_certain
    assert (one.greater, one.smaller, one.count) == (3, 0, 3)


def test_equal_scores_are_neither_greater_nor_smaller() -> None:
    one = paired_difference([0.5, 0.6, 0.7], [0.5, 0.5, 0.8])
    assert (one.greater, one.smaller, one.count) == (1, 1, 3)
    assert not replace(one, low=0.0, high=0.2).is_certain


def test_the_time_of_a_frame_leaves_out_each_runs_first(study: Study) -> None:
    first = study.entries[0]
    assert first.milliseconds == pytest.approx(np.full(2 * 7, 10.0))


def test_noise_is_not_taken_for_progress() -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 30)
    one = paired_difference(0.5 + noise, np.full(30, 0.5))
    assert one.low < 0 < one.high
    assert not one.is_certain


def test_the_histogram_has_fractions_of_all_frames(sequences: list[Sequence]) -> None:
    results = make_results("some", sequences, (3.0, -2.0))
    results.tracks["Slow"].boxes[1:, 0] += 90
    (entry,) = make_study([results], sequences, title="x").entries
    edges, fractions = offset_histogram(entry, 0, 5.0)
    assert fractions.sum() == pytest.approx(0.5)  # the others lie beyond the limit
    (place,) = np.flatnonzero(fractions)
    assert edges[place] <= 3 < edges[place + 1]


@pytest.mark.parametrize(
    ("shift", "limit"),
    [
        ((0.0, 1.0), 5),  # never narrower: a fraction of a pixel is not worth a wider chart
        ((-20.0, 0.0), 20),
        ((0.0, 101.0), 200),
        ((1500.0, 0.0), 2000),
    ],
)
def test_the_chart_of_offsets_is_just_wide_enough(
    sequences: list[Sequence], shift: tuple[float, float], limit: float
) -> None:
    study = make_study([make_results("far", sequences, shift)], sequences, title="x")
    assert offset_limit(study) == limit


def test_the_interval_agrees_with_the_normal_one_where_that_holds() -> None:
    values = np.random.default_rng(0).normal(0.2, 0.1, 400)
    one = paired_difference(values, np.zeros(400))
    error = 1.96 * values.std() / np.sqrt(400)
    assert one.low == pytest.approx(values.mean() - error, abs=0.001)
    assert one.high == pytest.approx(values.mean() + error, abs=0.001)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).normal(0, 1, 12)
    first, again, other = (paired_difference(values, values * 0, seed=s) for s in (5, 5, 6))
    assert first == again
    assert first.low != other.low


def test_one_sequence_has_no_interval_and_infinities_are_left_out() -> None:
    one = paired_difference([0.5, np.inf, np.nan], [0.4, np.inf, 0])
    assert one.count == 1
    assert np.isnan(one.low)
    assert not one.is_certain


def test_other_sequences_cannot_be_paired() -> None:
    with pytest.raises(InputError, match="expected the same sequences of both"):
        paired_difference([0.5, 0.6], [0.5])
