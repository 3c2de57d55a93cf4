"""DAVIS 2016 and 2017: masks of one or more objects."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from siamfc.array_types import ByteImage
from siamfc.boxes import from_mask
from siamfc.datasets.readers.images import list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import read_lines
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Sequence, Video
from siamfc.errors import DatasetError

_VOID = 254
"""Pixel values from here up belong to no object."""
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""Errors that Pillow raises for damaged or too large files."""
_MASK_FORMATS = ("PNG", "BMP", "GIF", "TIFF")
_SINGLE = 255
"""Value of the only object in DAVIS 2016."""


def _videos(root: Path, split: str | None) -> list[Video]:
    """List the videos of a split, of the year 2017 if present, or all that have masks."""
    annotations = root / "Annotations" / _resolution(root)
    names = {folder.name for folder in list_folders(annotations)}
    splits = {part: _listed(root, part) for part in DAVIS.splits}
    videos = []
    for name in sorted(names):
        part = next((part for part, listed in splits.items() if name in listed), None)
        if split in (None, part):
            load = partial(_load, root, name, part)
            videos.append(Video(name=name, split=part, load=load))
    return videos


def _resolution(root: Path) -> str:
    """Return the folder of the evaluated resolution, 480p, or the only other one."""
    folders = [folder.name for folder in list_folders(root / "Annotations")]
    return "480p" if "480p" in folders or not folders else folders[0]


def _listed(root: Path, split: str) -> set[str]:
    for year in ("2017", "2016"):
        path = root / "ImageSets" / year / f"{split}.txt"
        if path.exists():
            return set(read_lines(path))
    return set()


def _load(root: Path, name: str, split: str | None, on_problem: OnProblem) -> Iterator[Sequence]:
    resolution = _resolution(root)
    masks = list_images(root / "Annotations" / resolution / name)
    images = list_images(root / "JPEGImages" / resolution / name)
    if {path.stem for path in masks} <= {path.stem for path in images}:
        frames = images  # those without a mask are not annotated
    else:
        frames = match_frames(images, len(masks), video=name, on_problem=on_problem)
        masks = FrameFiles(masks.folder, masks.names[: len(frames)])
    by_name = {path.stem: path for path in masks}
    paths = [by_name.get(path.stem) for path in frames]
    if not any(paths):
        paths = list(masks)  # numbered differently: match them in order
    observations = [
        observation
        for frame, path in enumerate(paths)
        if path is not None
        for observation in _objects(path, frame)
    ]
    yield from gather_tracks(
        observations,
        video=name,
        frames=frames,
        frame_count=len(frames),
        on_problem=on_problem,
        split=split,
        annotated=np.array([path is not None for path in paths], dtype=np.bool_),
    )


def _objects(path: Path, frame: int) -> Iterator[Observation]:
    """Yield the objects in a mask, whose pixel values are object numbers."""
    mask = _mask(path)
    values = np.unique(mask)
    values = values[values > 0]
    if values.tolist() != [_SINGLE]:
        values = values[values < _VOID]
    for value in values:
        x, y, w, h = from_mask(mask == value).tolist()
        track = "1" if value == _SINGLE else str(value)
        yield Observation(track=track, frame=frame, box=(x, y, w, h))


def _mask(path: Path) -> ByteImage:
    """Read the pixel values of a mask.

    Raises:
        DatasetError: the image is missing, or its colours are not object numbers.
    """
    try:
        with Image.open(path, formats=_MASK_FORMATS) as image:
            if image.mode in ("P", "L"):
                return np.asarray(image)
            colors = np.asarray(image.convert("RGB"))
            mode = image.mode
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path}: expected a mask image; {reason}") from None
    if (colors != colors[..., :1]).any() or not np.isin(colors, (0, _SINGLE)).all():
        raise DatasetError(
            f"{path}: expected a mask whose pixels number the objects (modes P and L), got an "
            f"image of mode {mode}"
        )
    return np.asarray(colors[..., 0])


DAVIS = Format(
    name="davis",
    title="DAVIS 2016 or 2017",
    tree=(
        "JPEGImages/480p/<sequence>/00000.jpg …",
        "Annotations/480p/<sequence>/00000.png … (pixel value = number of the object)",
        "ImageSets/2017/train.txt, val.txt",
    ),
    boxes="masks, converted to axis-aligned boxes; 0-based",
    missing="a mask without pixels of the object",
    source="Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017; davischallenge.org",
    homepage="https://davischallenge.org",
    splits=("train", "val"),
    evaluated="val",
    read=_videos,
)
