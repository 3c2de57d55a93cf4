"""Validators are deterministic and tell a good network from a bad one."""

import numpy as np
import pytest
import torch

from siamfc.errors import InputError
from siamfc.evaluation.validators import (
    procedural_validator,
    square_validator,
    track_targets,
    track_videos,
)
from siamfc.network.light.model import LightNet
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.model import SiamFC, initialise
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import ProceduralVideos
from siamfc.synthetic import SquareVideoSettings
from siamfc.tracking import LightSettings, SiamFCSettings

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


LIGHT_SPEC = EmbeddingSpec(response_size=16, stride=16)


class Pushing(LightNet):
    """Predicts every target in its given size, 12 pixels right of the search's centre."""

    def places(self, sizes):
        self.sizes = sizes
        return super().places(sizes)

    def compare(self, exemplars, places, searches):
        assert exemplars.shape[1:] == (96, 64)
        assert places.shape[1:] == (5, 64)
        assert searches.shape[1:] == (96, 16, 16)
        middle = torch.tensor([139.5, 127.5])
        corners = torch.cat([middle - self.sizes / 2, middle + self.sizes / 2], 1)
        boxes = corners[:, :, None, None].expand(-1, -1, 16, 16)
        return torch.full((len(searches), 16, 16), 20.0), boxes


@pytest.fixture(scope="module")
def videos():
    bank = draw_textures(TextureSettings(count=2, size=16, leaves=2), torch.Generator())
    return ProceduralVideos(count=2, frames=3, bank=bank, seed=5)


def test_boxes_of_all_videos_are_tracked_at_once(videos):
    found = track_videos(Pushing().eval(), videos, None, LIGHT_SPEC, Normalisation())
    first = videos.boxes[:, 0].double().numpy()
    side = np.sqrt(np.prod(first[:, 2:] + 0.5 * first[:, 2:].sum(1, keepdims=True), axis=1))
    pushed = np.stack([12 * side / 127, 0 * side, 0 * side, 0 * side], axis=1)
    for frame in range(3):
        np.testing.assert_allclose(found[:, frame], first + frame * pushed, atol=1e-2)


def test_scores_are_told_of_each_frame(videos):
    frames = list(track_targets(Pushing().eval(), videos, None, LIGHT_SPEC, Normalisation()))
    assert [targets.score.round(6).tolist() for targets in frames] == [[1, 1]] * 3


def test_either_network_takes_its_own_settings_alone(videos):
    with pytest.raises(InputError, match="expected LightSettings"):
        track_videos(Pushing(), videos, SiamFCSettings(), LIGHT_SPEC, Normalisation())
    with pytest.raises(InputError, match="expected SiamFCSettings"):
        track_videos(_model(), videos, LightSettings(), EmbeddingSpec(), Normalisation())


def test_the_light_network_is_judged_by_the_same_videos():
    textures = TextureSettings(count=2, size=16, leaves=2)
    validate = procedural_validator(
        LIGHT_SPEC, Normalisation(), device=CPU, videos=1, frames=2, textures=textures
    )
    scores = validate(LightNet().eval())
    assert 0.5 <= scores["tracking_auc"] <= 1
