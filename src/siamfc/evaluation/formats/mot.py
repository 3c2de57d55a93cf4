"""Results in MOTChallenge's format: a file per video, a line per target and frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from siamfc.annotations.mot import mot_line
from siamfc.array_types import FloatArray
from siamfc.datasets.readers.text import numbered_lines, read_lines
from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for, text_files
from siamfc.evaluation.formats.videos import target_number, targets_by_video, video_files
from siamfc.evaluation.runs import RunRecord
from siamfc.parsers import parse_frame, parse_numbers, parse_whole

_COLUMNS = 10


def _recognize(folder: Path) -> bool:
    for path in text_files(folder):
        first = next(iter(read_lines(path)), "")
        return len(first.replace(",", " ").split()) == _COLUMNS
    return False


def _read(folder: Path, collected: ResultCollector) -> None:
    for path, targets in video_files(folder, ".txt", collected):
        with collected.skipping_damaged():
            lines = _lines(path)
            for place, (target, sequence) in enumerate(targets.items(), 1):
                rows = lines.get(target_number(target, place))
                if rows is not None:
                    boxes, scores = _track(rows, path, len(sequence))
                    collected.add(sequence, boxes, scores=scores)


def _lines(path: Path) -> dict[str, list[list[float]]]:
    """Return the numbers in the lines of each target."""
    lines: dict[str, list[list[float]]] = {}
    for number, line in numbered_lines(path):
        try:
            frame, target, *rest = parse_numbers(line)
            frame, target = parse_frame(frame), parse_whole(target, -(10**9))
            if len(rest) < 5:
                raise ValueError(line)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected frame,id,left,top,width,height,confidence,…, "
                f"got {line[:60]!r}"
            ) from None
        lines.setdefault(str(target), []).append([frame, *rest[:5]])
    return lines


def _track(rows: list[list[float]], path: Path, count: int) -> tuple[FloatArray, FloatArray]:
    boxes, scores = np.full((count, 4), np.nan), np.full(count, np.nan)
    for frame, *box, score in rows:
        if not 1 <= frame <= count:
            raise DatasetError(f"{path}: expected frames 1 to {count}, got {frame:g}")
        if not np.isnan(boxes[int(frame) - 1]).all():
            raise DatasetError(
                f"{path}: expected one line for each target and frame, got two for frame {frame:g}"
            )
        boxes[int(frame) - 1] = box
        scores[int(frame) - 1] = score
    return clean_boxes(boxes, path, count, index_base=1), scores


def _write(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    for video, targets in targets_by_video(tracks).items():
        lines: list[tuple[int, str, str]] = []
        for number, _, track in targets:
            for frame, box in enumerate(track.boxes):
                if not np.isnan(box).any():
                    score = np.nan_to_num(track.scores[frame], nan=1.0)
                    line = mot_line(frame, number, box, [f"{score:.4f}", "-1,-1,-1"])
                    lines.append((frame, number, line))
        text = "".join(line + "\n" for _, _, line in sorted(lines))
        file_for(folder, video, ".txt").write_text(text, encoding="utf-8")


MOT = ResultFormat(
    name="mot",
    title="MOTChallenge",
    tree=("<video>.txt (lines of frame,id,left,top,width,height,confidence,-1,-1,-1)",),
    boxes="left, top, width, height and frames, 1-based; no line for a missing box",
    source="motchallenge.net/instructions",
    recognize=_recognize,
    read=_read,
    write=_write,
)
