"""Accuracy of the bundled weights with the tracker's defaults."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamfc.boxes import center
from siamfc.datasets.readers import open_dataset
from siamfc.datasets.sequences import read_sequences
from siamfc.evaluation import PretrainedTracker, evaluate
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.tracking import Tracker, one_scale


@pytest.mark.parametrize("displacement", [4, 32])
def test_they_follow_a_square_that_they_never_saw(displacement: int) -> None:
    video = SquareVideo(SquareVideoSettings(frames=30, max_displacement=displacement, seed=1))
    tracker = Tracker.from_pretrained("siamfc", device="cpu", settings=one_scale())
    images = iter(video)
    tracker.init(next(images), video.boxes[0])
    offsets = np.array([center(tracker.update(image)) for image in images]) - center(
        video.boxes[1:]
    )
    assert np.hypot(*offsets.T).mean() < 1.0


@pytest.mark.slow
@pytest.mark.sequences
@pytest.mark.parametrize(
    ("name", "auc"),
    [
        ("Crossing", 0.65),  # small and low in contrast
        ("Skiing", 0.45),  # tumbling, and 20 pixels large; published SiamFC loses it: 0.09
        ("davis_car-shadow", 0.7),  # grows and turns
    ],
)
def test_they_follow_real_targets(name: str, auc: float) -> None:
    if "SIAMFC_SEQUENCES" not in os.environ:
        pytest.skip("SIAMFC_SEQUENCES names no folder of real sequences")
    root = Path(os.environ["SIAMFC_SEQUENCES"])
    sequences = [one for one in read_sequences(open_dataset("otb", root)) if one.name == name]
    result = evaluate(PretrainedTracker(device="cpu"), sequences)
    assert result.scores["auc"] > auc
