"""The kernels draw what the torch functions draw: on a GPU, else in Triton's interpreter."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernels are imported
pytest.importorskip("triton")

from siamfc.procedural import render
from siamfc.procedural.frame_geometry import source_size, whole_frame
from siamfc.procedural.kernels import paint as paint_kernels
from siamfc.procedural.kernels.camera import apply_camera
from siamfc.procedural.kernels.layers import BOUNDS, WIDTHS, table_of
from siamfc.procedural.leaves import draw_leaves
from siamfc.procedural.pair_settings import PAIR_UNIFORMS, PairSettings
from siamfc.procedural.pairs import PairGenerator, _rows
from siamfc.procedural.renderer import TORCH, triton_renderer
from siamfc.procedural.sampling import sample_pairs
from siamfc.procedural.scene import LAYERS, TARGET
from siamfc.procedural.texels import pack, unpack
from siamfc.procedural.textures import TextureSettings, draw_textures

ON_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if ON_GPU else "cpu")
KERNELS = triton_renderer()
# The interpreter needs a second for a few tiles.
SCENES = 64 if ON_GPU else 3
SETTINGS = PairSettings() if ON_GPU else PairSettings(exemplar_size=23, search_size=31)

pytestmark = [
    # The interpreter's numpy warns of integer overflows, unlike Triton.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    *([pytest.mark.gpu] if ON_GPU else []),
]


@pytest.fixture(autouse=True)
def _unrounded_products():
    """Training earlier in the same process lets torch round the factors of matrix products."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(precision)


def _generator(seed):
    return torch.Generator(DEVICE).manual_seed(seed)


def _plan(count, seed=3):
    uniforms = torch.rand((count, PAIR_UNIFORMS), generator=_generator(seed), device=DEVICE)
    shots, truth = sample_pairs(uniforms, 4, SETTINGS, TORCH)
    return *shots, truth


@pytest.fixture(scope="module")
def bank():
    settings = TextureSettings(count=4, size=32, leaves=4)
    return draw_textures(settings, _generator(0), renderer=TORCH)


@pytest.fixture(scope="module")
def search():
    return _plan(SCENES)[1]


