"""A procedural clip: a textured object that moves, turns, scales and passes behind posts.

The camera pans over a textured ground, a similar object crosses the picture, and light, focus and
sensor noise change. Boxes and visibility are exact. Only numpy and Pillow are needed, and the same
seed gives the same clip.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from siamfc.array_types import FloatArray
from siamfc.checks import check_number, check_whole
from siamfc.errors import InputError
from siamfc.synthetic import clip_textures as textures
from siamfc.synthetic.clip_motion import Motion, draw_motion, post_frames, post_width

_SPRITE_DENSITY = 1.25  # pixels of a sprite per pixel of the frame at scale 1
_LEAST_BLUR = 0.3  # radius in pixels below which the picture counts as sharp


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """Settings of a procedural clip.

    Attributes:
        frames: number of frames.
        width: width of the frame in pixels.
        height: height of the frame in pixels.
        target: mean diameter of the target at scale 1, in pixels.
        noise: standard deviation of the sensor noise in grey levels.
        seed: seed of everything.
    """

    frames: int = 180
    width: int = 640
    height: int = 360
    target: int = 68
    noise: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("frames", self.frames, 1, 1_000_000)
        check_whole("width", self.width, 64)
        check_whole("height", self.height, 64)
        check_whole("target", self.target, 8)
        check_number("noise", self.noise, 0, 64)
        check_whole("seed", self.seed, 0)
        largest = min(self.width, self.height) // 4
        if self.target > largest:
            raise InputError(
                "target: expected at most a quarter of the frame's shorter side, "
                f"{largest} pixels, got {self.target}"
            )


@dataclass(frozen=True)
class _Sprite:
    """A textured rectangle, its opacity, and the outline of its shape.

    Attributes:
        texture: RGB image.
        opacity: opacity of the texture, mode L: the shape and its soft shadow.
        mask: coverage of the shape alone, mode L.
        outline: (P, 2) about the sprite's centre, in pixels of the frame at scale 1.
        density: pixels of the sprite per pixel of the frame at scale 1.
    """

    texture: Image.Image
    opacity: Image.Image
    mask: Image.Image
    outline: FloatArray
    density: float


@dataclass(frozen=True)
class _Pose:
    """Position of a sprite in a frame: its centre in pixels, its scale, its angle in radians."""

    center_frame: FloatArray
    scale: float
    angle: float


class ProceduralClip:
    """A sequence of (height, width, 3) uint8 RGB frames, drawn on demand, with exact ground truth.

    The target stays completely inside the frame, turns by up to 28° and scales between 0.73 and
    1.37. A narrow post hides about half of it; later a wide one hides all of it for a moment. The
    camera follows it meanwhile, so that it reappears near the place where it disappeared.

    Args:
        settings: size, length and seed.

    Attributes:
        boxes: (F, 4) float64, the smallest upright box around the target's outline, hidden or not.
        visibility: (F,) float64 in [0, 1], fraction of the target's area that no post hides.

    >>> clip = ProceduralClip(ClipSettings(frames=2, width=96, height=64, target=12))
    >>> clip[1].shape, clip.boxes.shape, len(clip)
    ((64, 96, 3), (2, 4), 2)
    """

    def __init__(self, settings: ClipSettings | None = None) -> None:
        self.settings = settings or ClipSettings()
        size = self.settings.width, self.settings.height
        generator = np.random.Generator(np.random.PCG64(self.settings.seed))
        self._motion = draw_motion(generator, self.settings.frames, *size)
        self._draw_objects(generator)
        # The ground's hues are opposite the target's on the colour wheel.
        ground_hue = self._hue + float(generator.uniform(0.3, 0.7))
        self._ground, self._ground_origin = _draw_ground(generator, self._motion, size, ground_hue)
        self.boxes = self._outline_boxes()
        self._posts = self._draw_posts(generator)
        self._noise = _SensorNoise(generator, self.settings)
        self.visibility = np.array([self._visible_share(index) for index in range(len(self))])
        self.boxes.flags.writeable = self.visibility.flags.writeable = False

    def __len__(self) -> int:
        return self.settings.frames

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        frame = self._view_ground(index)
        _paste(frame, self._distractor, self._distractor_pose(index))
        _paste(frame, self._target, self._target_pose(index))
        for post, position_ground in self._posts:
            _paste(frame, post, self._post_pose(position_ground, index))
        blur = float(self._motion.focus[index])
        if blur > _LEAST_BLUR:
            frame = frame.filter(ImageFilter.BoxBlur(blur))
        return self._noise.expose(frame, index, float(self._motion.gain[index]))

    def _draw_objects(self, generator: np.random.Generator) -> None:
        """Draw the target and the similar object: the same colours, another pattern and outline."""
        diameter = self.settings.target
        self._hue = float(generator.random())
        bright = textures.draw_palette(
            generator, hue=self._hue, spread=0.2, saturation=(0.5, 0.95), value=(0.3, 1.0)
        )
        self._target = _draw_object(generator, diameter, bright)
        self._distractor = _draw_object(generator, diameter, bright)

    def _draw_posts(self, generator: np.random.Generator) -> list[tuple[_Sprite, FloatArray]]:
        """Draw the posts, each with the pixel of the ground on which it stands."""
        posts = []
        for number, index in enumerate(post_frames(len(self))):
            width = post_width(
                self._motion, index, float(self.boxes[index, 2]), wide=number % 2 == 1
            )
            # The post is placed so that it covers the target's centre in frame `index`.
            middle = self.boxes[index, :2] + self.boxes[index, 2:] / 2
            position = self._to_ground(middle, index)
            position[1] = self._motion.camera_ground[:, 1].mean()
            posts.append((_draw_post(generator, width, self.settings.height), position))
        return posts

    def _target_pose(self, index: int) -> _Pose:
        motion = self._motion
        return _Pose(
            motion.target_frame[index], float(motion.scale[index]), float(motion.angle[index])
        )

    def _distractor_pose(self, index: int) -> _Pose:
        return _Pose(self._motion.distractor_frame[index], 1.0, -float(self._motion.angle[index]))

    def _post_pose(self, position_ground: FloatArray, index: int) -> _Pose:
        zoom = float(self._motion.zoom[index])
        offset = (position_ground - self._motion.camera_ground[index]) * zoom
        return _Pose(self._middle_frame + offset, zoom, 0.0)

    @property
    def _middle_frame(self) -> FloatArray:
        return np.array([self.settings.width, self.settings.height]) / 2

    def _to_ground(self, point_frame: FloatArray, index: int) -> FloatArray:
        offset = (point_frame - self._middle_frame) / self._motion.zoom[index]
        return np.asarray(self._motion.camera_ground[index] + offset)

    def _view_ground(self, index: int) -> Image.Image:
        size = self.settings.width, self.settings.height
        low = self._to_ground(np.zeros(2), index) - self._ground_origin
        high = self._to_ground(np.array(size, dtype=np.float64), index) - self._ground_origin
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return self._ground.resize(size, Image.Resampling.BILINEAR, box=box)

    def _outline_boxes(self) -> FloatArray:
        boxes = np.empty((len(self), 4))
        for index in range(len(self)):
            outline = _place(self._target.outline, self._target_pose(index))
            low, high = outline.min(axis=0), outline.max(axis=0)
            boxes[index] = [*low, *(high - low)]
        return boxes

    def _visible_share(self, index: int) -> float:
        x, y, w, h = self.boxes[index]
        window = (math.floor(x), math.floor(y), math.ceil(x + w), math.ceil(y + h))
        target = _coverage(self._target, self._target_pose(index), window)
        seen = target.copy()
        for post, position_ground in self._posts:
            seen *= 1 - _coverage(post, self._post_pose(position_ground, index), window)
        return float(seen.sum() / target.sum())


class _SensorNoise:
    """Brightness and additive Gaussian noise: one sheet of noise, shifted in each frame."""

    _ROOM = 64  # margin of the sheet beyond the frame, in pixels

    def __init__(self, generator: np.random.Generator, settings: ClipSettings) -> None:
        shape = (settings.height + self._ROOM, settings.width + self._ROOM, 3)
        noise = generator.standard_normal(shape, dtype=np.float32) * np.float32(settings.noise)
        self._sheet = np.rint(noise).astype(np.int16)
        self._shifts = generator.integers(0, self._ROOM, size=(settings.frames, 2)).tolist()

    def expose(self, image: Image.Image, index: int, gain: float) -> NDArray[np.uint8]:
        levels = [min(round(gain * level), 255) for level in range(256)]
        pixels = np.asarray(image.point(levels * 3), dtype=np.int16)
        left, top = self._shifts[index]
        height, width = pixels.shape[:2]
        noisy = pixels + self._sheet[top : top + height, left : left + width]
        bounded: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
        return bounded


def _draw_object(
    generator: np.random.Generator, diameter: float, palette: textures.Palette
) -> _Sprite:
    """Draw a patterned blob, lit from above so that it looks round, with its shadow."""
    stretch = math.exp(generator.uniform(-0.12, 0.12))
    outline = textures.smooth_shape(generator, points=256, irregularity=0.35)
    outline *= np.array([stretch, 1 / stretch]) * diameter / 2
    outline -= (outline.min(axis=0) + outline.max(axis=0)) / 2
    inner = _SPRITE_DENSITY * 2 * float(np.abs(outline).max())
    side = math.ceil(1.5 * inner)
    pattern = textures.dead_leaves(
        generator, (side, side), palette, smallest=inner / 28, largest=inner / 4, grain=0.15
    )
    steps = np.linspace(-1.5, 1.5, side, dtype=np.float32)
    light = 1.1 - 0.25 * (steps[None, :] ** 2 + (steps[:, None] + 0.4) ** 2)
    lit = np.clip(np.asarray(pattern, dtype=np.float32) * light[..., None], 0, 255)
    points = outline * _SPRITE_DENSITY + side / 2
    mask = textures.shape_mask(points, (side, side))
    shadow = textures.shape_mask(points + np.array([0.03, 0.07]) * inner, (side, side))
    shadow = textures.soften(shadow, inner / 16).point([level * 6 // 10 for level in range(256)])
    texture = Image.new("RGB", (side, side))
    texture.paste(Image.fromarray(lit.astype(np.uint8)), mask=mask)
    return _Sprite(texture, ImageChops.lighter(mask, shadow), mask, outline, _SPRITE_DENSITY)


def _draw_post(generator: np.random.Generator, width: float, frame_height: int) -> _Sprite:
    """Draw an upright post, taller than the frame, rounded and with uneven edges."""
    unevenness = 0.06 * width
    rows = np.linspace(-0.65, 0.65, 40) * frame_height
    bumps = unevenness * generator.random((2, len(rows)))
    left = np.stack([-width / 2 - bumps[0], rows], axis=1)
    right = np.stack([width / 2 + bumps[1], rows], axis=1)
    outline = np.concatenate([left, right[::-1]])
    size = (math.ceil(width + 2 * unevenness) + 4, math.ceil(1.3 * frame_height) + 4)
    palette = textures.draw_palette(
        generator, hue=0.08, spread=0.04, saturation=(0.1, 0.4), value=(0.3, 0.7)
    )
    texture = textures.dead_leaves(
        generator, size, palette, smallest=width / 24, largest=width / 3, grain=0.2
    )
    across = np.linspace(-1, 1, size[0], dtype=np.float32)
    light = 1.05 - 0.55 * across**2
    lit = np.clip(np.asarray(texture, dtype=np.float32) * light[None, :, None], 0, 255)
    mask = textures.shape_mask(outline + np.array(size) / 2, size)
    return _Sprite(Image.fromarray(lit.astype(np.uint8)), mask, mask, outline, 1.0)


def _draw_ground(
    generator: np.random.Generator, motion: Motion, size: tuple[int, int], hue: float
) -> tuple[Image.Image, FloatArray]:
    """Draw the ground that the camera sees; return it with the position of its first pixel."""
    reach = np.array(size) / 2 / motion.zoom.min() + 2
    low = np.floor(motion.camera_ground.min(axis=0) - reach)
    high = np.ceil(motion.camera_ground.max(axis=0) + reach)
    width, height = (high - low).astype(int).tolist()
    muted = textures.draw_palette(
        generator, hue=hue, spread=0.12, saturation=(0.1, 0.45), value=(0.25, 0.75), count=9
    )
    ground = textures.dead_leaves(
        generator, (width, height), muted, smallest=size[1] / 50, largest=size[1] / 3
    )
    return textures.soften(ground, size[1] / 400), low


def _place(points: FloatArray, pose: _Pose) -> FloatArray:
    """Map points (P, 2), in pixels at scale 1 about a sprite's centre, to the frame."""
    cosine, sine = math.cos(pose.angle), math.sin(pose.angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.asarray(pose.center_frame + pose.scale * points @ turn.T)


def _sampling(sprite: _Sprite, pose: _Pose, left: int, top: int) -> tuple[float, ...]:
    """Return the affine coefficients from a frame patch at (left, top) to the sprite's pixels."""
    density = sprite.density / pose.scale
    cosine, sine = density * math.cos(pose.angle), density * math.sin(pose.angle)
    x, y = left - float(pose.center_frame[0]), top - float(pose.center_frame[1])
    width, height = sprite.mask.size
    return (
        cosine, sine, cosine * x + sine * y + width / 2,
        -sine, cosine, -sine * x + cosine * y + height / 2,
    )  # fmt: skip


def _paste(frame: Image.Image, sprite: _Sprite, pose: _Pose) -> None:
    """Draw a sprite into a frame, in place."""
    reach = np.array(sprite.texture.size) / 2 / sprite.density
    corners = _place(reach * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), pose)
    left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)), frame.size).astype(int).tolist()
    if left >= right or top >= bottom:
        return
    size = (right - left, bottom - top)
    sampling = _sampling(sprite, pose, left, top)
    texture, opacity = (
        layer.transform(size, Image.Transform.AFFINE, sampling, Image.Resampling.BILINEAR)
        for layer in (sprite.texture, sprite.opacity)
    )
    frame.paste(texture, (left, top), opacity)


def _coverage(
    sprite: _Sprite, pose: _Pose, window: tuple[int, int, int, int]
) -> NDArray[np.float64]:
    """Return the fraction of each pixel in (left, top, right, bottom) that a sprite covers."""
    left, top, right, bottom = window
    mask = sprite.mask.transform(
        (right - left, bottom - top),
        Image.Transform.AFFINE,
        _sampling(sprite, pose, left, top),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(mask, dtype=np.float64) / 255
