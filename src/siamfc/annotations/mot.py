"""MOTChallenge: one line per target and frame, as a results file or a sequence folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siamfc.annotations.annotation import DEFAULT_LABEL, VideoAnnotation, add_box, from_targets
from siamfc.array_types import FloatArray
from siamfc.datasets.readers.mot import read_information
from siamfc.datasets.readers.text import numbered_lines, optional_size, read_lines
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_number, parse_numbers, parse_whole

_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])


def mot_line(
    frame: int, target: str, box: FloatArray, rest: list[str], *, decimals: int = 4
) -> str:
    """Return a line `frame,id,left,top,width,height,…`; frames and pixels are 1-based."""
    values = [f"{value:.{decimals}f}" for value in box + _FIRST_PIXEL]
    return ",".join([str(frame + 1), target, *values, *rest])


def write_mot(annotation: VideoAnnotation, *, folder: bool) -> dict[str, str]:
    """Return a results file, or with `folder` gt/gt.txt, gt/labels.txt and seqinfo.ini."""
    classes = annotation.classes
    lines = []
    for at, frame in enumerate(annotation.frames.tolist()):
        for target in np.flatnonzero(annotation.present[at]).tolist():
            score = annotation.scores[at, target]
            rest = (
                ["1", str(classes.index(annotation.labels[target]) + 1), "1"]
                if folder
                else [f"{np.nan_to_num(score, nan=1.0):.4f}", "-1", "-1", "-1"]
            )
            box = annotation.boxes[at, target]
            lines.append(mot_line(frame, str(target + 1), box, rest, decimals=2))
    text = "".join(line + "\n" for line in lines)
    if not folder:
        return {"": text}
    return {
        "gt/gt.txt": text,
        "gt/labels.txt": "".join(f"{name}\n" for name in classes),
        "seqinfo.ini": _information(annotation),
    }


def _information(annotation: VideoAnnotation) -> str:
    values = {
        "name": Path(annotation.video).stem,
        "imDir": "img1",
        "frameRate": f"{annotation.frame_rate:g}" if annotation.frame_rate else "",
        "seqLength": str(annotation.frame_count),
        **dict(zip(("imWidth", "imHeight"), map(str, annotation.size or ()), strict=False)),
        "imExt": Path(annotation.image_name(0)).suffix,
    }
    lines = [f"{name}={value}" for name, value in values.items() if value]
    return "\n".join(["[Sequence]", *lines]) + "\n"


def read_mot(path: Path) -> VideoAnnotation:
    """Read a results file or a sequence folder.

    Raises:
        DatasetError: a line of another form.
    """
    folder = path.is_dir()
    file = path / "gt" / "gt.txt" if folder else path
    known = path / "gt" / "labels.txt"
    classes = read_lines(known) if folder and known.exists() else []
    rows: dict[str, dict[int, FloatArray]] = {}
    scores: dict[str, dict[int, float]] = {}
    labels: dict[str, str] = {}
    for number, line in numbered_lines(file):
        try:
            frame, target, left, top, width, height, flag, *rest = parse_numbers(line)
            name, at = str(parse_whole(target, -(10**9))), parse_frame(frame, 1) - 1
            add_box(rows, name, at, np.array([left - 1, top - 1, width, height]))
        except (ValueError, OverflowError):
            raise DatasetError(
                f"{file}, line {number}: expected frame,id,left,top,width,height,confidence,…, "
                f"got {line[:60]!r}"
            ) from None
        if not folder:
            scores.setdefault(name, {})[at] = flag
        elif rest and 1 <= rest[0] <= len(classes):
            labels[name] = classes[int(rest[0]) - 1]
    known_of = read_information(path / "seqinfo.ini") if folder else {}
    try:
        rate = parse_number(known_of["framerate"]) if "framerate" in known_of else None
        count = parse_frame(known_of.get("seqlength", 0))
    except ValueError as error:
        raise DatasetError(f"{path / 'seqinfo.ini'}: frameRate, seqLength: {error}") from None
    return from_targets(
        dict(sorted(rows.items(), key=lambda item: int(item[0]))),
        scores=scores,
        labels=labels or dict.fromkeys(rows, DEFAULT_LABEL),
        size=optional_size(known_of.get("imwidth"), known_of.get("imheight")),
        frame_rate=rate,
        frame_count=count,
        video=f"{known_of.get('name', path.stem)}.mp4",
    )
