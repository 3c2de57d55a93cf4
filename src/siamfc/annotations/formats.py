"""Annotation formats by name and suffix; reading, and writing completely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from siamfc.annotations.annotation import VideoAnnotation, require_sizes
from siamfc.annotations.coco import read_coco, write_coco
from siamfc.annotations.cvat import read_cvat, write_cvat
from siamfc.annotations.label_studio import read_label_studio, write_label_studio
from siamfc.annotations.mot import read_mot, write_mot
from siamfc.annotations.text import box_lines, read_box_table, read_vot, vot_lines
from siamfc.annotations.voc import read_voc, write_voc
from siamfc.annotations.yolo import read_yolo, write_yolo
from siamfc.errors import DatasetError, InputError, OutputError, suggest
from siamfc.files import StagedFile, check_folder_target, make_folder, staged_folder


@dataclass(frozen=True, kw_only=True)
class AnnotationFormat:
    """File format of a benchmark or an annotation tool."""

    name: str
    """Name on the command line."""
    title: str
    suffix: str
    """File suffix; empty: a folder."""
    write: Callable[[VideoAnnotation], Mapping[str, str]]
    """Returns the texts of the files by path in the folder; the key of a single file is empty, that
    of one file per target the number of the target."""
    read: Callable[[Path], VideoAnnotation]
    each_target: bool = False
    """True if each target has its own file."""
    keeps_lost: bool = False
    """True if boxes of lost targets are written: results of a benchmark need a box in every frame,
    annotations must not contain wrong ones."""
    mark: str = ""
    """File that identifies a folder of this format."""
    contents: tuple[str, ...] = ()
    """Names in a folder that `write` fills; the first is always there."""


def _text(name: str, title: str, index_base: int, decimals: int = 2) -> AnnotationFormat:
    def write(annotation: VideoAnnotation) -> dict[str, str]:
        return {
            str(target + 1): box_lines(
                annotation.all_frames(target), index_base=index_base, decimals=decimals
            )
            for target in range(len(annotation.names))
        }

    return AnnotationFormat(
        name=name,
        title=title,
        suffix=".txt",
        write=write,
        read=partial(read_box_table, index_base=index_base),
        each_target=True,
        keeps_lost=True,
    )


def _write_vot(annotation: VideoAnnotation) -> dict[str, str]:
    return {
        str(target + 1): vot_lines(annotation.all_frames(target), first_code=False, decimals=2)
        for target in range(len(annotation.names))
    }


_ALL = (
    _text("otb", "OTB: one line x,y,w,h per frame, 1-based", 1),
    AnnotationFormat(
        name="vot",
        title="VOT: one line x,y,w,h per frame, 1-based; 0 where there is no box",
        suffix=".txt",
        write=_write_vot,
        read=read_vot,
        each_target=True,
        keeps_lost=True,
    ),
    _text("lasot", "LaSOT: one line x,y,w,h per frame, 1-based", 1),
    _text("got10k", "GOT-10k: one line x,y,w,h per frame, 0-based", 0, decimals=3),
    AnnotationFormat(
        name="mot",
        title="MOTChallenge: a result file (.txt), or a sequence's folder",
        suffix="",
        write=partial(write_mot, folder=True),
        read=read_mot,
        mark="gt/gt.txt",
        contents=("gt", "seqinfo.ini"),
    ),
    AnnotationFormat(
        name="coco",
        title="COCO-video JSON",
        suffix=".json",
        write=write_coco,
        read=read_coco,
    ),
    AnnotationFormat(
        name="cvat",
        title="CVAT for video 1.1",
        suffix=".xml",
        write=write_cvat,
        read=read_cvat,
    ),
    AnnotationFormat(
        name="yolo",
        title="YOLO label folder",
        suffix="",
        write=write_yolo,
        read=read_yolo,
        mark="data.yaml",
        contents=("data.yaml", "labels"),
    ),
    AnnotationFormat(
        name="label-studio",
        title="Label Studio video JSON",
        suffix=".json",
        write=write_label_studio,
        read=read_label_studio,
    ),
    AnnotationFormat(
        name="voc",
        title="Pascal VOC folder",
        suffix="",
        write=write_voc,
        read=read_voc,
        mark="Annotations",
        contents=("Annotations", "ImageSets"),
    ),
)
ANNOTATION_FORMATS: Mapping[str, AnnotationFormat] = {one.name: one for one in _ALL}
"""Every format by its name."""
_MOT_FILE = AnnotationFormat(
    name="mot",
    title=ANNOTATION_FORMATS["mot"].title,
    suffix=".txt",
    write=partial(write_mot, folder=False),
    read=read_mot,
)
_MOT_COLUMNS = (9, 10)
"""Numbers in a line of MOTChallenge's ground truth and of its results."""
_VOT_CODES = frozenset("012")
"""Lines of a VOT trajectory in place of a box: none, the initial frame, a failure."""
_BY_SUFFIX = {".txt": "otb", ".json": "coco", ".xml": "cvat"}
"""Default format of each suffix."""


