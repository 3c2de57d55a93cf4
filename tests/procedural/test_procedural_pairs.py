"""Procedural pairs: a function of seed and step; the ground truth matches the images."""

import numpy as np
import pytest
import torch

from siamfc.errors import InputError
from siamfc.procedural.frame_geometry import exemplar_side
from siamfc.procedural.pair_settings import PAIR_UNIFORMS, PairSettings
from siamfc.procedural.pairs import PairGenerator
from siamfc.procedural.render import coverage
from siamfc.procedural.sampling import sample_pairs
from siamfc.procedural.scene import TARGET
from siamfc.procedural.texels import unpack
from siamfc.procedural.textures import TextureSettings, draw_textures

BANK = TextureSettings(count=3, size=16, leaves=3)
SMALL = PairSettings(exemplar_size=39, search_size=79, reach=18.0, near_deviation=5.0)


def _generator(seed=0, batch=2, settings=SMALL):
    return PairGenerator(batch=batch, seed=seed, settings=settings, textures=BANK)


def _sampled(uniforms, settings):
    """Return the shots and the ground truth."""
    shots, truth = sample_pairs(uniforms, 3, settings)
    return *shots, truth


def _equal(first, second):
    return [torch.equal(a, b) for a, b in zip(first, second, strict=True)]


@pytest.fixture(scope="module")
def plan():
    """Sample many pairs of the usual size without drawing any."""
    generator = torch.Generator().manual_seed(4)
    uniforms = torch.rand((64, PAIR_UNIFORMS), generator=generator)
    return _sampled(uniforms, PairSettings())


def test_a_steps_pairs_do_not_depend_on_earlier_steps():
    generator = _generator()
    in_order = [generator(step) for step in range(9)]
    late = _generator()
    for step in (8, 3, 0):
        assert all(_equal(late(step), in_order[step])), step
    assert not torch.equal(in_order[0].boxes, in_order[1].boxes)


def test_another_seed_or_bank_gives_other_pairs():
    generator = _generator()
    first = generator(0)
    assert not torch.equal(_generator(seed=1)(0).boxes, first.boxes)
    generator.renew(1)
    renewed = generator(0)
    assert not torch.equal(renewed.searches, first.searches)
    assert torch.equal(renewed.boxes, first.boxes)  # the same scenes, painted anew
    generator.renew(0)
    assert all(_equal(generator(0), first))


def test_pairs_have_the_documented_shapes_and_types():
    pairs = _generator()(0)
    assert [(tuple(part.shape), part.dtype) for part in pairs] == [
        ((2, 39, 39, 3), torch.uint8),
        ((2, 79, 79, 3), torch.uint8),
        ((2, 2), torch.float32),
        ((2,), torch.float32),
        ((2,), torch.float32),
        ((2, 4), torch.float32),
        ((2, 2), torch.float32),
        ((2, 0), torch.float32),
        ((2, 0), torch.uint8),
    ]
    assert pairs.searches.float().std() > 5  # something is to be seen


def test_a_target_with_context_fills_the_exemplar():
    pairs = _generator()(0)
    sides = exemplar_side(pairs.exemplar_sizes)
    assert torch.allclose(sides, torch.full_like(sides, pairs.exemplars.shape[1]), atol=1e-3)


def test_the_offset_is_from_the_search_images_centre_to_the_boxs(plan):
    truth = plan[2]
    centers = truth.boxes[:, :2] + truth.boxes[:, 2:] / 2
    torch.testing.assert_close(centers - 255 / 2, truth.offsets, atol=2e-3, rtol=0)
    assert truth.offsets.abs().max() <= PairSettings().reach
    assert truth.offsets.abs().max() > 30


