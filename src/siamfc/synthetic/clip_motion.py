"""Motion in a procedural clip: camera, target, similar object, posts, light, focus.

Lengths scale with the frame, and rates are per frame, so a longer clip has more events, not slower
ones. A tracker with three scales and without rotation can follow at these rates.
"""

import math
from dataclasses import dataclass

import numpy as np

from siamfc.array_types import FloatArray

_PERIOD = 116  # frames between two wide posts
_FIRST_POST, _FIRST_WIDE_POST = 65, 123  # frames
_HIDDEN_FRAMES = 1  # approximate time for which a wide post hides the whole target
_REFERENCE_HEIGHT = 360  # frame height in pixels to which the lengths below refer


@dataclass(frozen=True)
class Motion:
    """Positions, sizes and light in each of F frames.

    Attributes:
        target_frame: (F, 2) the target's centre in pixels of the frame.
        scale: (F,) size of the target relative to scale 1.
        angle: (F,) rotation of the target in radians, clockwise on the screen.
        distractor_frame: (F, 2) the similar object's centre in pixels of the frame.
        camera_ground: (F, 2) pixel of the ground in the middle of the frame.
        zoom: (F,) pixels of the frame per pixel of the ground.
        gain: (F,) brightness, about 1.
        focus: (F,) radius of the blur in pixels.
    """

    target_frame: FloatArray
    scale: FloatArray
    angle: FloatArray
    distractor_frame: FloatArray
    camera_ground: FloatArray
    zoom: FloatArray
    gain: FloatArray
    focus: FloatArray


def draw_motion(generator: np.random.Generator, frames: int, width: int, height: int) -> Motion:
    """Draw the motion of a clip of `frames` frames of `width` × `height` pixels."""
    time = np.arange(frames, dtype=np.float64)
    unit = height / _REFERENCE_HEIGHT
    phases = generator.uniform(0, 2 * math.pi, size=8)
    side, below = generator.choice([-1.0, 1.0], size=2)
    shake = np.stack([_wave(time, 13, phases[0]), _wave(time, 17, phases[1])], axis=1) * unit

    # The target is at a turning point of its horizontal path whenever a wide post passes.
    across = 0.16 * width * side * np.cos(math.pi * (time - _FIRST_WIDE_POST) / _PERIOD)
    along = 0.09 * height * _wave(time, 97, phases[2])
    middle = np.array([width / 2, (0.5 - 0.08 * below) * height])
    target = middle + np.stack([across, along], axis=1) + shake

    span = width + 0.8 * height
    passed = (4.5 * unit * (94 - time) + span / 2) % max(span, 4.5 * unit * 2 * _PERIOD)
    row = np.full(frames, (0.5 + 0.32 * below) * height)
    distractor = np.stack([passed - 0.4 * height, row], axis=1) + shake

    zoom = 1 + 0.03 * _wave(time, 140, phases[3])
    pan = _pan_speed(time) * unit
    ground = np.stack([np.cumsum(pan), 8 * unit * _wave(time, 120, phases[4])], axis=1)
    return Motion(
        target_frame=target,
        scale=np.exp(0.31 * _wave(time, 200, phases[5])),
        angle=math.radians(28) * _wave(time, 110, phases[6]),
        distractor_frame=distractor,
        camera_ground=ground - shake / zoom[:, None],
        zoom=zoom,
        gain=1 + 0.08 * _wave(time, 75, phases[7]),
        focus=1.5 * unit * np.maximum(np.cos(2 * math.pi * (time - 92) / _PERIOD), 0) ** 12,
    )


def post_frames(frames: int) -> list[int]:
    """Return the frames in which a post covers the target's centre: narrow and wide in turn."""
    return list(range(_FIRST_POST, frames - 20, _PERIOD // 2))


def post_width(motion: Motion, index: int, target_width: float, *, wide: bool) -> float:
    """Return the width, in ground pixels, of the post that passes the target in frame `index`.

    Args:
        motion: motion of the clip.
        index: frame in which the post covers the target.
        target_width: width of the target in that frame, in its pixels.
        wide: hide the whole target for a few frames, instead of about half of it at most.
    """
    before, after = max(index - 1, 0), min(index + 1, len(motion.zoom) - 1)
    moved = motion.target_frame[after] - motion.target_frame[before]
    panned = (motion.camera_ground[after] - motion.camera_ground[before]) * motion.zoom[index]
    speed = float(moved[0] + panned[0]) / max(after - before, 1)
    width = target_width + _HIDDEN_FRAMES * abs(speed) if wide else 0.4 * target_width
    return width / float(motion.zoom[index])


def _pan_speed(time: FloatArray) -> FloatArray:
    """Return the camera's pan to the right in pixels per frame, faster while a post passes."""
    since_post = (time - _FIRST_POST + _PERIOD / 4) % (_PERIOD / 2) - _PERIOD / 4
    return np.asarray(3.0 + 5.0 * np.exp(-((since_post / 14) ** 4)))


def _wave(time: FloatArray, period: float, phase: float) -> FloatArray:
    return np.asarray(np.sin(2 * math.pi * time / period + phase))