def find_annotation_format(path: str | Path, name: str | None = None) -> AnnotationFormat:
    """Return the format of a name, or the default format of a path's suffix.

    Raises:
        InputError: an unknown format, or a suffix that does not match it.

    >>> find_annotation_format("boxes.xml").name, find_annotation_format("labels", "yolo").name
    ('cvat', 'yolo')
    """
    suffix = Path(path).suffix.lower()
    if name is None:
        if suffix not in _BY_SUFFIX:
            raise InputError(
                f"boxes: expected a name in {', '.join(_BY_SUFFIX)}, or one of the formats "
                f"{', '.join(ANNOTATION_FORMATS)}, got {path}"
            )
        return ANNOTATION_FORMATS[_BY_SUFFIX[suffix]]
    if name not in ANNOTATION_FORMATS:
        raise InputError(f"unknown format {name!r}: {suggest(name, ANNOTATION_FORMATS)}")
    found = ANNOTATION_FORMATS[name]
    if name == "mot" and suffix:
        found = _MOT_FILE
    if suffix != found.suffix:
        wanted = (
            f"a name in {found.suffix}" if found.suffix else "a folder: a name without a suffix"
        )
        raise InputError(f"format {name}: expected {wanted}, got {path}")
    return found


def annotation_paths(path: str | Path, targets: int, format: str | None = None) -> list[Path]:
    """Return the paths that `write_annotation` writes: a file, a folder, or one file per target.

    Raises:
        InputError: as for `find_annotation_format`.
    """
    path = Path(path)
    if not find_annotation_format(path, format).each_target or targets == 1:
        return [path]
    return [path.with_stem(f"{path.stem}_{number + 1}") for number in range(targets)]


def write_annotation(
    path: str | Path,
    annotation: VideoAnnotation,
    *,
    format: str | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write boxes, completely or not at all; return the paths of the files or of the folder.

    Args:
        path: file or folder to write. With several targets in otb, vot, lasot or got10k, the name
            of each file ends with the target's number.
        annotation: the boxes.
        format: a key of `ANNOTATION_FORMATS`; None: implied by the suffix.
        overwrite: replace existing files, or an existing folder of the same format.

    Raises:
        InputError: an unknown format, or a suffix that does not match it.
        DatasetError: the format needs something that is unknown, such as the frame size.
        OutputError: a file exists, or cannot be written.
    """
    chosen = find_annotation_format(path, format)
    texts = chosen.write(annotation if chosen.keeps_lost else annotation.without_lost())
    if not chosen.suffix:
        _write_folder(Path(path), texts, chosen, overwrite=overwrite)
        return [Path(path)]
    paths = annotation_paths(path, len(annotation.names), format)
    with ExitStack() as stack:
        staged = []
        for one in paths:
            staged.append(StagedFile(one, overwrite=overwrite))
            stack.callback(staged[-1].discard)
        try:
            for file, text in zip(staged, texts.values(), strict=True):
                file.path.write_text(text, encoding="utf-8", errors="replace", newline="")
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{path} cannot be written: {reason}") from None
        for file in staged:
            file.check()
        for file in staged:
            file.commit()
    return paths


def check_annotation_target(
    path: str | Path,
    targets: int,
    *,
    format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Check in advance that `write_annotation` can write to a path.

    Raises:
        InputError: an unknown format, or a suffix that does not match it.
        OutputError: a file exists, or cannot be written.
    """
    chosen = find_annotation_format(path, format)
    if not chosen.suffix:
        check_folder_target(Path(path), chosen.contents, overwrite)
        return
    for one in annotation_paths(path, targets, format):
        StagedFile(one, overwrite=overwrite).discard()


def _write_folder(
    path: Path, texts: Mapping[str, str], chosen: AnnotationFormat, *, overwrite: bool
) -> None:
    with staged_folder(path, contents=chosen.contents, overwrite=overwrite) as staging:
        for name, text in texts.items():
            file = staging / name
            make_folder(file.parent)
            file.write_text(text, encoding="utf-8", errors="replace", newline="")


def read_annotation(path: str | Path, *, format: str | None = None) -> VideoAnnotation:
    """Read the boxes of one video.

    Without a format, the suffix or the contents of the folder decide. A .json file that holds a
    list is read as Label Studio's, a .txt file with nine or ten numbers in a line as
    MOTChallenge's, and one with a line of one number, 0 to 2, as VOT's. GOT-10k's needs its name,
    as it looks like OTB's.

    Raises:
        InputError: an unknown format, or a suffix that does not match it.
        DatasetError: nothing there, not in the format, or a box of a negative width or height.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{path}: expected a file or folder of boxes, got none")
    found = (find_annotation_format(path, format) if format else _recognize(path)).read(path)
    try:
        require_sizes(found.boxes)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from None
    return found


def _recognize(path: Path) -> AnnotationFormat:
    if path.is_dir():
        return _recognize_folder(path)
    found = find_annotation_format(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        start = file.readline(200)
        if found.name == "coco" and start.lstrip().startswith("["):
            return ANNOTATION_FORMATS["label-studio"]
        if found.name == "otb" and len(start.replace(",", " ").split()) in _MOT_COLUMNS:
            return _MOT_FILE
        if found.name == "otb" and any(line.strip() in _VOT_CODES for line in (start, *file)):
            return ANNOTATION_FORMATS["vot"]
    return found


def _recognize_folder(path: Path) -> AnnotationFormat:
    marked = [one for one in _ALL if one.mark]
    for one in marked:
        if (path / one.mark).exists():
            return one
    folders = ", ".join(f"{one.name} ({one.mark})" for one in marked)
    raise DatasetError(f"{path}: expected a folder of boxes: {folders}")
