"""Optional difficulties: each can be enabled alone, and the ground truth stays exact."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from siamfc.errors import InputError
from siamfc.overrides import change, read_assignments
from siamfc.procedural import render
from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.frame_geometry import (
    beyond_frame,
    cutting_frame,
    draw_part_boxes,
    first_piece,
    follow_boxes,
    ground_truth_box,
    inside_fraction,
    whole_frame,
)
from siamfc.procedural.pair_settings import PairSettings
from siamfc.procedural.pairs import PairGenerator
from siamfc.procedural.renderer import TORCH
from siamfc.procedural.sampling import sample_pairs
from siamfc.procedural.scene import (
    BACK,
    BACKGROUND,
    FRONT,
    OCCLUDER,
    SCENE_DRAWS,
    TARGET,
    VIEW_DRAWS,
    SceneSettings,
    draw_scene,
    draw_view,
)
from siamfc.procedural.textures import TextureSettings
from siamfc.training.recipes import light

COUNT = 64
OUTLINED = PairSettings(piece_share=0.0, box_noise=0.0)


@cache
def _plan(settings):
    generator = torch.Generator().manual_seed(4)
    uniforms = torch.rand((COUNT, settings.uniforms), generator=generator)
    shots, truth = sample_pairs(uniforms, 3, settings)
    return *shots, truth


def _scene(settings, seed=1, **keywords):
    generator = torch.Generator().manual_seed(seed)
    uniforms = torch.rand((COUNT, SCENE_DRAWS), generator=generator)
    return draw_scene(uniforms, 50, settings, **keywords)


def _grid(box, cells=120):
    """Return world points (B, cells², 2) on boxes (B, 4) enlarged by a tenth of their size."""
    line = (torch.arange(cells) + 0.5) / cells * 1.2 - 0.1
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    return box[:, None, :2] + grid * box[:, None, 2:]


def _world_box(truth, search, size=255):
    """Return the ground truth boxes in world pixels, (B, 4)."""
    pixel = search.side[:, None] / size
    corner = search.center + (truth.boxes[:, :2] - size / 2) * pixel
    return torch.cat([corner, truth.boxes[:, 2:] * pixel], -1)


def _turn(view, layer=TARGET.start):
    """Return the angle of a layer, radians in (−π, π], without its shear."""
    pose = torch.linalg.inv(view.layers["to_local"][:, layer])
    return torch.atan2(pose[:, 1, 0], pose[:, 0, 0])


def test_without_options_pairs_are_unchanged():
    # Values from before the options existed.
    truth = _plan(PairSettings())[2]
    expected = [
        [113.717, 100.296, 58.746, 65.102],
        [79.489, 108.799, 91.678, 44.541],
        [67.894, 91.016, 92.617, 45.065],
    ]
    torch.testing.assert_close(truth.boxes[:3], torch.tensor(expected), rtol=0, atol=2e-3)
    assert truth.log_scales[:3].tolist() == pytest.approx([-0.025465, 0.054883, 0.06562], abs=1e-5)
    assert truth.visible.mean().item() == pytest.approx(0.9974, abs=1e-4)
    generator = PairGenerator(
        batch=2,
        seed=0,
        settings=PairSettings(exemplar_size=39, search_size=79, reach=18.0, near_deviation=5.0),
        textures=TextureSettings(count=3, size=16, leaves=3),
    )
    means = [
        image.float().mean().item()
        for step in (0, 8)
        for image in (generator(step).exemplars, generator(step).searches)
    ]
    assert means == pytest.approx([109.9762, 113.9735, 86.8479, 93.3876], abs=0.05)


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        (PairSettings(wide_scale_share=1.0), ()),
        (PairSettings(leaving_share=1.0), ()),
        (PairSettings(exact_pieces=True), ()),
        (PairSettings(part_share=1.0), ()),
        (PairSettings(relit_share=1.0), ()),
        (PairSettings(exemplar_occluded_share=1.0), ()),
        (PairSettings(scene=SceneSettings(turning_share=1.0)), (TARGET,)),
        (PairSettings(scene=SceneSettings(twin_share=1.0)), (FRONT, BACK)),
        (PairSettings(scene=SceneSettings(close_occluder_share=1.0)), (OCCLUDER,)),
        (PairSettings(scene=SceneSettings(camouflage_share=1.0)), (TARGET,)),
    ],
)
def test_an_option_changes_only_what_it_names(settings, layers):
    plans = _plan(PairSettings()), _plan(settings)
    before, after = (plan[1].view.layers for plan in plans)
    for part in (OCCLUDER, FRONT, TARGET, BACK, BACKGROUND):
        same = all(torch.equal(before[name][:, part], after[name][:, part]) for name in before)
        assert same == (part not in layers), part
    if not layers:
        crops = [(plan[0].view.layers["shift"], plan[0].view.exposure, *plan[2]) for plan in plans]
        assert not all(torch.equal(a, b) for a, b in zip(*crops, strict=True))


def test_the_box_of_a_turned_target_bounds_its_outline():
    settings = replace(OUTLINED, scene=SceneSettings(turning_share=1.0), neighbour_share=0.0)
    exemplar, search, truth = _plan(settings)
    turned = torch.remainder(
        _turn(search.view) - _turn(exemplar.view) + torch.pi, 2 * torch.pi
    ).sub(torch.pi)
    assert (turned.abs() > 0.5).float().mean() > 0.6
    usual = [_turn(shot.view) for shot in _plan(replace(OUTLINED, neighbour_share=0.0))[:2]]
    assert ((usual[1] - usual[0]).abs() > 0.5).float().mean() < 0.25

    box = _world_box(truth, search)
    points = _grid(box)
    layers = {name: table[:, TARGET] for name, table in search.view.layers.items()}
    mask = (render.coverage(layers, points) > 0).any(1)
    errors = []
    for number in range(COUNT):
        seen = points[number, mask[number]]
        x, y, w, h = box[number]
        edges = torch.cat([seen.amin(0), seen.amax(0)]) - torch.stack([x, y, x + w, y + h])
        errors.append(edges / torch.stack([w, h, w, h]))
    error = torch.stack(errors)
    assert error.abs().median() < 0.01
    assert error.abs().max() < 0.1  # of the side: a tip thinner than a cell of the measuring grid


def test_a_twin_looks_like_its_target_and_stays_close():
    scene = _scene(SceneSettings(twin_share=1.0), piece_share=0.0)
    target = scene.target.parts
    counts = {}
    for name, thing, place in (
        ("front", scene.front, scene.front_place),
        ("back", scene.back, scene.back_place),
    ):
        parts = thing.parts
        same = [
            (getattr(parts, entry) == getattr(target, entry)[:, :3]).flatten(1).all(1)
            for entry in ("center", "axes", "exponent", "harmonics", "texture", "gain")
        ]
        same.append((parts.texture_map[..., 0] == target.texture_map[:, :3, 0]).all(1))
        alike = torch.stack(same).all(0)
        counts[name] = int(alike.sum())
        half = scene.target.half_size
        distance = place.norm(dim=-1) / half.mean(-1)
        assert distance[alike].max() < 2.5 + 0.5 * (half.amax(-1) / half.mean(-1)).max()
        ratio = (thing.half_size / half)[alike]
        assert ratio.log().abs().max() < 0.25
        assert (ratio != 1).all()  # and no copy
        moved = parts.texture_map[..., 1:] - target.texture_map[:, :3, 1:]
        assert 0 < moved[alike].abs().median() < 16
    assert sum(counts.values()) == COUNT
    assert min(counts.values()) > COUNT / 4


def test_a_piece_of_the_background_has_no_twin_and_turns_as_before():
    hard = SceneSettings(twin_share=1.0, turning_share=1.0)
    plain, scene = (_scene(s, piece_share=1.0) for s in (SceneSettings(), hard))
    assert torch.equal(plain.target.turning, scene.target.turning)
    assert torch.equal(plain.front_place, scene.front_place)
    assert torch.equal(plain.back.half_size, scene.back.half_size)


def test_scales_err_widely_in_the_stated_fraction():
    usual = _plan(OUTLINED)
    wide = _plan(replace(OUTLINED, wide_scale_share=1.0, wide_scale_deviation=0.4))
    assert wide[2].log_scales.std().item() == pytest.approx(0.4, rel=0.2)
    # The target is larger in the search image by the factor by which the side is smaller.
    growth = (wide[2].log_scales - usual[2].log_scales).exp()[:, None]
    torch.testing.assert_close(
        wide[2].boxes[:, 2:], usual[2].boxes[:, 2:] * growth, rtol=1e-4, atol=0
    )
    torch.testing.assert_close(wide[1].side * growth[:, 0], usual[1].side, rtol=1e-4, atol=0)
    torch.testing.assert_close(wide[2].offsets, usual[2].offsets, rtol=0, atol=1e-3)
    some = _plan(replace(OUTLINED, wide_scale_share=0.3))[2].log_scales
    changed = (some != usual[2].log_scales).float().mean().item()
    assert changed == pytest.approx(0.3, abs=0.15)


def test_a_target_that_leaves_the_frame_ends_at_its_border():
    whole = _plan(OUTLINED)
    _, search, truth = _plan(replace(OUTLINED, leaving_share=1.0))
    full, cut, frame = _world_box(whole[2], whole[1]), _world_box(truth, search), search.frame
    torch.testing.assert_close(search.center, whole[1].center)
    low = torch.maximum(full[:, :2], frame[:, :2])
    high = torch.minimum(full[:, :2] + full[:, 2:], frame[:, 2:])
    torch.testing.assert_close(cut, torch.cat([low, high - low], -1), rtol=0, atol=0.02)
    left = (cut[:, 2:] / full[:, 2:]).amin(-1)
    assert left.min() > 0.29
    assert left.max() < 0.91
    center = truth.boxes[:, :2] + truth.boxes[:, 2:] / 2
    torch.testing.assert_close(center - 255 / 2, truth.offsets, rtol=0, atol=5e-3)

    # The visible fraction, counted on a finer grid.
    points = _grid(full)
    inside = render.coverage(search.view.layers, points) > 0
    target, hidden = inside[:, TARGET].any(1), inside[:, : TARGET.start].any(1)
    within = ((points > frame[:, None, :2]) & (points < frame[:, None, 2:])).all(-1)
    share = (target & within & ~hidden).sum(-1) / target.sum(-1)
    torch.testing.assert_close(truth.visible, share, rtol=0, atol=0.05)
    assert (truth.visible < whole[2].visible).float().mean() > 0.9


def test_boxes_are_cut_and_measured_by_hand():
    box = torch.tensor([[10.0, 20, 40, 10]]).expand(5, 4)
    frame = whole_frame(box[:, :2])
    frame[1, 0], frame[2, 3], frame[3, 2], frame[4, 1] = 20.0, 25.0, 5.0, 20.0
    before, after = beyond_frame(box, frame)
    # Nothing cut; a quarter on the left; half at the bottom; all; a touching edge.
    assert before.tolist() == [[0, 0], [10, 0], [0, 0], [0, 0], [0, 0]]
    assert after.tolist() == [[0, 0], [0, 0], [0, 5], [40, 0], [0, 0]]
    assert inside_fraction(box, frame).tolist() == [1, 0.75, 0.5, 0, 1]
    uniforms = torch.tensor([[(which + 0.5) / 4, 0.5] for which in range(4)])
    frames = cutting_frame(UniformDraws(uniforms), box[:4])
    far = 1e6
    expected = [[26, -far, far, far], [-far, 24, far, far], [-far, -far, 34, far]]
    torch.testing.assert_close(frames, torch.tensor([*expected, [-far, -far, far, 26.0]]))


def test_an_occluder_leaves_half_of_the_exemplar_and_moves_no_box():
    bare, veiled = _plan(OUTLINED), _plan(replace(OUTLINED, exemplar_occluded_share=1.0))
    for before, after in zip(bare[2], veiled[2], strict=True):
        assert torch.equal(before, after)
    assert torch.equal(bare[0].center, veiled[0].center)
    box = ground_truth_box(
        TORCH, _scene(SceneSettings(), piece_share=0.0), bare[0].view, torch.zeros(COUNT, 2)
    )
    frame = whole_frame(box[:, :2])
    shares = [TORCH.visible_fraction(plan[0].view, box, frame) for plan in (bare, veiled)]
    hidden = shares[1] < shares[0] - 0.02
    assert hidden.float().mean() > 0.25
    assert shares[1][hidden].min() >= 0.5
    assert (shares[1] <= shares[0]).all()


def test_a_close_occluder_hides_much_of_a_target_where_it_may():
    close = replace(OUTLINED, scene=SceneSettings(close_occluder_share=1.0))
    often, never = (_plan(replace(close, occluded_share=share))[2] for share in (1.0, 0.0))
    assert (often.visible < 0.5).float().mean() > 0.4
    assert (often.visible < 0.15).float().mean() > 0.05
    assert never.visible.mean() > 0.95


@pytest.mark.parametrize(("layer", "piece_share"), [(BACKGROUND, 1.0), (TARGET, 0.0)])
def test_a_box_follows_the_surface_on_which_it_was_drawn(layer, piece_share):
    generator = torch.Generator().manual_seed(3)
    scene = draw_scene(
        torch.rand((COUNT, SCENE_DRAWS), generator=generator), 3, piece_share=piece_share
    )
    away, origin = torch.full((COUNT,), 6.0), torch.zeros(COUNT, 2)
    views = [
        draw_view(scene, torch.rand((COUNT, VIEW_DRAWS), generator=generator), origin, away)
        for _ in range(2)
    ]
    draws = UniformDraws(torch.rand((COUNT, 4), generator=generator))
    box = draw_part_boxes(draws, first_piece(scene, origin))
    found = follow_boxes(box, layer.start, *views)

    # Find the world points of the second view that show the ellipse of the first.
    surfaces = [
        {name: view.layers[name][:, layer.start, None] for name in render.SURFACE} for view in views
    ]
    points = _grid(found, cells=200)
    back = render.place_in_world(surfaces[0], *render.place_on_surface(surfaces[1], points))
    inside = (((back - box[:, None, :2]) / box[:, None, 2:] - 0.5).norm(dim=-1) < 0.5)[..., None]
    corners = [
        torch.where(inside, points, 1e9).amin(1),
        torch.where(inside, points, -1e9).amax(1),
    ]
    error = torch.cat([corners[0] - found[:, :2], corners[1] - found[:, :2] - found[:, 2:]], 1)
    relative = error.abs().amax(1) / found[:, 2:].amax(1)
    # A few bodies are bent so much that they fold over.
    assert relative.median() < 0.02
    assert (relative < 0.03).float().mean() > 0.95
    assert ((found / box)[:, 2:].log().abs() > 0.1).float().mean() > 0.3  # and it matters


def test_relit_images_differ_in_lighting():
    plain, relit = (_plan(replace(OUTLINED, relit_share=share)) for share in (0.0, 1.0))

    def change(plan):
        first, second = (shot.view.exposure.log() for shot in plan[:2])
        return (second - first).mean(-1).abs()

    assert change(plain).max() < 1
    assert (change(relit) > 1).float().mean() > 0.15
    assert change(relit).max() < 3
    assert torch.equal(plain[2].boxes, relit[2].boxes)


def test_a_parts_box_lies_in_the_targets_box_and_is_given_to_the_tracker():
    whole, parts = (_plan(replace(OUTLINED, part_share=share)) for share in (0.0, 1.0))
    ratio = parts[2].exemplar_sizes.prod(-1) / whole[2].exemplar_sizes.prod(-1)
    assert ratio.max() < 1.5  # both are as large in their exemplar images as boxes are
    boxes = [_world_box(plan[2], plan[1]) for plan in (whole, parts)]
    share = (boxes[1][:, 2:] / boxes[0][:, 2:]).median(0).values
    assert (share > 0.5).all()
    assert (share < 0.85).all()
    corners = [torch.cat([box[:, :2], -box[:, :2] - box[:, 2:]], 1) for box in boxes]
    within = (corners[1] - corners[0]) / boxes[0][:, 2:].repeat(1, 2)
    assert within.quantile(0.05) > -0.12


def test_an_exact_piece_is_hidden_by_objects_in_front_of_it():
    pieces = PairSettings(
        piece_share=1.0,
        occluded_share=1.0,
        scene=SceneSettings(close_occluder_share=1.0),
    )
    assert (_plan(pieces)[2].visible == 1).all()
    exact = _plan(replace(pieces, exact_pieces=True))[2].visible
    assert (exact < 0.5).float().mean() > 0.3
    leaving = _plan(replace(pieces, leaving_share=1.0))[2].visible
    assert leaving.max() < 1


def test_every_option_can_be_set_by_name_on_the_command_line():
    names = ["exemplar_occluded_share", "wide_scale_share", "wide_scale_deviation", "leaving_share"]
    names += ["part_share", "relit_share"]
    shares = [*(f"pairs.{name}" for name in names), "pairs.scene.turning_share"]
    shares += [f"pairs.scene.{name}_share" for name in ("twin", "close_occluder", "camouflage")]
    values = read_assignments([*(f"data.{name}=0.25" for name in shares)])
    pairs = change(light(), {**values, "data.pairs.exact_pieces": True}).data.pairs
    scene = SceneSettings(
        turning_share=0.25, twin_share=0.25, close_occluder_share=0.25, camouflage_share=0.25
    )
    expected = replace(light().data.pairs, scene=scene, exact_pieces=True)
    assert pairs == replace(expected, **dict.fromkeys(names, 0.25))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SceneSettings(turning_share=0.0), "turning_share: expected a number from 0.07"),
        (lambda: SceneSettings(twin_share=2.0), "twin_share: expected a number from 0 to 1, got 2"),
        (lambda: PairSettings(leaving_share=-0.1), "leaving_share: expected a number from 0 to 1"),
        (lambda: PairSettings(wide_scale_deviation=3.0), "wide_scale_deviation: expected a number"),
        (lambda: PairSettings(coarsest=0.5), "coarsest: expected a number of at least 1"),
        (lambda: PairSettings(box_noise=float("nan")), "box_noise: expected a number of at least"),
    ],
)
def test_impossible_options_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
