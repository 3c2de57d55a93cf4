import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.evaluation import MEASURES, PROTOCOLS
from siamfc.evaluation.scoring.protocols import GOT10K, LASOT, OTB, TRACKINGNET, Protocol

NAN = float("nan")
ABSENT = [NAN] * 4
BOX, BESIDE, FAR = [0, 0, 10, 10], [5, 0, 10, 10], [100, 100, 10, 10]


def score(protocol: Protocol, predicted: list[list[float]], truth: list[list[float]]) -> dict:
    comparison = protocol.compare(np.array(predicted, float), np.array(truth, float), (200, 200))
    return protocol.score(comparison)


def random_boxes() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(7))
    corners, sizes = generator.uniform(-20, 100, (400, 2)), generator.uniform(5, 60, (400, 2))
    truth = np.concatenate([corners, sizes], axis=1)
    predicted = truth + generator.normal(0, 8, (400, 4))
    predicted[:, 2:] = np.maximum(predicted[:, 2:], 1)
    return predicted.round(3), truth.round(3)


def test_otb_agrees_with_the_got10k_toolkits_otb_experiment() -> None:
    # From got10k 0.1.3: rect_iou, center_error and the curves of ExperimentOTB.
    scores = OTB.score(OTB.compare(*random_boxes()))
    assert scores["auc"] == pytest.approx(0.3466666666666667, abs=1e-9)
    assert scores["precision"] == pytest.approx(0.9325, abs=1e-9)
    assert scores["center_error"] == pytest.approx(11.12045660662122, abs=1e-9)


def test_got10k_agrees_with_its_toolkit() -> None:
    # From got10k 0.1.3: rect_iou with a bound, without the first frame, as ExperimentGOT10k.
    scores = GOT10K.score(GOT10K.compare(*random_boxes(), (100, 80)))
    assert scores["ao"] == pytest.approx(0.31966160007085354, abs=1e-9)
    assert scores["sr50"] == pytest.approx(0.2781954887218045, abs=1e-9)
    assert scores["sr75"] == pytest.approx(0.06265664160401002, abs=1e-9)


def test_absent_frames_do_not_count() -> None:
    with_gaps = score(OTB, [BOX, BOX, FAR, FAR], [BOX, BOX, ABSENT, FAR])
    without = score(OTB, [BOX, BOX, FAR], [BOX, BOX, FAR])
    assert with_gaps == without


def test_lasot_takes_absent_frames_for_misses() -> None:
    scores = score(LASOT, [BOX, BOX, FAR, FAR], [BOX, BOX, ABSENT, FAR])
    assert scores["precision"] == 0.75
    assert scores["auc"] == pytest.approx(0.75 * 20 / 21)


def test_lasot_holds_the_last_valid_box() -> None:
    truth = [BOX, BOX, BOX]
    assert score(LASOT, [BOX, ABSENT, [3, 3, 0, 5]], truth)["precision"] == 1
    assert score(OTB, [BOX, ABSENT, [50, 3, 0, 5]], truth)["precision"] == pytest.approx(1 / 3)


def test_the_first_frame_counts_as_given_whatever_is_written_there() -> None:
    given = score(OTB, [BOX, BESIDE], [BOX, BOX])
    assert score(OTB, [FAR, BESIDE], [BOX, BOX]) == given
    assert score(OTB, [ABSENT, BESIDE], [BOX, BOX]) == given
    assert given["center_error"] == 2.5
    written = np.array([FAR, BESIDE], float)
    OTB.compare(written, np.array([BOX, BOX], float))
    assert written.tolist() == [FAR, BESIDE]


def test_got10k_does_not_count_the_first_frame() -> None:
    assert score(GOT10K, [BOX, BESIDE], [BOX, BOX])["ao"] == pytest.approx(1 / 3)
    later = score(GOT10K, [ABSENT, BOX, BESIDE], [ABSENT, BOX, BOX])
    assert later["ao"] == pytest.approx(1 / 3)
    boxes = np.array([BOX, BOX], float)
    assert GOT10K.compare(boxes, boxes, (200, 200)).frame_count == 1


def test_a_mean_is_over_sequences_or_over_frames() -> None:
    short = np.array([BOX, BOX], float), np.array([BOX, BOX], float)
    long = np.array([BOX, FAR, FAR, FAR, FAR], float), np.array([BOX] * 5, float)
    for protocol, key, expected in (
        (OTB, "precision", (1 + 1 / 5) / 2),
        (GOT10K, "ao", 1 / 5),  # 1 of 5 frames behind the first ones
    ):
        comparisons = [protocol.compare(*pair, (200, 200)) for pair in (short, long)]
        assert protocol.summarize(comparisons)[key] == pytest.approx(expected)


def test_sequences_in_which_no_frame_counts_are_left_out() -> None:
    good = OTB.compare(np.array([BOX] * 2, float), np.array([BOX] * 2, float))
    empty = OTB.compare(np.array([BOX] * 2, float), np.array([ABSENT] * 2))
    assert OTB.summarize([good, empty]) == OTB.summarize([good])
    assert all(np.isnan(value) for value in OTB.summarize([empty]).values())


def test_trackingnet_integrates_by_the_trapezoid_rule() -> None:
    # Two perfect frames: 1 at every threshold but the last, where IoU > 1 is never met.
    assert score(TRACKINGNET, [BOX] * 2, [BOX] * 2)["auc"] == pytest.approx(0.975)


def test_boxes_of_other_counts_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"boxes of the ground truth.s shape, \(2, 4\), got \(3, 4\)"
    ):
        OTB.compare(np.zeros((3, 4)), np.zeros((2, 4)))
    with pytest.raises(InputError, match="expected the frames' size for the protocol got10k"):
        GOT10K.compare(np.zeros((2, 4)), np.zeros((2, 4)))


def test_every_measure_says_how_to_read_it() -> None:
    names = [measure.name for measure in MEASURES]
    assert len(names) == len(set(names))
    for measure in MEASURES:
        assert measure.low < measure.high
        assert measure.source
        assert measure.better in ("higher", "lower", "zero")
    for protocol in PROTOCOLS.values():
        assert {measure.name for measure in protocol.measures} <= set(names)


def test_every_measure_stays_in_its_range() -> None:
    for protocol in PROTOCOLS.values():
        comparison = protocol.compare(*random_boxes(), (100, 80))
        for measure in MEASURES:
            assert measure.low <= measure.compute(comparison) <= measure.high, measure.name


def test_offsets_show_a_bias() -> None:
    truth = np.array([BOX] * 3, float)
    comparison = OTB.compare(truth + np.array([-3, 6, 0, 0]), truth)
    offsets = {measure.name: measure.compute(comparison) for measure in MEASURES}
    assert (offsets["offset_x"], offsets["offset_y"]) == (-2, 4)  # the first frame has none
