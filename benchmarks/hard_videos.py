"""Procedural videos of what is hard for a tracker that never looks elsewhere, with exact truth.

Whole frames of the procedural scenes that training draws its pairs from, of a camera that follows
the target through a picture of 480×360 pixels, as folders in the layout of OTB. Each kind adds an
event to the middle of the video:

- `plain`: none.
- `hidden`: something textured passes before the target and stays there for a while.
- `away`: the target leaves the picture and comes back at another side.
- `cut`: the camera jumps; the target is somewhere else at once, several times.
- `twin`: another of the target's kind, as it looked at first, comes near and goes.
- `replaced`: the target is away while such a one crosses the picture (video 6 of the thesis).
- `turning`, `growing`, `relit`: no event, but targets that turn, change in size, or are seen in a
  light that changes, as of `VIDEO_KINDS`.

Frames in which the target cannot be seen have no true box (`nan`).
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from siamfc.array_types import FloatArray
from siamfc.datasets.sequences import FrameFiles, Sequence
from siamfc.procedural.renderer import TORCH
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import VIDEO_KINDS, ProceduralVideos, VideoSettings

EVENTS = ("plain", "hidden", "away", "cut", "twin", "replaced")
KINDS = (*EVENTS, "turning", "growing", "relit")
SIZE = np.array([480, 360])
_SMOOTHING = 12.0
"""Deviation of the camera's lag behind the target, frames."""
_RAMP = 10
"""Frames in which the target leaves the picture, or something comes before it."""
_VISIBLE = 0.3
"""Fraction of the target that must be in the picture for it to have a true box."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Difficulty added to the middle of one video."""

    start: int
    """First frame in which all of it has happened."""
    end: int
    """First frame in which it begins to be over."""
    angles: tuple[float, float]
    """Direction in which something leaves or comes, and the one of its return, radians."""
    cuts: tuple[int, ...]
    """Frames in which the camera jumps."""
    places: FloatArray
    """(cuts, 2) where the target is after each, in frame sizes from the middle."""

    def strength(self, frames: int) -> FloatArray:
        """Return the part of it that has happened in each frame, 0 to 1: (F,)."""
        time = np.arange(frames)
        until = np.clip((self.start - time) / _RAMP, 0, 1)
        since = np.clip((time - self.end + 1) / _RAMP, 0, 1)
        return np.asarray(0.5 + 0.5 * np.cos(math.pi * np.maximum(until, since)))


