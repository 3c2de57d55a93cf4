"""Judges of weights: they repeat themselves and tell a good network from a bad one."""

import torch

from siamfc.data.procedural.textures import TextureSettings
from siamfc.data.synthetic import SquareVideoSettings
from siamfc.evaluation.validators import procedural_validator, square_validator
from siamfc.network.alexnet import SiamFC, initialise
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation

CPU = torch.device("cpu")


def _model():
    model = SiamFC().eval()
    initialise(model, torch.Generator().manual_seed(0))
    return model


def test_tracking_the_square_tells_a_network_that_sees_from_one_that_does_not():
    validate = square_validator(
        EmbeddingSpec(), Normalisation(), device=CPU, video=SquareVideoSettings(frames=6)
    )
    model = _model()
    sees = validate(model)["tracking_center_error"]
    assert validate(model)["tracking_center_error"] == sees
    with torch.no_grad():
        model.backbone.conv5.weight.zero_()
    blind = validate(model)["tracking_center_error"]
    assert sees < blind


def test_tracking_procedural_videos_gives_the_same_scores_each_time():
    textures = TextureSettings(count=2, size=16, leaves=2)
    validate = procedural_validator(
        EmbeddingSpec(), Normalisation(), device=CPU, videos=1, frames=2, textures=textures
    )
    model = _model()
    scores = validate(model)
    assert set(scores) == {"tracking_auc", "tracking_precision", "tracking_center_error"}
    assert 0.5 <= scores["tracking_auc"] <= 1  # the first of two frames is right
    assert validate(model) == scores