def _grid(shot, size):
    line = torch.arange(size, device=DEVICE, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    return shot.origin[:, None] + grid * shot.pitch[:, None, None]


def _levels_of(images):
    """Return painted words and their colours for colours (…, 3)."""
    levels = (images * torch.tensor([1023.0, 2047.0, 1023.0], device=DEVICE)).round().int()
    words = levels[..., 0] | (levels[..., 1] << 10) | (levels[..., 2] << 21)
    return words, _colors_of(words)


def _colors_of(words):
    channels = [words & 1023, (words >> 10) & 2047, words >> 21]
    return torch.stack(channels, -1) / torch.tensor([1023.0, 2047.0, 1023.0], device=DEVICE)


def test_the_painted_scene_equals_torchs(search, bank):
    size = source_size(SETTINGS.search_size)
    expected = render.paint(search.view, bank, _grid(search, size)).view(-1, size, size, 3)
    words = paint_kernels.paint(search.view, bank, search.camera, search.origin, search.pitch, size)
    error = (_colors_of(words) - expected).abs()
    # On an edge within rounding of a pixel's centre, another layer may win.
    assert (error.amax(-1) > 0.75 / 1023).float().mean() < 2e-3
    assert error.mean() < 0.5 / 1023
    assert expected.std() > 0.05


def test_the_table_holds_every_entry_of_a_layer_and_its_bounds(search):
    layers = search.view.layers
    assert set(WIDTHS) == set(layers)
    view = _plan(200)[1].view
    table = table_of(view)
    assert table.shape[:2] == (200, LAYERS)
    line = torch.arange(-180.0, 180.0, 9.0, device=DEVICE)
    world = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    inside = render.coverage(view.layers, world.expand(200, -1, -1)) > 0
    pose, shift = view.layers["to_local"][:, :, None], view.layers["shift"][:, :, None]
    place = (pose * world[:, None, :, None]).sum(-1) + shift
    least, largest = table[..., None, BOUNDS.value :].unflatten(-1, (2, 2)).unbind(-2)
    held = ((place >= least) & (place <= largest)).all(-1)
    assert (held | ~inside).all()
    assert held[:, :-1].float().mean() < 0.5  # and not everywhere


def test_only_the_window_need_be_painted(search, bank):
    size = source_size(SETTINGS.search_size)
    # Only the coarsest, whose crop reads the smallest part of its source.
    coarsest = int((search.pitch / search.side).argmax())
    shot = _rows(search, slice(coarsest, coarsest + 1))
    window = shot.window
    assert (window[:, 2:] - window[:, :2]).max() < size - 20
    arguments = (shot.view, bank, shot.camera, shot.origin, shot.pitch, size)
    places = (shot.origin, shot.pitch, shot.center, shot.side, SETTINGS.search_size, shot.frame)
    fill = torch.zeros((1, 3), device=DEVICE)
    crops = [
        KERNELS.crop(KERNELS.render_source(*arguments, _generator(5), part), *places, fill)
        for part in (None, window)
    ]
    assert torch.equal(*crops)


def test_the_cameras_image_equals_torchs():
    images = torch.rand((4, 24, 24, 3), generator=_generator(1), device=DEVICE)
    words, images = _levels_of(images)
    camera = render.Camera(
        blur=torch.tensor([0.4, 0.9, 2.2, 0.6], device=DEVICE),
        motion=torch.tensor([[0.0, 0.0], [3.0, -2.0], [0.2, 6.0], [0.0, 0.0]], device=DEVICE),
        noise=torch.zeros(4, device=DEVICE),
        grain=torch.full((4,), 0.5, device=DEVICE),
        quantum=torch.tensor([0.0, 0.05, 0.0, 0.1], device=DEVICE),
        grey=torch.tensor([False, True, False, False], device=DEVICE),
    )
    noise = torch.zeros((4, 24, 24, 4), device=DEVICE)
    expected = unpack(render.degrade(images, camera, noise))
    error = (unpack(apply_camera(words, camera, _generator(0))) - expected).abs()
    assert error.max() <= 1
    assert (error > 0).float().mean() < 0.01


def test_the_noise_is_normal_and_a_function_of_seed_and_position():
    size = 64 if ON_GPU else 16
    words = _levels_of(torch.full((3, size, size, 3), 0.5, device=DEVICE))[0]
    camera = render.Camera(
        blur=torch.full((3,), 0.4, device=DEVICE),
        motion=torch.zeros((3, 2), device=DEVICE),
        noise=torch.full((3,), 0.1, device=DEVICE),
        grain=torch.tensor([0.0, 0.5, 1.0], device=DEVICE),
        quantum=torch.zeros(3, device=DEVICE),
        grey=torch.tensor([False, False, False], device=DEVICE),
    )
    first, again, other = (
        unpack(apply_camera(words, camera, _generator(seed))) / 255 - 0.5 for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert (first - other).std() > 0.08
    assert (first[0] - first[1]).std() > 0.08
    deviation = torch.tensor([0.1, 0.1 * 0.5**0.5, 0.1], device=DEVICE)
    torch.testing.assert_close(first.std((1, 2, 3)), deviation, rtol=0.1, atol=0)
    assert first.mean((1, 2)).abs().max() < 0.03
    # With grain 1 all channels have the same noise, with grain 0 separate noise.
    spread = first.std(-1).mean((1, 2))
    assert spread[2] < 0.003 < 0.05 < spread[0]


def test_crop_and_box_equal_torchs(search):
    extent = source_size(SETTINGS.search_size)
    source = pack(torch.rand((SCENES, extent, extent, 3), generator=_generator(2), device=DEVICE))
    fill = KERNELS.mean_color(source)
    torch.testing.assert_close(fill, TORCH.mean_color(source), rtol=1e-4, atol=0)
    places = (search.origin, search.pitch, search.center, search.side, SETTINGS.search_size)
    frame = search.frame.clone()
    frame[0, 0] = search.center[0, 0]  # the left half is out of the frame
    crops = [renderer.crop(source, *places, frame, fill).float() for renderer in (KERNELS, TORCH)]
    error = (crops[0] - crops[1]).abs()
    assert (error > 1).float().mean() < 1e-4
    assert (error > 0).float().mean() < 0.01

    position = torch.zeros((SCENES, 2), device=DEVICE)
    box = TORCH.target_box(search.view, position)
    torch.testing.assert_close(KERNELS.target_box(search.view, position), box, rtol=0, atol=0.02)


def test_the_visible_fraction_equals_torchs_for_cut_targets_and_pieces():
    view = _plan(SCENES, seed=5)[1].view
    reach = view.layers["reach"].clone()
    reach[0, TARGET] = -1e3  # a piece of the background, as large as its box
    view = view._replace(layers={**view.layers, "reach": reach})
    position = torch.zeros((SCENES, 2), device=DEVICE)
    box = TORCH.target_box(view, position)
    box[0] = torch.tensor([-30.0, -30.0, 60.0, 60.0], device=DEVICE)
    frame = whole_frame(position)
    frame[:2, 0] = box[:2, 0] + box[:2, 2] / 2  # two targets lie half beyond the left border
    shares = [renderer.visible_fraction(view, box, frame) for renderer in (KERNELS, TORCH)]
    torch.testing.assert_close(*shares, rtol=0, atol=0.01)
    assert 0 < shares[1][0] <= 0.5
    assert 0 < shares[1][1] < 0.8
    whole = TORCH.visible_fraction(view, box, whole_frame(position))
    assert (whole[:2] > shares[1][:2] + 0.1).all()


def test_leaves_equal_torchs():
    layers, count, size = (40, 8, 128) if ON_GPU else (6, 2, 32)
    generator = _generator(4)
    uniforms = torch.rand((count * layers, 24), generator=generator, device=DEVICE)
    palette = torch.rand((count * layers, 7, 3), generator=generator, device=DEVICE)
    smallest = torch.logspace(-0.6, -1.9, layers, device=DEVICE).repeat(count)[:, None]
    leaves = draw_leaves(uniforms, palette, smallest, size)
    canvas = torch.rand((count, size, size, 3), generator=generator, device=DEVICE)
    relief = torch.randn((count, size, size), generator=generator, device=DEVICE)
    bare = torch.arange(count, device=DEVICE) == count - 1
    textures = [
        unpack(renderer.throw_leaves(canvas, relief, leaves, bare)) for renderer in (KERNELS, TORCH)
    ]
    error = (textures[0] - textures[1]).abs()
    assert (error > 1).float().mean() < 1e-3
    assert error.mean() < 0.05
    assert torch.equal(textures[1][-1], unpack(pack(canvas))[-1])


@pytest.mark.skipif(not ON_GPU, reason="the interpreter takes minutes")
def test_the_generator_draws_the_same_pairs_with_kernels():
    settings = TextureSettings(count=4, size=16, leaves=3)
    torch_s, kernels_ = (
        PairGenerator(
            batch=SCENES,
            seed=1,
            device=DEVICE,
            settings=SETTINGS,
            textures=settings,
            renderer=renderer,
        )
        for renderer in (TORCH, KERNELS)
    )
    kernels_.bank = torch_s.bank
    expected, pairs = torch_s(0), kernels_(0)
    torch.testing.assert_close(pairs.boxes, expected.boxes, rtol=0, atol=0.1)
    torch.testing.assert_close(pairs.visible, expected.visible, rtol=0, atol=0.02)
    for mine, theirs in (
        (pairs.exemplars, expected.exemplars),
        (pairs.searches, expected.searches),
    ):
        error = (mine.float() - theirs.float()).abs()
        assert error.mean() < 6  # levels: the camera's noise is another
        assert theirs.float().std() > 20
    again = kernels_(0)
    assert all(torch.equal(a, b) for a, b in zip(pairs, again, strict=True))
