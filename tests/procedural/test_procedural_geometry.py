"""The generator agrees with `siamfc.geometry`, which every other part uses."""

import numpy as np
import pytest
import torch

from siamfc import geometry
from siamfc.procedural.frame_geometry import exemplar_side
from siamfc.procedural.render import crop
from siamfc.procedural.texels import pack


def test_the_exemplars_square_is_the_trackers():
    sizes = np.exp(np.random.default_rng(0).uniform(np.log(0.1), np.log(2000), (200, 2)))
    sizes = np.concatenate([sizes, [[40, 40], [1, 1000], [1000, 1]]]).astype(np.float32)
    found = exemplar_side(torch.from_numpy(sizes)).numpy()
    np.testing.assert_allclose(found, geometry.exemplar_side(sizes), rtol=1e-6)


@pytest.mark.parametrize(
    ("center", "side", "size", "why"),
    [
        ((20.5, 20.5), 17.0, 17, "whole pixels: a plain cut"),
        ((20.3, 18.9), 17.0, 17, "between pixels"),
        ((20.3, 18.9), 11.7, 32, "enlarging to an even size"),
        ((17.1, 23.7), 9.3, 31, "enlarging to an odd size"),
    ],
)
def test_a_crop_of_a_scene_equals_one_of_a_frame(center, side, size, why):
    image = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    expected = geometry.crop(image, center, side, size, (0, 0, 0))
    # World units are pixels here, and a pixel's position is its centre: index 0 is at 0.
    found = crop(
        pack(torch.from_numpy(image)[None].float() / 255),
        origin=torch.zeros(1, 2),
        pitch=torch.ones(1),
        center=torch.tensor([center]) - 0.5,
        side=torch.tensor([side]),
        size=size,
        frame=torch.tensor([[-1e6, -1e6, 1e6, 1e6]]),
        fill=torch.zeros(1, 3),
    )[0].numpy()
    assert np.abs(found.astype(int) - expected).max() <= 1, why
