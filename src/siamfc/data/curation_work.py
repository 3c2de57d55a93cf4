"""What a worker does in curation: decode each image of a chunk once and cut out its targets."""

import io
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features
from PIL import __version__ as pillow_version

from siamfc.boxes import center
from siamfc.data.curation_plan import Chunk, ImageTask, Target
from siamfc.data.curation_settings import CurationSettings, Outcome, judge_alone, judge_in_frame
from siamfc.data.store_format import RECORD, Record, crop_digest
from siamfc.errors import InputError, SourceError
from siamfc.frames import VideoFile, read_image
from siamfc.geometry import crop_picture, mean_picture_color


@dataclass(frozen=True)
class CuratedChunk:
    """A chunk's crops and its part of the index.

    Attributes:
        crops: (track, frame, JPEG) of each target that is kept.
        records: `RECORD` arrays by track, the frames of this chunk in order.
        image_names: what each image is called, in order.
        encoder: versions that the JPEG's bytes depend on.
    """

    crops: list[tuple[int, int, bytes]]
    records: dict[int, NDArray[np.void]]
    image_names: list[str]
    encoder: str


def encoder_version() -> str:
    """Versions of what decodes and encodes: the same version gives the same bytes."""
    library = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {pillow_version}, libjpeg {library}"


def curate_chunk(chunk: Chunk) -> CuratedChunk:
    """Judge every target of a chunk and crop those that are kept."""
    crops: list[tuple[int, int, bytes]] = []
    records: dict[int, list[Record]] = {}
    for task, picture in _pictures(chunk):
        cutter = _Cutter(picture, chunk.settings) if isinstance(picture, Image.Image) else None
        for target in task.targets:
            outcome = _judge(target, picture, chunk.settings)
            digest = 0
            if outcome is Outcome.KEPT and cutter is not None:
                encoded = cutter.cut(np.array(target.box))
                digest = crop_digest(encoded)
                crops.append((target.track, target.frame, encoded))
            record = (
                target.frame, task.number, outcome, target.occluded, target.visibility,
                target.box, digest,
            )  # fmt: skip
            records.setdefault(target.track, []).append(record)
    return CuratedChunk(
        crops=crops,
        records={track: np.array(rows, dtype=RECORD) for track, rows in records.items()},
        image_names=[_image_name(task) for task in chunk.images],
        encoder=encoder_version(),
    )


class _Cutter:
    """Cuts crops out of one picture; its mean colour is computed only if a crop needs it."""

    def __init__(self, picture: Image.Image, settings: CurationSettings) -> None:
        self._picture = picture
        self._settings = settings
        self._fill: NDArray[np.uint8] | None = None

    def cut(self, box: NDArray[np.float64]) -> bytes:
        """Crop the square about a box and encode it."""
        settings = self._settings
        side = float(settings.crop_side(box[2:]))
        picture = crop_picture(
            self._picture, center(box), side, settings.crop_size, self._fill_for(box, side)
        )
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=settings.jpeg_quality, subsampling="4:2:0")
        return buffer.getvalue()

    def _fill_for(self, box: NDArray[np.float64], side: float) -> NDArray[np.uint8]:
        """Mean colour of the picture; black where the crop, with its filter, lies inside it."""
        if self._fill is None:
            (width, height), (x, y) = self._picture.size, center(box).tolist()
            reach = side / 2 + max(side / self._settings.crop_size, 1.0) + 1
            if reach <= min(x, y, width - x, height - y):
                return np.zeros(3, dtype=np.uint8)
            self._fill = mean_picture_color(self._picture)
        return self._fill


def _judge(target: Target, picture: Image.Image | Outcome, settings: CurationSettings) -> Outcome:
    outcome = judge_alone(target.box, target.visibility, target.frame, settings)
    if outcome is not Outcome.KEPT:
        return outcome
    if isinstance(picture, Outcome):
        return picture
    return judge_in_frame(target.box, picture.size, settings)


def _pictures(chunk: Chunk) -> Iterator[tuple[ImageTask, Image.Image | Outcome]]:
    """Each image of a chunk decoded, or the reason why not; not opened if nobody needs it."""
    for film, tasks in groupby(chunk.images, key=lambda task: task.film_frame is not None):
        if not film:
            yield from ((task, _read(task, chunk.settings)) for task in tasks)
            continue
        for _, frames in groupby(tasks, key=lambda task: task.path):
            yield from _film_pictures(list(frames))


def _read(task: ImageTask, settings: CurationSettings) -> Image.Image | Outcome:
    wanted = (
        judge_alone(target.box, target.visibility, target.frame, settings)
        for target in task.targets
    )
    if Outcome.KEPT not in wanted:
        return Outcome.UNREADABLE_IMAGE  # never read: every target has a reason of its own
    try:
        return _open_picture(task.path)
    except SourceError:
        return Outcome.UNREADABLE_IMAGE if task.path.exists() else Outcome.MISSING_IMAGE


def _open_picture(path: Path) -> Image.Image:
    """Decode an image file as `frames.read_image` does; the common kind without detours."""
    try:
        with Image.open(path) as picture:
            if picture.format == "JPEG" and picture.mode == "RGB" and not picture.getexif():
                picture.load()
                return picture
    except Exception:
        pass  # Pillow raises many kinds; the reader below says what is wrong
    return Image.fromarray(read_image(path))


def _film_pictures(tasks: list[ImageTask]) -> Iterator[tuple[ImageTask, Image.Image | Outcome]]:
    """Frames of one film that follow each other, or why they are not to be had."""
    path = tasks[0].path
    reason = Outcome.UNREADABLE_IMAGE if path.exists() else Outcome.MISSING_IMAGE
    with closing(_decode_film(path, tasks[0].film_frame or 0)) as pictures:
        for task in tasks:
            picture = next(pictures, None)
            yield task, reason if picture is None else Image.fromarray(picture)


def _decode_film(path: Path, first: int) -> Generator[NDArray[np.uint8]]:
    """Decode from frame `first` on, as far as that goes."""
    try:
        with VideoFile(path) as film:
            for frame in film.frames(first):
                yield frame.image
    except (SourceError, InputError):
        return


def _image_name(task: ImageTask) -> str:
    name = task.path.as_posix()
    return name if task.film_frame is None else f"{name}#{task.film_frame}"
