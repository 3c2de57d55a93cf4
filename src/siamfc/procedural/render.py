"""Rendering of a view: visible layers, their colour, the camera, the crop.

There are two stages, as in reality. The camera produces the source image on its own pixel grid,
with blur, noise and compression. The crop resamples the source to an exemplar or search image, with
a flat fill outside the frame; it enlarges where the source is coarse.
"""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from siamfc.procedural.draws import UniformDraws
from siamfc.procedural.matrices import apply, inverse
from siamfc.procedural.scene import LAYERS, TARGET, View
from siamfc.procedural.texels import pack, unpack

CAMERA_DRAWS = 24
MEASURED_REACH = 150.0
"""Largest distance from a target's position at which its outline is measured, world pixels."""
MEASURED_CELLS = 72
VISIBLE_CELLS = 24
NARROWEST = 0.05
"""Smallest half axis used to measure a distance, world pixels: absent parts have almost none."""
_BLOCK = 8
_UNWAVING = 12
"""Number of iterations that invert a wave; each leaves a third of the error or less."""
SURFACE = ("to_local", "shift", "depth", "wave", "wave_size", "wave_phase")
"""Entries of a layer that determine the position of its surface."""
_SHAPE = (*SURFACE, "exponent", "harmonics", "reach")


def prepare(view: View) -> View:
    """Return the view in the form that is drawn fastest: here unchanged."""
    return view


def coverage(layers: dict[str, Tensor], world: Tensor) -> Tensor:
    """Return how far inside each layer world points lie: (B, P, 2) → (B, L, P).

    Positive inside the layer, zero on its outline and about 1 at its centre.
    """
    spread = {name: table.unsqueeze(2) for name, table in layers.items() if name in _SHAPE}
    return _shape(spread, world[:, None])[2]


def place_on_surface(layers: dict[str, Tensor], world: Tensor) -> tuple[Tensor, Tensor]:
    """Apply pose, perspective and deformation: world points (…, 2) → u, v (…).

    The layers' tables broadcast to the points. Written by component: as products of 2×2 matrices
    this would be millions of calls to a matrix library.
    """
    x, y = world[..., 0], world[..., 1]
    pose, shift = layers["to_local"], layers["shift"]
    u = pose[..., 0, 0] * x + pose[..., 0, 1] * y + shift[..., 0]
    v = pose[..., 1, 0] * x + pose[..., 1, 1] * y + shift[..., 1]
    slope = layers["depth"]
    depth = (1 + slope[..., 0] * u + slope[..., 1] * v).clamp(min=0.4)
    u, v = u / depth, v / depth
    wave, wave_size, phase = layers["wave"], layers["wave_size"], layers["wave_phase"]
    swing = torch.sin(wave[..., 0] * u + wave[..., 1] * v + phase) - torch.sin(phase)
    return u + wave_size[..., 0] * swing, v + wave_size[..., 1] * swing


def place_in_world(layers: dict[str, Tensor], u: Tensor, v: Tensor) -> Tensor:
    """Invert `place_on_surface`, (…, 2), with an error of at most 1e-3 of the layer's half axis.

    A point that no world point maps to lands far away.
    """
    wave, wave_size, phase = layers["wave"], layers["wave_size"], layers["wave_phase"]
    flat_u, flat_v = u, v
    for _ in range(_UNWAVING):
        swing = torch.sin(wave[..., 0] * flat_u + wave[..., 1] * flat_v + phase) - torch.sin(phase)
        flat_u, flat_v = u - wave_size[..., 0] * swing, v - wave_size[..., 1] * swing
    slope = layers["depth"]
    depth = (1 - slope[..., 0] * flat_u - slope[..., 1] * flat_v).clamp(min=0.4)
    place = torch.stack([flat_u, flat_v], -1) / depth[..., None] - layers["shift"]
    return apply(inverse(layers["to_local"]), place)


