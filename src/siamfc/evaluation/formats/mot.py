"""Results as MOTChallenge's: a file a video, a line for each target in each frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from siamfc.data.readers.text import parse_numbers, read_lines
from siamfc.data.sequences import FloatArray, Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.inbox import Inbox, by_video, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for, text_files
from siamfc.evaluation.runs import Track

_COLUMNS = 10
_FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])


def _recognize(folder: Path) -> bool:
    for path in text_files(folder):
        first = next(iter(read_lines(path)), "")
        return len(first.replace(",", " ").split()) == _COLUMNS
    return False


def _read(folder: Path, inbox: Inbox) -> None:
    videos = by_video(inbox.sequences)
    for path in sorted(folder.rglob("*.txt")):
        video = path.relative_to(folder).with_suffix("").as_posix()
        if video not in videos:
            inbox.unknown.append(video)
            continue
        with inbox.leaving_out_damage():
            targets = _targets(path)
            for number, (target, sequence) in enumerate(videos[video].items(), 1):
                rows = targets.get(target if target.isdigit() else str(number))
                if rows is not None:
                    boxes, scores = _track(rows, path, len(sequence))
                    inbox.add(sequence, boxes, scores=scores)


def _targets(path: Path) -> dict[str, list[list[float]]]:
    """The lines of each target."""
    targets: dict[str, list[list[float]]] = {}
    for number, line in enumerate(read_lines(path), 1):
        try:
            frame, target, *rest = parse_numbers(line)
            if len(rest) < 5 or frame != int(frame):
                raise ValueError(line)
        except (ValueError, OverflowError):
            raise DatasetError(
                f"{path}, line {number}: expected frame,id,left,top,width,height,confidence,…, "
                f"got {line!r}"
            ) from None
        targets.setdefault(f"{target:g}", []).append([frame, *rest[:5]])
    return targets


def _track(rows: list[list[float]], path: Path, count: int) -> tuple[FloatArray, FloatArray]:
    boxes, scores = np.full((count, 4), np.nan), np.full(count, np.nan)
    for frame, *box, score in rows:
        if not 1 <= frame <= count:
            raise DatasetError(f"{path}: expected frames 1 to {count}, got {frame:g}")
        boxes[int(frame) - 1] = box
        scores[int(frame) - 1] = score
    return clean_boxes(boxes, path, count, index_base=1), scores


def _write(folder: Path, tracks: Iterable[tuple[Sequence, Track]]) -> None:
    by_name = {sequence.name: (sequence, track) for sequence, track in tracks}
    for video, targets in by_video(sequence for sequence, _ in by_name.values()).items():
        lines: list[tuple[int, str, str]] = []
        for number, (target, sequence) in enumerate(targets.items(), 1):
            track = by_name[sequence.name][1]
            identity = target if target.isdigit() else str(number)
            for frame, box in enumerate(track.boxes):
                if not np.isnan(box).any():
                    score = np.nan_to_num(track.scores[frame], nan=1.0)
                    values = [f"{value:.4f}" for value in (*(box + _FIRST_PIXEL), score)]
                    line = ",".join([str(frame + 1), identity, *values, "-1,-1,-1"])
                    lines.append((frame, identity, line))
        text = "".join(line + "\n" for _, _, line in sorted(lines))
        file_for(folder, video, ".txt").write_text(text, encoding="utf-8")


MOT = ResultFormat(
    name="mot",
    title="MOTChallenge",
    tree=("<video>.txt (frame,id,left,top,width,height,confidence,-1,-1,-1 a line)",),
    boxes="left, top, width, height and frames, 1-based; no line where there is no box",
    source="motchallenge.net/instructions",
    recognize=_recognize,
    read=_read,
    write=_write,
)
