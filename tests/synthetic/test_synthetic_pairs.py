"""Pairs of squares: exact positions, the data set's colours and noise, deterministic."""

import numpy as np
import pytest
import torch

from siamfc.crops.augment import AugmentSettings
from siamfc.errors import InputError
from siamfc.geometry import crop, exemplar_side
from siamfc.synthetic import SyntheticDataset, SyntheticDatasetSettings
from siamfc.synthetic.pairs import SquarePairs

QUIET = {"gaussian": 0.0, "salt_and_pepper": 0.0, "speckle": 0.0}
STILL = {
    "max_shift": 0.0, "exemplar_shift": 0.0, "max_stretch": 0.0, "brightness": 0.0,
    "contrast": 0.0, "saturation": 0.0, "colour": 0.0, "blur_share": 0.0, "grey_share": 0.0,
}  # fmt: skip


def _pairs(batch=2, seed=0, folders=range(8), noise=QUIET, **settings):
    return SquarePairs(
        batch=batch,
        seed=seed,
        folders=folders,
        dataset=SyntheticDatasetSettings(images=8, folders=8, **noise),
        settings=AugmentSettings(**{**STILL, **settings}),
    )


def test_step_and_seed_determine_the_pairs():
    first, again = _pairs(noise={})(3), _pairs(noise={})(3)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (_pairs(noise={})(4), _pairs(noise={}, seed=1)(3)):
        assert not torch.equal(first.searches, other.searches)
    assert first.exemplars.shape == (2, 127, 127, 3)
    assert first.searches.shape == (2, 255, 255, 3)
    assert first.searches.dtype == torch.uint8


def test_without_noise_a_pair_is_the_trackers_crop_of_the_data_sets_image():
    settings = SyntheticDatasetSettings(images=8, folders=8, **QUIET)
    dataset = SyntheticDataset(settings)
    batch = _pairs(batch=1, folders=[5])(0)
    image = dataset.draw(5, 0)
    side = exemplar_side(dataset.box[2:])
    for drawn, size, scale in ((batch.exemplars, 127, 1.0), (batch.searches, 255, 255 / 127)):
        expected = crop(image, (127.5, 127.5), side * scale, size, fill=image[0, 0])
        drawn_here = drawn[0].numpy().astype(int)
        differs = np.abs(drawn_here - expected.astype(int)).max(-1) > 1
        # Only the anti-aliased pixels at the square's outline may differ.
        edge = size / 2 - np.abs(np.arange(size) + 0.5 - size / 2)
        inside = size / 2 - 63.5 / 2
        near = np.abs(edge - inside) < 1.6
        assert not differs[~near][:, ~near].any()


def test_the_box_is_where_the_square_is():
    batch = _pairs(batch=6, max_shift=9.0, max_stretch=0.05)(0)
    for image, box, offset in zip(batch.searches, batch.boxes, batch.offsets, strict=True):
        pixels = image.double()
        change = (pixels - pixels[0, 0]).abs().sum(-1)
        share = (change / change[127, 127]).numpy()
        columns, rows = share.max(0), share.max(1)
        measured = [columns.sum(), rows.sum()]
        np.testing.assert_allclose(measured, box[2:], atol=0.1)
        places = np.arange(255) + 0.5
        center = [(line * places).sum() / line.sum() for line in (columns, rows)]
        np.testing.assert_allclose(center, box[:2] + box[2:] / 2, atol=0.1)
        np.testing.assert_allclose(center, 127.5 + offset, atol=0.1)
    assert batch.offsets.abs().max() > 1


@pytest.mark.parametrize(
    ("kind", "strength"), [("gaussian", 40.0), ("salt_and_pepper", 0.2), ("speckle", 0.3)]
)
def test_noise_has_the_requested_strength(kind, strength):
    # Each image draws one of three kinds, and a strength up to the largest.
    batch = _pairs(batch=60, folders=[2], noise={**QUIET, kind: strength})(0)
    clean = _pairs(batch=1, folders=[2])(0).searches[0, :60].double()
    images = batch.searches[:, :60].double()
    noise = (images - clean).std((1, 2, 3))
    largest = {
        "gaussian": strength,
        "speckle": strength * clean.mean().item(),
        "salt_and_pepper": np.sqrt(strength / 2) * 255,
    }[kind]
    noisy = noise > 0.5
    assert 0.15 < noisy.double().mean() < 0.5  # a third
    assert 0.6 * largest * 0.6 < noise.max() < 1.3 * largest
    assert noise[noisy].std() > 0.1 * largest  # of many strengths


def test_no_folder_is_refused():
    with pytest.raises(InputError, match="folders: expected at least one, got none"):
        _pairs(folders=[])
