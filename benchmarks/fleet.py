"""Synthetic videos of alike objects: beetles of one kind that walk over leaves, with exact boxes.

    python benchmarks/fleet.py --out FOLDER [--clips 40] [--seed 1]

Beetles differ by the marks on their backs and a little by colour and size. They cross each other's
ways often, one above the other. One beetle in each clip is annotated, in the layout of OTB.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from siamfc.array_types import FloatArray

WIDTH, HEIGHT = 320, 240
BEETLES = 7
_FINE = 4
"""Pixels drawn for each pixel of the frame on either axis."""
_BODY = 128
"""Side of a beetle's picture, pixels drawn."""
_HEAD, _LEGS = (28, 22, 20), (38, 30, 26)


@dataclass(frozen=True)
class Clip:
    """One video."""

    frames: list[NDArray[np.uint8]]
    """(240, 320, 3) RGB."""
    boxes: FloatArray
    """(F, 4) of the annotated beetle."""


def draw_beetle(generator: np.random.Generator) -> Image.Image:
    """A beetle that looks to the right, on nothing."""
    side = _BODY
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for sign in (-1, 1):
        for x, reach in ((38, -14), (62, 0), (82, 14)):
            foot = (x + reach, side / 2 + sign * 50)
            draw.line([(x, side / 2), (x + reach / 3, side / 2 + sign * 36), foot], _LEGS, 5)
        draw.line([(100, side / 2), (122, side / 2 + sign * 18)], _LEGS, 4)
    draw.ellipse((84, 44, 112, 84), _HEAD)
    red = generator.integers(150, 176)
    shell = (int(red), int(generator.integers(60, 76)), int(generator.integers(28, 42)))
    draw.ellipse((14, 28, 96, 100), shell)
    draw.line([(14, 64), (94, 64)], _HEAD, 3)
    for _ in range(generator.integers(2, 6)):
        x, y = generator.uniform(30, 80), generator.uniform(40, 88)
        radius = generator.uniform(5, 10)
        mark = (240, 220, 150) if generator.random() < 0.5 else _HEAD
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), mark)
    return picture


def draw_leaves(generator: np.random.Generator) -> Image.Image:
    """A ground of leaves, as large as a frame."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (48, 66, 34))
    for _ in range(70):
        length, width = generator.uniform(50, 130), generator.uniform(18, 46)
        green = generator.integers(80, 150)
        color = (int(green * generator.uniform(0.45, 0.8)), int(green), int(green * 0.45))
        leaf = Image.new("RGBA", (int(length), int(length)), (0, 0, 0, 0))
        draw = ImageDraw.Draw(leaf)
        middle = length / 2
        draw.ellipse((0, middle - width / 2, length - 1, middle + width / 2), color)
        vein = tuple(int(0.75 * part) for part in color)
        draw.line([(4, middle), (length - 4, middle)], vein, 2)
        for x in np.arange(length * 0.2, length * 0.9, 9):
            draw.line([(x, middle), (x + 8, middle - width * 0.35)], vein)
            draw.line([(x, middle), (x + 8, middle + width * 0.35)], vein)
        leaf = leaf.rotate(generator.uniform(0, 360), Image.Resampling.BICUBIC, expand=True)
        place = generator.integers((-60, -60), (WIDTH - 10, HEIGHT - 10))
        picture.paste(leaf, tuple(place.tolist()), leaf)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def walk(generator: np.random.Generator, frames: int) -> tuple[FloatArray, FloatArray]:
    """Places (F, 2) and directions (F,) of a beetle that keeps turning towards the middle."""
    place = generator.uniform((60, 50), (WIDTH - 60, HEIGHT - 50))
    angle, turning = generator.uniform(0, 2 * math.pi), 0.0
    speed = generator.uniform(1.5, 3.5)
    places, angles = [], []
    for _ in range(frames):
        turning = 0.9 * turning + generator.normal(0, 0.035)
        home = math.atan2(HEIGHT / 2 - place[1], WIDTH / 2 - place[0])
        pull = 0.05 * math.sin(home - angle) * np.hypot(*(place - (WIDTH / 2, HEIGHT / 2))) / 80
        angle += turning + pull
        place = place + speed * np.array([math.cos(angle), math.sin(angle)])
        places.append(place)
        angles.append(angle)
    return np.array(places), np.array(angles)


def draw_clip(generator: np.random.Generator, frames: int) -> Clip:
    """Draw all frames of a clip and the box of its first beetle."""
    ground = draw_leaves(generator)
    beetles = [draw_beetle(generator) for _ in range(BEETLES)]
    sizes = generator.uniform(0.8, 1.0, BEETLES)
    walks = [walk(generator, frames) for _ in range(BEETLES)]
    order = generator.permutation(BEETLES)
    pictures, boxes = [], []
    for frame in range(frames):
        picture = ground.copy()
        for number in order.tolist():
            places, angles = walks[number]
            side = round(_BODY * sizes[number])
            turned = beetles[number].resize((side, side), Image.Resampling.BICUBIC)
            turned = turned.rotate(
                -math.degrees(angles[frame]), Image.Resampling.BICUBIC, expand=True
            )
            small = turned.resize(
                (max(turned.width // _FINE, 1), max(turned.height // _FINE, 1)),
                Image.Resampling.BOX,
            )
            left, top = (places[frame] - np.array(small.size) / 2).round().astype(int).tolist()
            picture.paste(small, (left, top), small)
            if number == 0:
                inside = small.getchannel("A").point(lambda level: 255 * (level > 100)).getbbox()
                assert inside is not None
                x0, y0, x1, y1 = inside
                boxes.append([left + x0, top + y0, x1 - x0, y1 - y0])
        noise = generator.normal(0, 3, (HEIGHT, WIDTH, 3))
        noisy = np.asarray(picture, dtype=np.float64) + noise
        pictures.append(noisy.round().clip(0, 255).astype(np.uint8))
    return Clip(pictures, np.array(boxes, dtype=np.float64))


def write_clips(folder: Path, clips: int, *, frames: int, seed: int) -> None:
    """Write clips as folders in the layout of OTB, unless they are there."""
    for number in range(clips):
        out = folder / f"Beetle-{number:02d}"
        truth = out / "groundtruth_rect.txt"
        if truth.exists():
            continue
        (out / "img").mkdir(parents=True, exist_ok=True)
        clip = draw_clip(np.random.Generator(np.random.PCG64((seed, number))), frames)
        for index, image in enumerate(clip.frames):
            Image.fromarray(image).save(out / "img" / f"{index + 1:04d}.jpg", quality=92)
        np.savetxt(truth, clip.boxes + np.array([1, 1, 0, 0]), fmt="%g", delimiter=",")


def main() -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_clips(options.out, options.clips, frames=options.frames, seed=options.seed)


if __name__ == "__main__":
    main()