def _shape(layers: dict[str, Tensor], world: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return surface coordinates and distance inside: world points (…, 2) → u, v, inside (…)."""
    u, v = place_on_surface(layers, world)
    exponent, ripples = layers["exponent"], layers["harmonics"]
    size = torch.maximum(u.abs(), v.abs()).clamp(min=1e-4)
    power = (u.abs() / size) ** exponent + (v.abs() / size) ** exponent
    radius = size * power ** (1 / exponent)
    angle = torch.atan2(v, u)
    outline = layers["reach"]
    for k in (0, 1):
        turn = ripples[..., k, 1] * angle + ripples[..., k, 2]
        outline = outline + ripples[..., k, 0] * torch.cos(turn)
    return u, v, outline - radius


def _sample(bank: Tensor, texture: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """Sample textures bilinearly, wrapping, at texel positions (B, P) → (B, P, 3)."""
    size = bank.shape[-1]
    flat = bank.view(-1)
    left, top = torch.floor(column), torch.floor(row)
    across, down = column - left, row - top
    first_column, first_row = left.int(), top.int()
    base = texture.int() * (size * size)
    color: Tensor = torch.zeros((), device=bank.device)
    for below, weight_y in ((0, 1 - down), (1, down)):
        for right, weight_x in ((0, 1 - across), (1, across)):
            place_y = (first_row + below) & (size - 1)
            place_x = (first_column + right) & (size - 1)
            texels = unpack(flat[base + place_y * size + place_x])
            color = color + texels * (weight_x * weight_y)[..., None]
    return color / 255


def paint(view: View, bank: Tensor, world: Tensor) -> Tensor:
    """Return colours at world points (B, P, 2), before the camera: (B, P, 3) in [0, 1]."""
    layers = view.layers
    inside = coverage(layers, world)
    order = torch.arange(LAYERS, device=world.device)[:, None]
    seen = torch.where(inside > 0, order, LAYERS - 1).amin(1)
    rows = torch.arange(len(world), device=world.device)[:, None]
    entry = {name: table[rows, seen] for name, table in layers.items()}
    u, v, depth = _shape(entry, world)
    texel, start = entry["texel"], entry["texel_offset"]
    column, row = u * texel[..., 0] + start[..., 0], v * texel[..., 1] + start[..., 1]
    color = _sample(bank, entry["texture"], column, row)
    color = color * entry["gain"] + entry["offset"]
    shade = entry["shade"]
    slope = shade[..., 0] * u.clamp(-1.5, 1.5) + shade[..., 1] * v.clamp(-1.5, 1.5)
    light = (1 + slope).clamp(0.3, 1.8)
    light = light * (1 - entry["rim"] * torch.exp(-depth.clamp(min=0) / 0.12))
    color = color * light[..., None]
    color = color.clamp(1e-4, 2.0) ** view.gamma[:, None, None] * view.exposure[:, None]
    return color.clamp(0, 1)


def target_box(view: View, position: Tensor) -> Tensor:
    """Return a tight box around the target's outline, visible or not: (B, 4) world x, y, w, h.

    It is interpolated on a grid of `MEASURED_CELLS`² points: the error of an edge is about a tenth
    of a cell, and larger where a tip is thinner than a cell.
    """
    line = measured_line(position.device)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    layers = {name: table[:, TARGET] for name, table in view.layers.items()}
    inside = coverage(layers, grid + position[:, None])
    # In world pixels, the distance to the outline is about `inside` times the half axis.
    distance = (inside * layers["edge"][..., None].clamp(min=NARROWEST)).amax(1)
    distance = distance.view(-1, MEASURED_CELLS, MEASURED_CELLS)
    return box_of_profiles(distance.amax(1), distance.amax(2), position)


def measured_line(device: torch.device) -> Tensor:
    """Return positions per axis, relative to the target's, at which its outline is measured."""
    step = 2 * MEASURED_REACH / MEASURED_CELLS
    return (torch.arange(MEASURED_CELLS, device=device) + 0.5) * step - MEASURED_REACH


def box_of_profiles(columns: Tensor, rows: Tensor, position: Tensor) -> Tensor:
    """Compute the box, (B, 4) world pixels, from the largest distances inside columns and rows."""
    line = measured_line(position.device)
    step = 2 * MEASURED_REACH / MEASURED_CELLS
    edges = []
    for profile in (columns, rows):
        covered = (profile > 0).float()
        first, last = covered.argmax(-1), MEASURED_CELLS - 1 - covered.flip(-1).argmax(-1)
        for index, outward in ((first, -1), (last, 1)):
            inner = profile.gather(1, index[:, None])[:, 0]
            beyond = (index + outward).clamp(0, MEASURED_CELLS - 1)
            outer = profile.gather(1, beyond[:, None])[:, 0]
            part = (inner / (inner - outer).clamp(min=1e-3)).clamp(0, 1)
            edges.append(line[index] + outward * part * step)
    left, right, top, bottom = edges
    corner = torch.stack([left, top], -1) + position
    return torch.cat([corner, torch.stack([right - left, bottom - top], -1)], -1)


def visible_fraction(view: View, box: Tensor, frame: Tensor) -> Tensor:
    """Return the visible fraction of the target's area, on a grid in its box (B, 4): (B,).

    Parts covered by another layer, or outside `frame`, (B, 4) first and last x, y in world pixels,
    are not visible. A target without an outline is as large as its box.
    """
    line = (torch.arange(VISIBLE_CELLS, device=box.device) + 0.5) / VISIBLE_CELLS
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    world = box[:, None, :2] + grid * box[:, None, 2:]
    covered = coverage(view.layers, world) > 0
    boundless = view.layers["reach"][:, TARGET.start, None] < 0
    whole = covered[:, TARGET].any(1) | boundless
    outside = (world < frame[:, None, :2]) | (world > frame[:, None, 2:])
    hidden = covered[:, : TARGET.start].any(1) | outside.any(-1)
    return (whole & ~hidden).sum(-1) / whole.sum(-1).clamp(min=1)


class Camera(NamedTuple):
    """Degradation of the source image by the camera; each field (B,) or (B, n)."""

    blur: Tensor
    """Standard deviation of the optical blur, source pixels."""
    motion: Tensor
    """Half the vector of the motion blur, source pixels, (B, 2)."""
    noise: Tensor
    """Standard deviation of the noise."""
    grain: Tensor
    """Fraction of the noise that all three channels share."""
    quantum: Tensor
    """Coarsest quantisation step of the compression; 0: no compression."""
    grey: Tensor
    """True for a grey image, bool."""


def draw_camera(uniforms: Tensor, grey: Tensor) -> Camera:
    """Draw a camera per row of `uniforms`, (B, CAMERA_DRAWS)."""
    draws = UniformDraws(uniforms)
    soft = draws.chance(0.12)
    blur = torch.where(soft, draws.uniform(1.0, 2.2), draws.uniform(0.35, 0.9))
    shaken = draws.chance(0.25)[:, None]
    motion = torch.where(shaken, draws.normal(2.2, 2), 0.0)
    noisy, packed = draws.chance(0.5), draws.chance(0.5)
    return Camera(
        blur=blur,
        motion=motion,
        noise=torch.where(noisy, draws.log_uniform(0.004, 0.06), 0.002),
        grain=draws.uniform(0.2, 1.0),
        quantum=torch.where(packed, draws.log_uniform(0.01, 0.16), 0.0),
        grey=grey,
    )


@cache
def block_basis(device: torch.device) -> Tensor:
    """Return the orthonormal cosine transform of an 8×8 block as one matrix, (64, 64)."""
    k = torch.arange(_BLOCK, dtype=torch.float64)
    table = torch.cos(math.pi * (k[None, :] + 0.5) * k[:, None] / _BLOCK) * math.sqrt(2 / _BLOCK)
    table[0] /= math.sqrt(2)
    return torch.kron(table, table).float().to(device)


def _compress(images: Tensor, quantum: Tensor, basis: Tensor) -> Tensor:
    """Quantise 8×8 blocks in the cosine domain, finer at low frequencies: (B, S, S, 3)."""
    count, size, _, _ = images.shape
    side = size // _BLOCK
    grey = images.mean(-1, keepdim=True)
    planes = torch.cat([grey, images[..., :2] - grey], -1)
    blocks = planes.view(count, side, _BLOCK, side, _BLOCK, 3).permute(0, 1, 3, 5, 2, 4)
    spectrum = blocks.reshape(count, side * side, 3, _BLOCK**2) @ basis.T
    k = torch.arange(_BLOCK, device=images.device)
    step = (0.25 + 0.15 * (k[:, None] + k[None, :])).flatten()
    channel = torch.arange(3, device=images.device)[:, None]
    step = step * torch.where(channel == 0, 1.0, 1.8) * quantum.clamp(min=1e-3)[:, None, None, None]
    blocks = (torch.round(spectrum / step) * step) @ basis
    blocks = blocks.view(count, side, side, 3, _BLOCK, _BLOCK).permute(0, 1, 4, 2, 5, 3)
    grey, first, second = blocks.reshape(count, size, size, 3).tensor_split(3, -1)
    packed = torch.cat([grey + first, grey + second, grey - first - second], -1)
    return torch.where((quantum > 0).view(-1, 1, 1, 1), packed, images)


def _blur_motion(images: Tensor, motion: Tensor) -> Tensor:
    """Average seven whole-pixel shifts along ±motion: (B, S, S, 3)."""
    count, size, _, _ = images.shape
    device = images.device
    line = torch.arange(size, device=device)
    rows = torch.arange(count, device=device)[:, None, None]
    total = torch.zeros_like(images)
    for step in range(-3, 4):
        shift = torch.round(motion * (step / 3)).long()
        column = (line + shift[:, :1]).clamp(0, size - 1)
        row = (line + shift[:, 1:]).clamp(0, size - 1)
        total = total + images[rows, row[:, :, None], column[:, None, :]]
    return total / 7


def _blur_defocus(images: Tensor, deviation: Tensor) -> Tensor:
    """Blur with a Gaussian of one deviation per image, seven taps per axis: (B, S, S, 3)."""
    offsets = torch.arange(-3, 4, device=images.device)
    weights = torch.exp(-0.5 * (offsets / deviation[:, None]) ** 2)
    weights = weights / weights.sum(-1, keepdim=True)
    for axis in (1, 2):
        size = images.shape[axis]
        line = torch.arange(size, device=images.device)
        total = torch.zeros_like(images)
        for tap in range(7):
            index = (line + tap - 3).clamp(0, size - 1)
            total = total + images.index_select(axis, index) * weights[:, tap, None, None, None]
        images = total
    return images


def render_source(
    view: View,
    bank: Tensor,
    camera: Camera,
    origin: Tensor,
    pitch: Tensor,
    size: int,
    generator: torch.Generator,
    window: Tensor | None = None,
) -> Tensor:
    """Draw the source image: RGB packed like the bank, (B, size, size) int32; size a multiple of 8.

    Pixel (i, j) is centred at origin + (j, i) · pitch, with origin (B, 2) and pitch (B,) in world
    pixels. The noise is drawn from `generator`. A renderer may leave out pixels outside `window`,
    (B, 4) first and last x, y; this one draws all.
    """
    del window
    noise = torch.randn((len(pitch), size, size, 4), generator=generator, device=bank.device)
    return apply_camera(view, bank, camera, origin, pitch, noise)


def apply_camera(
    view: View, bank: Tensor, camera: Camera, origin: Tensor, pitch: Tensor, noise: Tensor
) -> Tensor:
    """Draw like `render_source`, with normal noise (B, S, S, 4): three colours and grain."""
    size = noise.shape[1]
    line = torch.arange(size, device=noise.device, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    world = origin[:, None] + grid * pitch[:, None, None]
    return degrade(paint(view, bank, world).view(-1, size, size, 3), camera, noise)


def degrade(images: Tensor, camera: Camera, noise: Tensor) -> Tensor:
    """Degrade scenes (B, S, S, 3) like a camera, with standard normal noise (B, S, S, 4)."""
    images = _blur_defocus(_blur_motion(images, camera.motion), camera.blur)
    images = torch.where(
        camera.grey.view(-1, 1, 1, 1), images.mean(-1, keepdim=True).expand_as(images), images
    )
    fraction = camera.grain.view(-1, 1, 1, 1)
    colored = torch.where(camera.grey.view(-1, 1, 1, 1), 0.0, noise[..., :3])
    grain = fraction * noise[..., 3:] + (1 - fraction) * colored
    images = images + grain * camera.noise.view(-1, 1, 1, 1)
    return pack(_compress(images, camera.quantum, block_basis(noise.device)))


def mean_color(source: Tensor) -> Tensor:
    """Return the mean of packed images (B, S, S) per channel: (B, 3) in [0, 1]."""
    return (unpack(source) / 255).mean((1, 2))


def crop(
    source: Tensor,
    origin: Tensor,
    pitch: Tensor,
    center: Tensor,
    side: Tensor,
    size: int,
    frame: Tensor,
    fill: Tensor,
) -> Tensor:
    """Resample packed source images to `size`² pixels about `center`: (B, size, size, 3) uint8.

    The sampling equals that of `siamfc.geometry.crop` when it enlarges. `frame` (B, 4) holds the
    first and last pixel centres x, y of the frame, in world pixels; pixels outside it are `fill`
    (B, 3) in [0, 1].
    """
    count, extent, _ = source.shape
    source, device = unpack(source) / 255, source.device
    place = torch.arange(size, device=device) + 0.5 - size / 2
    rows = torch.arange(count, device=device)[:, None, None]
    axes = []
    for axis in (0, 1):
        world = center[:, axis, None] + place * (side[:, None] / size)
        position = (world - origin[:, axis, None]) / pitch[:, None]
        corner = torch.floor(position)
        outside = (world < frame[:, axis, None]) | (world > frame[:, 2 + axis, None])
        first = corner.long().clamp(0, extent - 1)
        second = (first + 1).clamp(max=extent - 1)
        axes.append((first, second, (position - corner).clamp(0, 1), outside))
    (left, right, across, out_x), (top, bottom, down, out_y) = axes
    across, down = across[:, None, :, None], down[:, :, None, None]

    def take(row: Tensor, column: Tensor) -> Tensor:
        return source[rows, row[:, :, None], column[:, None, :]]

    upper = take(top, left) * (1 - across) + take(top, right) * across
    lower = take(bottom, left) * (1 - across) + take(bottom, right) * across
    images = upper * (1 - down) + lower * down
    outside = (out_y[:, :, None] | out_x[:, None, :])[..., None]
    images = torch.where(outside, fill[:, None, None], images)
    return torch.round(images * 255).to(torch.uint8)
