"""Procedural textures and shapes, drawn only with numpy and Pillow.

Noise is enlarged by Pillow's 8-bit resizing, and leaves are filled by its polygon drawing. Both are
integer arithmetic, so a seed gives the same picture with the same versions of the two libraries.
"""

import colorsys
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Palette = list[tuple[int, int, int]]

_MOST_LEAVES = 8000
_LEAF_SHAPES = 48


def fractal_noise(
    generator: np.random.Generator, size: tuple[int, int], *, cell: float, octaves: int
) -> NDArray[np.float32]:
    """Return smooth random values in [-1, 1]: octaves of noise, each half as coarse and strong.

    Args:
        generator: source of randomness, advanced.
        size: width and height of the result in pixels.
        cell: distance in pixels between the random values of the coarsest octave.
        octaves: number of octaves.

    Returns:
        (height, width) float32.
    """
    width, height = size
    total = np.zeros((height, width), dtype=np.float32)
    weights = 0.5 ** np.arange(octaves)
    for octave, weight in enumerate(weights / weights.sum()):
        step = max(cell * 0.5**octave, 1.0)
        shape = (math.ceil(height / step) + 3, math.ceil(width / step) + 3)
        grid = Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8))
        # A random origin keeps the octaves' lattices from lining up.
        left, top = generator.random(2)
        box = (left, top, left + width / step, top + height / step)
        grown = grid.resize(size, Image.Resampling.BICUBIC, box=box)
        total += np.float32(weight) * (np.asarray(grown, dtype=np.float32) / 127.5 - 1)
    return total


def dead_leaves(
    generator: np.random.Generator,
    size: tuple[int, int],
    palette: Palette,
    *,
    smallest: float,
    largest: float,
    grain: float = 0.25,
) -> Image.Image:
    """Cover an image with overlapping smooth leaves, as objects cover each other in natural scenes.

    Radii between `smallest` and `largest` pixels follow a power law with exponent -3, which gives
    the image the scale invariance of natural ones (Lee, Mumford & Huang 2001).

    Args:
        generator: source of randomness, advanced.
        size: width and height in pixels.
        palette: colours of the leaves.
        smallest: smallest radius in pixels.
        largest: largest radius in pixels.
        grain: strength of the fractal shading of the whole image, 0 to 1.
    """
    width, height = size
    # Drawn at twice the size and reduced, so that edges are smooth.
    canvas = Image.new("RGB", (2 * width, 2 * height), palette[0])
    draw = ImageDraw.Draw(canvas)
    # With these radii a leaf covers `mean_area` on average; five layers hide the ground.
    mean_area = 2 * math.pi * smallest**2 * math.log(largest / smallest)
    count = min(math.ceil(5 * width * height / mean_area), _MOST_LEAVES)
    uniform = generator.random(count)
    radii = smallest / np.sqrt(1 - uniform * (1 - (smallest / largest) ** 2))
    middles = generator.random((count, 2)) * size
    shapes = np.stack(
        [smooth_shape(generator, points=20, irregularity=0.4) for _ in range(_LEAF_SHAPES)]
    )
    chosen = shapes[generator.integers(_LEAF_SHAPES, size=count)]
    outlines = 2 * (middles[:, None] + radii[:, None, None] * chosen)
    colours = np.array(palette)[generator.integers(len(palette), size=count)]
    colours = np.clip(colours + generator.integers(-18, 19, size=(count, 1)), 0, 255)
    for outline, (red, green, blue) in zip(outlines, colours.tolist(), strict=True):
        draw.polygon(outline.ravel().tolist(), fill=(red, green, blue))
    return shade_image(generator, canvas.reduce(2), strength=grain)


def shade_image(
    generator: np.random.Generator, image: Image.Image, *, strength: float
) -> Image.Image:
    """Lighten and darken an RGB image by up to `strength` with fractal noise."""
    noise = fractal_noise(generator, image.size, cell=max(image.size) / 6, octaves=7)
    gain = 1 + np.float32(2 * strength) * noise[..., None]
    shaded = np.clip(np.asarray(image, dtype=np.float32) * gain, 0, 255)
    return Image.fromarray(shaded.astype(np.uint8))


def smooth_shape(
    generator: np.random.Generator, *, points: int, irregularity: float
) -> NDArray[np.float64]:
    """Return the outline (points, 2) of a smooth blob about the origin with mean radius 1.

    The radius is 1 plus five harmonics of random phase and decreasing strength, whose amplitudes
    sum to at most `irregularity`.
    """
    angles = np.linspace(0, 2 * math.pi, points, endpoint=False)
    radius = np.ones(points)
    strengths = generator.random(5) / np.arange(2, 7)
    strengths *= irregularity / max(strengths.sum(), 1.0)
    for order, strength in enumerate(strengths, start=2):
        radius += strength * np.cos(order * angles + generator.uniform(0, 2 * math.pi))
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def draw_palette(
    generator: np.random.Generator,
    *,
    hue: float,
    spread: float,
    saturation: tuple[float, float],
    value: tuple[float, float],
    count: int = 6,
) -> Palette:
    """Draw related colours: hues within `spread` turns of `hue`, HSV ranges in [0, 1]."""
    colours: Palette = []
    for _ in range(count):
        tone = (hue + generator.uniform(-spread, spread)) % 1.0
        rgb = colorsys.hsv_to_rgb(tone, generator.uniform(*saturation), generator.uniform(*value))
        colours.append((round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2])))
    return colours


def shape_mask(outline: NDArray[np.float64], size: tuple[int, int]) -> Image.Image:
    """Return the anti-aliased coverage (mode L) of a polygon (P, 2) in pixels."""
    large = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    # Pillow's polygon includes the pixels on its outline: half a pixel inwards makes it exact.
    corners = [(x - 0.5, y - 0.5) for x, y in (4 * outline).tolist()]
    ImageDraw.Draw(large).polygon(corners, fill=255)
    return large.reduce(4)


def soften(image: Image.Image, radius: float) -> Image.Image:
    """Blur with a Gaussian of `radius` pixels."""
    return image.filter(ImageFilter.GaussianBlur(radius))
