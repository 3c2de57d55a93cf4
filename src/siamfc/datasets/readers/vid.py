"""ILSVRC2015 VID: ImageNet's videos, with several tracks in each."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

from siamfc.datasets.readers.images import (
    list_files,
    list_folders,
    list_images,
    missing_frame,
)
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import optional_size
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import FrameFiles, OnProblem, Problem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.frames.folder import natural_key
from siamfc.parsers import parse_number, read_xml

_XML = frozenset({".xml"})


def _videos(root: Path, split: str | None) -> list[Video]:
    """List the folders of frames' XML files: two levels deep in `train`, one in `val`."""
    videos = []
    for part in (split,) if split else VID.splits:
        annotations = root / "Annotations" / "VID" / part
        folders = list_folders(annotations)
        if part == "train":
            folders = [inner for folder in folders for inner in list_folders(folder)]
        for folder in folders:
            name = f"{part}/{folder.relative_to(annotations).as_posix()}"
            images = root / "Data" / "VID" / name
            load = partial(_load, name, folder, images, part)
            videos.append(Video(name=name, split=part, load=load))
    return videos


def _load(
    name: str, annotations: Path, folder: Path, split: str, on_problem: OnProblem
) -> Iterator[Sequence]:
    """Read a video's XML files, one per image, with the same name; either may be missing."""
    paths = {path.stem: path for path in list_files(annotations, _XML)}
    images = {Path(image).stem: image for image in list_images(folder).names}
    names = []
    observations: list[Observation] = []
    size = None
    for frame, stem in enumerate(sorted({*paths, *images}, key=natural_key)):
        names.append(images.get(stem, f"{stem}.JPEG"))
        if stem not in images:
            on_problem(missing_frame(folder / names[-1], frame, name))
        if stem not in paths:
            on_problem(_no_annotation(annotations / f"{stem}.xml", frame, name))
            continue
        root = read_xml(paths[stem], expected="an XML annotation")
        size = size or optional_size(root.findtext("size/width"), root.findtext("size/height"))
        observations += _observations(root, frame, paths[stem])
    yield from gather_tracks(
        observations,
        video=name,
        frames=FrameFiles(folder, names),
        frame_count=len(names),
        on_problem=on_problem,
        split=split,
        size=size,
    )


def _no_annotation(path: Path, frame: int, video: str) -> Problem:
    """Return the problem of a frame without an XML file, which counts as one without a target."""
    message = f"expected the annotation of frame {frame}, got no such file"
    return Problem(
        kind="unreadable annotation", sequence=video, frame=frame, path=str(path), message=message
    )


def _observations(root: ET.Element, frame: int, path: Path) -> Iterator[Observation]:
    for item in root.iterfind("object"):
        try:
            left, top, right, bottom = (
                parse_number(item.findtext(f"bndbox/{edge}", ""))
                for edge in ("xmin", "ymin", "xmax", "ymax")
            )
        except ValueError as error:
            raise DatasetError(
                f"{path}: expected xmin, ymin, xmax, ymax in each object's bndbox; {error}"
            ) from None
        yield Observation(
            track=item.findtext("trackid", "0"),
            frame=frame,
            box=(left, top, right - left + 1, bottom - top + 1),
            occluded=item.findtext("occluded") == "1",
            label=item.findtext("name", ""),
        )


VID = Format(
    name="vid",
    title="ILSVRC2015 VID",
    tree=(
        "Data/VID/train/ILSVRC2015_VID_train_0000/<video>/000000.JPEG …",
        "Data/VID/val/<video>/000000.JPEG …",
        "Annotations/VID/… with an .xml for each .JPEG",
    ),
    boxes="xmin, ymin, xmax, ymax, 0-based, the last pixel included: w = xmax − xmin + 1",
    missing="a frame whose XML has no object of the track",
    source="ILSVRC2015 development kit: readme.txt, eval_vid_detection.m",
    homepage="https://image-net.org/challenges/LSVRC/2015 (with an account)",
    splits=("train", "val"),
    evaluated="val",
    read=_videos,
)