def draw_event(generator: np.random.Generator, frames: int) -> Event:
    """An event for a video of so many frames."""
    length = int(generator.integers(frames // 8, frames // 3))
    start = int(generator.integers(frames // 5 + _RAMP, frames - length - _RAMP))
    cuts = np.sort(generator.choice(np.arange(frames // 6, frames - 10), 3, replace=False))
    first = generator.uniform(0, 2 * math.pi)
    return Event(
        start=start,
        end=start + length,
        angles=(first, first + generator.uniform(0.5, 1.5) * math.pi),
        cuts=tuple(cuts.tolist()),
        places=generator.uniform(-0.35, 0.35, (3, 2)),
    )


def camera_path(boxes: FloatArray, kind: str, event: Event) -> FloatArray:
    """Middle of the picture in each frame, (F, 2), for true boxes (F, 4) in the scene."""
    target = boxes[:, :2] + boxes[:, 2:] / 2
    frames = len(boxes)
    time = np.arange(frames)
    weights = np.exp(-0.5 * ((time[:, None] - time[None, :]) / _SMOOTHING) ** 2)
    middle = weights @ target / weights.sum(axis=1, keepdims=True)
    if kind == "cut":
        last = np.searchsorted(event.cuts, time, side="right") - 1
        middle = middle - np.where(last[:, None] >= 0, event.places[last] * SIZE, 0.0)
    room = np.maximum(SIZE / 2 - boxes[:, 2:] / 2, 0.0)
    middle = np.clip(middle, target - room, target + room)
    if kind in ("away", "replaced"):
        strength = event.strength(frames)
        share = np.clip((time - event.start) / max(event.end - event.start, 1), 0, 1)
        angle = event.angles[0] + share * (event.angles[1] - event.angles[0])
        reach = np.hypot(*SIZE) / 2 + boxes[:, 2:].max(axis=1)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        middle = middle + direction * (strength * reach * 1.1)[:, None]
    return np.asarray(middle)


def paste_event(
    image: Image.Image, frame: int, boxes: FloatArray, kind: str, event: Event, sprite: Image.Image
) -> None:
    """Draw what comes before the target, or beside it, into a frame; `boxes` (F, 4) are in it."""
    x, y, w, h = boxes[frame]
    strength = event.strength(len(boxes))[frame]
    side = math.copysign(1.0, frame - (event.start + event.end) / 2)
    angle = event.angles[0] if side < 0 else event.angles[1]
    direction = np.array([math.cos(angle), math.sin(angle)])
    if kind == "hidden" and strength > 0:
        size = np.array([1.5, 1.5]) * max(w, h)
        middle = np.array([x + w / 2, y + h / 2]) + direction * (1 - strength) * 2.5 * max(w, h)
    elif kind == "twin" and strength > 0:
        size = np.array([w, h])
        distance = 1.1 + (1 - strength) * np.hypot(*SIZE) / max(w, h)
        middle = np.array([x + w / 2, y + h / 2]) + direction * distance * np.array([w, h])
    elif kind == "replaced" and event.start <= frame < event.end:
        size = boxes[0, 2:]
        share = (frame - event.start) / (event.end - event.start) - 0.5
        middle = SIZE / 2 + direction * share * np.hypot(*SIZE)
    else:
        return
    scaled = sprite.resize(tuple(np.maximum(np.rint(size), 1).astype(int).tolist()))
    place = np.rint(middle - size / 2).astype(int).tolist()
    image.paste(scaled, (place[0], place[1]), scaled)


def cut_sprite(
    kind: str, first: Image.Image, box: FloatArray, texture: NDArray[np.uint8]
) -> Image.Image:
    """Return what `paste_event` draws, with its opacity: texture, or the target at first."""
    if kind == "hidden":
        picture = Image.fromarray(texture).resize((192, 192))
    else:
        x, y, w, h = box.tolist()
        picture = first.resize((192, 192), box=_inside(x, y, x + w, y + h))
    mask = Image.new("L", picture.size)
    inset = 4 if kind == "hidden" else 10
    draw = ImageDraw.Draw(mask)
    outline = draw.rectangle if kind == "hidden" else draw.ellipse
    outline((inset, inset, 191 - inset, 191 - inset), fill=255)
    picture.putalpha(mask.filter(ImageFilter.GaussianBlur(inset / 2)))
    return picture


def _inside(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
    width, height = SIZE.tolist()
    return (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))


def true_boxes(boxes: FloatArray, kind: str, event: Event) -> FloatArray:
    """Boxes (F, 4) in the picture; NaN where the target cannot be seen."""
    truth = boxes.copy()
    low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, :2] + boxes[:, 2:], SIZE)
    inside = np.maximum(high - low, 0).prod(axis=1) / boxes[:, 2:].prod(axis=1)
    truth[inside < _VISIBLE] = np.nan
    if kind == "hidden":
        truth[event.strength(len(boxes)) > 0.75] = np.nan
    truth[0] = boxes[0]
    return truth


def write_videos(
    folder: Path, kind: str, count: int, frames: int, *, device: str, seed: int
) -> list[Sequence]:
    """Draw and write videos of one kind, unless they are there, and return them as sequences."""
    out = folder / kind
    if not (out / "done").exists():
        with ThreadPoolExecutor() as pool:
            for pictures in _draw(out, kind, count, frames, device, seed):
                list(pool.map(_save, *zip(*pictures, strict=True)))
        (out / "done").touch()
    return [
        Sequence(
            name=f"{kind}/{number:02d}",
            frames=FrameFiles(out / f"{number:02d}" / "img", _names(frames)),
            boxes=np.load(out / f"{number:02d}" / "boxes.npy"),
            size=(int(SIZE[0]), int(SIZE[1])),
        )
        for number in range(count)
    ]


def _names(frames: int) -> list[str]:
    return [f"{frame + 1:04d}.jpg" for frame in range(frames)]


def _save(path: Path, picture: Image.Image) -> None:
    picture.save(path, quality=95)


@torch.no_grad()
def _draw(
    out: Path, kind: str, count: int, frames: int, device: str, seed: int
) -> Iterator[list[tuple[Path, Image.Image]]]:
    """Frame by frame the pictures of all videos and their files; writes the boxes first."""
    random = torch.Generator(device)
    random.manual_seed(seed)
    on_gpu = device.startswith("cuda")
    textures = TextureSettings(count=256 if on_gpu else 24, size=512 if on_gpu else 256)
    bank = draw_textures(textures, random)
    settings = VIDEO_KINDS.get(kind, VideoSettings())
    videos = ProceduralVideos(
        count=count, frames=frames, bank=bank, seed=seed, settings=settings, renderer=TORCH
    )
    generator = np.random.Generator(np.random.PCG64(seed))
    events = [draw_event(generator, frames) for _ in range(count)]
    scene = videos.boxes.double().cpu().numpy()
    paths = np.stack(
        [camera_path(boxes, kind, event) for boxes, event in zip(scene, events, strict=True)]
    )
    boxes = scene.copy()
    boxes[..., :2] += SIZE / 2 - paths[..., :2]
    for number, event in enumerate(events):
        (out / f"{number:02d}" / "img").mkdir(parents=True, exist_ok=True)
        truth = true_boxes(boxes[number], kind, event)
        np.save(out / f"{number:02d}" / "boxes.npy", truth)
    side = int(SIZE.max())
    top = (side - int(SIZE[1])) // 2
    sides = torch.full((count, 1), float(side), device=device)
    sprites: list[Image.Image] = []
    for frame, name in enumerate(_names(frames)):
        place = torch.from_numpy(paths[:, frame]).float().to(device)
        squares = videos.crops(frame, place, sides, side)[:, 0, top : top + int(SIZE[1])]
        pictures = [Image.fromarray(square) for square in squares.cpu().numpy()]
        if frame == 0:
            sprites = [
                cut_sprite(kind, picture, boxes[number, 0], _colors(bank[-1 - number % len(bank)]))
                for number, picture in enumerate(pictures)
            ]
        for number, picture in enumerate(pictures):
            paste_event(picture, frame, boxes[number], kind, events[number], sprites[number])
        yield [(out / f"{n:02d}" / "img" / name, picture) for n, picture in enumerate(pictures)]


def _colors(texture: torch.Tensor) -> NDArray[np.uint8]:
    """A texture of the bank, (n, n) packed, as (n, n, 3) uint8."""
    packed = texture.cpu().numpy()
    return np.stack([packed & 255, packed >> 8 & 255, packed >> 16 & 255], -1).astype(np.uint8)