def test_the_box_bounds_the_drawn_outline():
    uniforms = torch.rand((64, PAIR_UNIFORMS), generator=torch.Generator().manual_seed(4))
    _, search, truth = _sampled(uniforms, PairSettings(box_noise=0.0))
    line = (torch.arange(0, 510) + 0.5) / 2  # half pixels of the search image
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    errors = []
    for number in range(40):
        world = search.center[number] + (grid - 127.5) * (search.side[number] / 255)
        view = search.view.layers
        layers = {name: table[number : number + 1, TARGET] for name, table in view.items()}
        mask = (coverage(layers, world) > 0).any(1).view(510, 510)
        box = truth.boxes[number]
        expected = torch.cat([box[:2], box[:2] + box[2:]])
        # A background piece has no outline, and some targets extend beyond the search image.
        if mask.any() and expected.min() > 2 and expected.max() < 253:
            columns, rows = mask.any(0).nonzero().flatten(), mask.any(1).nonzero().flatten()
            edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            errors.append(torch.stack(edges) / 2 - expected)
    error = torch.stack(errors)
    assert len(error) > 20
    assert error.abs().median() < 0.4
    assert error.abs().max() < 5  # a tip thinner than a cell of the measuring grid, 4.2 pixels
    # Opposite edges have the same error: the centre has no bias.
    assert (error[:, :2] + error[:, 2:]).mean(0).abs().max() < 0.4


def test_the_exemplar_is_centred_on_its_box_except_for_an_annotators_error():
    generator = torch.Generator().manual_seed(7)
    uniforms = torch.rand((64, PAIR_UNIFORMS), generator=generator)
    exact = _sampled(uniforms, PairSettings(box_noise=0.0))
    noisy = _sampled(uniforms, PairSettings(box_noise=0.04))
    exemplar = exact[0]
    layers = {name: table[:, TARGET] for name, table in exemplar.view.layers.items()}
    line = torch.arange(-150.0, 150.0, 2.0)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    mask = (coverage(layers, grid) > 0).any(1)
    for number in range(len(mask)):
        if mask[number].any():
            points = grid[0, mask[number]]
            middle = (points.amin(0) + points.amax(0)) / 2
            torch.testing.assert_close(exemplar.center[number], middle, atol=3.0, rtol=0)
    error = ((noisy[0].center - exact[0].center) / exact[0].side[:, None]).abs()
    assert 0 < error.mean() < 0.04


def test_the_search_side_errs_by_the_stated_scale(plan):
    exemplar, search, truth = plan
    exact = _sampled(
        torch.rand((64, PAIR_UNIFORMS), generator=torch.Generator().manual_seed(4)),
        PairSettings(scale_deviation=0.0),
    )
    ratio = torch.log(exact[1].side / search.side)
    torch.testing.assert_close(ratio, truth.log_scales, atol=1e-4, rtol=0)
    assert truth.log_scales.std() == pytest.approx(0.06, rel=0.4)
    assert (exemplar.side > 0).all()


def test_a_hidden_target_is_marked_as_hidden():
    uniforms = torch.rand((48, PAIR_UNIFORMS), generator=torch.Generator().manual_seed(2))
    never, always = (
        _sampled(uniforms, PairSettings(occluded_share=share))[2].visible for share in (0.0, 1.0)
    )
    assert (always <= never + 1e-6).all()
    assert always.mean() < never.mean() - 0.05
    assert never.min() >= 0
    assert never.max() <= 1


def test_textures_are_drawn_by_the_generator_and_wrap_their_colours():
    banks = [draw_textures(BANK, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(banks[0], banks[1])
    assert not torch.equal(banks[0], banks[2])
    assert banks[0].shape == (3, 16, 16)
    colours = unpack(banks[0])
    assert colours.min() >= 0
    assert colours.max() <= 255
    np.testing.assert_array_equal(unpack(torch.tensor([1 + 256 * 2 + 65536 * 3])), [[1, 2, 3]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PairSettings(exemplar_size=300), "expected 0 < exemplar_size <= search_size"),
        (
            lambda: PairSettings(grey_share=1.5),
            "grey_share: expected a number from 0 to 1, got 1.5",
        ),
        (lambda: TextureSettings(size=100), "texture size: expected a power of two from 16"),
        (
            lambda: TextureSettings(count=0),
            "expected textures, leaves and a cloud_share from 0 to 1",
        ),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
