"""A small synthetic data set in the layout of ILSVRC2015 VID, with several tracks per video."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (240, 160)


def write_vid(root: Path, *, videos: int = 3, frames: int = 12, tracks: int = 2) -> None:
    """Write `videos` videos in `train`; the last track of each is absent from every third frame."""
    for number in range(videos):
        write_video(root, f"video_{number:02d}", frames=frames, tracks=tracks, seed=number)


def write_video(root: Path, name: str, *, frames: int, tracks: int, seed: int) -> None:
    """Write one video: smooth noise with a rectangle of its own colour for each track."""
    generator = np.random.default_rng(seed)
    place = Path("VID") / "train" / "set_0000" / name
    images, annotations = root / "Data" / place, root / "Annotations" / place
    images.mkdir(parents=True)
    annotations.mkdir(parents=True)
    ground = Image.fromarray(generator.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    ground = ground.resize(SIZE, Image.Resampling.BICUBIC)
    for frame in range(frames):
        picture = ground.copy()
        objects = []
        for track in range(tracks):
            left, top = 20 + 90 * track + 2 * frame, 30 + 20 * track + frame
            width, height = 40 + 10 * track, 50 - 8 * track
            colour = (200 - 90 * track, 40 + 80 * track, 60)
            picture.paste(colour, (left, top, left + width, top + height))
            if track < tracks - 1 or frame % 3:
                objects.append(_object(track, left, top, width, height))
        picture.save(images / f"{frame:06d}.JPEG", quality=95)
        (annotations / f"{frame:06d}.xml").write_text(_annotation(objects))


def _object(track: int, left: int, top: int, width: int, height: int) -> str:
    edges = (("xmin", left), ("ymin", top), ("xmax", left + width - 1), ("ymax", top + height - 1))
    box = "".join(f"<{name}>{value}</{name}>" for name, value in edges)
    return (
        f"<object><trackid>{track}</trackid><name>n01</name><bndbox>{box}</bndbox>"
        "<occluded>0</occluded></object>"
    )


def _annotation(objects: list[str]) -> str:
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"
