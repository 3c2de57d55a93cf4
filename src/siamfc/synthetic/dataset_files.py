"""The synthetic data set as files: folders in OTB layout, written by any number of workers.

    OUT/dataset.json                    settings, format and the box in every image
    OUT/0001/img/0001.png …             the images
    OUT/0001/groundtruth_rect.txt       the box of each image, 1-based as in OTB
    OUT/0001/folder.json                colours of the folder, noise of each image

A folder is written under a temporary name and renamed when it is complete. Anything under its final
name is therefore complete, and after a run that was killed the next one writes the missing folders.
"""

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from siamfc.disk import check_space, explained_full_disk
from siamfc.errors import InputError, OutputError
from siamfc.files import make_folder, write_file
from siamfc.folder_lock import lock_folder
from siamfc.synthetic.dataset import SyntheticDataset, SyntheticDatasetSettings
from siamfc.synthetic.otb import TRUTH_NAME, format_truth
from siamfc.workers import Workers

ImageFormat = Literal["png", "jpeg"]
SETTINGS_NAME = "dataset.json"
FORMAT_NAME, FORMAT_VERSION = "siamfc synthetic dataset", 1
JPEG_QUALITY = 95

_SAMPLED_IMAGES = 96  # their mean size predicts the disk space needed
_BLOCK_BYTES = 4096  # smallest unit that a file system allocates


@dataclass(frozen=True)
class _FolderTask:
    """Data that a worker needs to write one folder."""

    out: Path
    settings: SyntheticDatasetSettings
    image_format: ImageFormat
    folder: int


