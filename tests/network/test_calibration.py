"""Calibration of a network's scores, and its storage in files of weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
from network_samples import make_checkpoint, make_light_checkpoint

from siamfc.errors import CheckpointError, InputError
from siamfc.network import Checkpoint, Metadata, export_weights, load_matcher
from siamfc.network.calibration import Calibration, sigmoid
from siamfc.network.export import CHECKPOINT_FILE
from siamfc.network.loader import read_metadata

CALIBRATION = Calibration(slope=2.5, offset=-0.25)


def calibrated():
    """Return a checkpoint of the light network with a calibration."""
    checkpoint = make_light_checkpoint()
    return replace(checkpoint, metadata=replace(checkpoint.metadata, calibration=CALIBRATION))


def test_without_a_calibration_the_probability_is_the_sigmoid_to_the_last_bit():
    logits = np.random.default_rng(0).normal(0, 9, 1000).astype(np.float32)
    chances = Calibration().probability(logits)
    assert chances.dtype == np.float64
    assert chances.tolist() == sigmoid(logits.astype(np.float64)).tolist()


def test_probabilities_computed_by_hand():
    chances = Calibration(slope=2.0, offset=-1.0).probability(np.array([-1e9, 0.5, 1.0, 1e9]))
    np.testing.assert_allclose(chances, [0, 0.5, 1 / (1 + np.exp(-1)), 1], rtol=1e-12)


@pytest.mark.parametrize(
    ("slope", "offset"), [(0, 0), (-1, 0), (float("nan"), 0), (1, float("nan")), (1e4, 0), (1, 1e4)]
)
def test_a_calibration_that_does_not_rise_with_the_logit_is_refused(slope, offset):
    with pytest.raises(InputError, match=r"^calibration: expected a slope above 0 "):
        Calibration(slope=slope, offset=offset)


def test_a_folder_of_weights_keeps_its_calibration(tmp_path):
    export_weights(calibrated(), tmp_path / "light")
    assert read_metadata(tmp_path / "light").calibration == CALIBRATION
    assert load_matcher(tmp_path / "light", device="cpu", threads=1).calibration == CALIBRATION
    assert Checkpoint.load(tmp_path / "light" / CHECKPOINT_FILE).metadata.calibration == CALIBRATION


def test_torch_gives_the_same_probability():
    pytest.importorskip("torch")
    from siamfc.network.light.torch_matcher import TorchLightMatcher

    assert TorchLightMatcher(calibrated()).calibration == CALIBRATION


def test_the_digest_does_not_cover_the_calibration():
    """It is measured after training, and the digest matches graphs with their checkpoint."""
    assert calibrated().metadata.digest == make_light_checkpoint().metadata.digest


def test_files_without_a_calibration_have_none():
    text = make_light_checkpoint().metadata.to_json()
    assert "calibration" not in json.loads(text)
    assert Metadata.from_json(text).calibration == Calibration()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "calibration: expected a JSON object, got 3"),
        ({"slope": 2.0}, r"calibration: expected \['slope', 'offset'\], got \['slope'\]"),
        ({"slope": "2", "offset": 0}, "slope: expected a number such as 1.0, got '2'"),
        ({"slope": -2, "offset": 0}, "calibration: expected a slope above 0"),
        (None, "calibration: expected a JSON object, got None"),
    ],
)
def test_a_damaged_calibration_is_named(value, message):
    record = json.loads(calibrated().metadata.to_json())
    with pytest.raises(CheckpointError, match=message):
        Metadata.from_json(json.dumps({**record, "calibration": value}))


def test_a_network_that_predicts_no_boxes_has_none():
    with pytest.raises(InputError, match="calibration: expected none for a network 'siamfc-alex"):
        replace(make_checkpoint().metadata, calibration=CALIBRATION)
