"""Triples with a recent exemplar, absent targets and rough boxes."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.render import coverage
from siamfc.procedural.sampling import sample_pairs
from siamfc.procedural.scene import TARGET, SceneSettings

COUNT = 64
SETTINGS = PairSettings(piece_share=0.0, box_noise=0.0, recent=True, recent_noise=0.0)


@cache
def _sampled(settings):
    generator = torch.Generator().manual_seed(4)
    return sample_pairs(torch.rand((COUNT, settings.uniforms), generator=generator), 3, settings)


def test_the_recent_exemplar_is_closer_to_the_search_image_than_the_first():
    (first, search, recent), _ = _sampled(SETTINGS)

    def apart(one, other):
        poses = (shot.view.layers["to_local"][:, TARGET.start] for shot in (one, other))
        return torch.sub(*poses).abs().mean()

    assert apart(recent, search) < 0.5 * apart(first, search)


def test_the_recent_box_has_a_trackers_error():
    exact = _sampled(SETTINGS)[1].recent_sizes
    noisy = _sampled(replace(SETTINGS, recent_noise=0.06))[1].recent_sizes
    ratio = torch.log(noisy / exact)
    assert 0.02 < ratio.std() < 0.12
    assert ratio.mean().abs() < 0.03


def test_an_absent_target_is_removed_or_outside_the_crop():
    (_, search, _), truth = _sampled(replace(SETTINGS, absent_share=1.0))
    assert (truth.visible == 0).all()
    gone = search.view.layers["reach"][:, TARGET].amax(1) < 0
    assert 0.3 < gone.float().mean() < 0.7
    center = truth.boxes[:, :2] + truth.boxes[:, 2:] / 2
    assert ((center - 127.5).abs().amax(1) > 127.5)[~gone].all()
    grid = center[:, None] * 0  # the world's origin, where the target was
    assert (coverage(search.view.layers, grid)[gone][:, TARGET] < 0).all()


def test_a_rough_box_means_the_object():
    exact, rough = _sampled(SETTINGS), _sampled(replace(SETTINGS, rough_share=1.0))
    side = torch.stack([sampled[0][0].side for sampled in (exact, rough)])
    sizes = torch.stack([sampled[1].exemplar_sizes for sampled in (exact, rough)])
    ratio = sizes[1] * side[1][:, None] / (sizes[0] * side[0][:, None])
    assert 0.84 < ratio.min() < 0.9
    assert 1.1 < ratio.max() < 1.16
    world = [sampled[1].boxes[:, 2:] * sampled[0][1].side[:, None] for sampled in (exact, rough)]
    torch.testing.assert_close(*world)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_figures_consist_of_parts_with_their_own_surfaces(share):
    scene = SceneSettings(figure_share=share)
    (first, *_), _ = _sampled(replace(SETTINGS, scene=scene))
    layers = first.view.layers
    seen = layers["edge"][:, TARGET] > 0.5
    of_all_parts = seen.all(1).float().mean()
    assert of_all_parts == 1 if share else of_all_parts < 0.5