def write_dataset(
    out: Path,
    settings: SyntheticDatasetSettings,
    *,
    image_format: ImageFormat = "png",
    workers: Workers | None = None,
    on_images: Callable[[int], None] | None = None,
) -> None:
    """Write the data set into a folder, or the part of it that is missing.

    Args:
        out: folder; new, empty, or started earlier with the same settings.
        settings: settings of the data set.
        image_format: `png`, lossless, or `jpeg` with quality 95 and without chroma subsampling.
        workers: processes to share the work; None: this process. The files do not depend on it.
        on_images: called with the number of images from earlier runs, then with each folder's.

    Raises:
        InputError: an unknown image format.
        OutputError: `out` holds something else, belongs to another run, or the disk is too small.
    """
    if image_format not in get_args(ImageFormat):
        raise InputError(f"image format: expected png or jpeg, got {image_format!r}")
    record = _describe(settings, image_format)
    _check_folder(out, record)
    dataset = SyntheticDataset(settings)
    missing = sum(map(dataset.folder_length, _missing_folders(out, settings)))
    if missing:
        check_space(out, bytes_needed(settings, image_format, images=missing))
    make_folder(out)
    with lock_folder(out):
        with explained_full_disk(out):
            write_file(
                out / SETTINGS_NAME, f"{json.dumps(record, indent=2)}\n".encode(), overwrite=True
            )
        for leftover in out.glob(".*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)
        folders = _missing_folders(out, settings)
        earlier = settings.images - sum(map(dataset.folder_length, folders))
        tasks = [_FolderTask(out, settings, image_format, folder) for folder in folders]
        for count in chain([earlier], (workers or Workers()).map(_write_folder, tasks)):
            if on_images is not None:
                on_images(count)


def bytes_needed(
    settings: SyntheticDatasetSettings, image_format: ImageFormat, *, images: int | None = None
) -> int:
    """Estimate the disk space for `images` images, all if None, from a sample."""
    dataset = SyntheticDataset(settings)
    total = settings.images if images is None else images
    folders = np.linspace(0, settings.folders - 1, _SAMPLED_IMAGES).astype(int).tolist()
    sizes = []
    for number, folder in enumerate(folders):
        image = dataset.draw(folder, number % dataset.folder_length(folder))
        blocks = -(-len(_encode(Image.fromarray(image), image_format)) // _BLOCK_BYTES)
        sizes.append(blocks * _BLOCK_BYTES)
    return round(total * sum(sizes) / len(sizes) * 1.02)


def read_dataset_settings(out: Path) -> SyntheticDatasetSettings:
    """Read the settings of a data set that was written, or started, in `out`.

    Raises:
        OutputError: there is none, or one of another version.
    """
    _, settings = _read_record(out)
    return settings


def _describe(settings: SyntheticDatasetSettings, image_format: ImageFormat) -> dict[str, Any]:
    return {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "image_format": image_format,
        "settings": asdict(settings),
        "box": SyntheticDataset(settings).box.tolist(),
    }


def _check_folder(out: Path, record: dict[str, Any]) -> None:
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: expected a folder, found a file; choose another name")
    if not out.exists() or all(entry.name.startswith(".") for entry in out.iterdir()):
        return
    there, _ = _read_record(out)
    flat_there, flat_wanted = ({**item["settings"], **item} for item in (there, record))
    for name, wanted in flat_wanted.items():
        if name != "settings" and flat_there.get(name) != wanted:
            raise OutputError(
                f"{out}: holds a data set with {name} {flat_there.get(name)!r}, got "
                f"{wanted!r}; choose another folder or the same settings"
            )


def _read_record(out: Path) -> tuple[dict[str, Any], SyntheticDatasetSettings]:
    """Return the record of a data set, and the settings in it."""
    try:
        record = json.loads((out / SETTINGS_NAME).read_text())
        known = record["format"] == FORMAT_NAME
        version = record["version"]
    except (OSError, ValueError, KeyError, TypeError):
        known, version = False, None
    if not known:
        raise OutputError(
            f"{out}: expected an empty folder or a synthetic data set with its {SETTINGS_NAME}, "
            "found something else; choose another folder"
        )
    if version != FORMAT_VERSION:
        raise OutputError(
            f"{out}: holds a data set of version {version}, this program writes version "
            f"{FORMAT_VERSION}; choose another folder"
        )
    try:
        return record, SyntheticDatasetSettings(**record["settings"])
    except (KeyError, TypeError, InputError):
        raise OutputError(
            f"{out / SETTINGS_NAME}: expected the settings of a data set; choose another folder"
        ) from None


def _missing_folders(out: Path, settings: SyntheticDatasetSettings) -> list[int]:
    return [
        folder
        for folder in range(settings.folders)
        if not (out / _folder_name(settings, folder)).exists()
    ]


def _folder_name(settings: SyntheticDatasetSettings, folder: int) -> str:
    digits = max(4, len(str(settings.folders)))
    return f"{folder + 1:0{digits}d}"


def _write_folder(task: _FolderTask) -> int:
    """Write one folder and return its number of images."""
    dataset = SyntheticDataset(task.settings)
    name = _folder_name(task.settings, task.folder)
    # A unique name: a worker of a killed run may still be writing the same folder.
    partial = task.out / f".{name}.{os.getpid()}.partial"
    try:
        with explained_full_disk(task.out):
            _fill_folder(partial, dataset, task)
            _publish_folder(partial, task.out / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return dataset.folder_length(task.folder)


def _publish_folder(partial: Path, name: Path) -> None:
    """Rename a complete folder, unless another worker was faster with the same bytes."""
    try:
        partial.rename(name)
    except OSError:
        if not name.exists():
            raise


def _fill_folder(partial: Path, dataset: SyntheticDataset, task: _FolderTask) -> None:
    length = dataset.folder_length(task.folder)
    digits = max(4, len(str(length)))
    ending = "png" if task.image_format == "png" else "jpg"
    (partial / "img").mkdir(parents=True)
    for index in range(length):
        image = Image.fromarray(dataset.draw(task.folder, index))
        path = partial / "img" / f"{index + 1:0{digits}d}.{ending}"
        path.write_bytes(_encode(image, task.image_format))
    (partial / TRUTH_NAME).write_text(format_truth(np.tile(dataset.box, (length, 1))))
    colours = asdict(dataset.colours(task.folder))
    noise = [asdict(dataset.noise(task.folder, index)) for index in range(length)]
    (partial / "folder.json").write_text(json.dumps({**colours, "noise": noise}) + "\n")


def _encode(image: Image.Image, image_format: ImageFormat) -> bytes:
    buffer = io.BytesIO()
    if image_format == "png":
        # Noise does not compress: the fastest level is within a few percent of the best.
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    return buffer.getvalue()
