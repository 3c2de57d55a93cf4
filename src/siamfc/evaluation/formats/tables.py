"""Results as siamfc writes them: folders of `siamfc evaluate`, and CSV and JSONL of a track."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np

from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation.formats.collector import ResultCollector, check_boxes, clean_boxes
from siamfc.evaluation.formats.layout import ResultFormat, file_for
from siamfc.evaluation.results import Record, ResultFolder, read_track
from siamfc.evaluation.runs import RunRecord
from siamfc.evaluation.scoring.schemes import ONE_PASS, SCHEMES, Scheme
from siamfc.parsers import parse_json, read_text
from siamfc.tracking.result_files import read_results, write_results
from siamfc.tracking.results import FrameResult

_MARK = "# {"


def _is_siamfc_file(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(len(_MARK)) == _MARK
    except (OSError, UnicodeDecodeError):
        return False


def _recognize_siamfc(folder: Path) -> bool:
    """Check the path, since a result file names its sequence and so its depth in the folder."""
    for path in [*folder.glob("*.csv"), *folder.glob("*/*.csv")]:
        if _is_siamfc_file(path):
            try:
                sequence = read_track(path)[0].sequence
            except DatasetError:
                return path.parent == folder
            return folder.joinpath(*f"{sequence}.csv".split("/")) == path
    return any(folder.glob("*.failed.json"))


def _read_siamfc(folder: Path, collected: ResultCollector) -> None:
    for path in sorted(folder.rglob("*.csv")):
        with collected.skipping_damaged():
            track, record = read_track(path)
            scheme = _scheme(path, record)
            if collected.scheme not in (None, scheme):
                raise DatasetError(
                    f"{path}: expected a track of {collected.scheme.title}, as in the folder's "
                    f"other files, got one of {scheme.title}"
                )
            collected.record, collected.scheme = collected.record or record, scheme
            run = collected.find_run(track.sequence)
            if run is not None:
                check_boxes(track.boxes, path, len(run))
                collected.add(
                    run.sequence,
                    track.boxes,
                    scores=track.scores,
                    seconds=track.seconds,
                    name=run.name,
                )
    for path in sorted(folder.rglob("*.failed.json")):
        with collected.skipping_damaged():
            raise DatasetError(f"{path}: the tracker failed: {_failure(path)}")


def _scheme(path: Path, record: Record) -> Scheme:
    title = record.get("protocol", ONE_PASS.title)
    found = next((scheme for scheme in SCHEMES.values() if scheme.title == title), None)
    if found is None:
        known = ", ".join(scheme.title for scheme in SCHEMES.values())
        raise DatasetError(f"{path}: expected a track of {known}, got one of {title!r}")
    return found


def _failure(path: Path) -> str:
    try:
        record = parse_json(read_text(path), where=path)
        return " ".join(str(record["failure"]).split())
    except (DatasetError, KeyError, TypeError):
        return "no reason given"


def _write_siamfc(folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]]) -> None:
    results = ResultFolder(path=folder, record={})
    for _, track in tracks:
        results.save(track)


def _read_table(folder: Path, collected: ResultCollector, *, suffix: str) -> None:
    for path in sorted(folder.glob(f"*{suffix}")):
        sequence = collected.find(path.stem)
        if sequence is None:
            continue
        with collected.skipping_damaged():
            boxes, scores = _first_target(read_results(path), path, len(sequence))
            collected.add(sequence, clean_boxes(boxes, path, len(sequence)), scores=scores)


def _first_target(
    results: list[FrameResult], path: Path, count: int
) -> tuple[np.ndarray, np.ndarray]:
    frames = [one.index for one in results]
    if frames != list(range(count)):
        raise DatasetError(f"{path}: expected frames 0 to {count - 1}, got {len(frames)} frames")
    boxes = [one.boxes[0] if len(one.boxes) else np.full(4, np.nan) for one in results]
    scores = [one.scores[0] if len(one.scores) else np.nan for one in results]
    return np.array(boxes), np.array(scores)


def _write_table(
    folder: Path, tracks: Iterable[tuple[Sequence, RunRecord]], *, suffix: str
) -> None:
    for sequence, track in tracks:
        results = (
            FrameResult(frame, np.nan, track.boxes[frame : frame + 1], track.scores[[frame]])
            for frame in range(len(track.boxes))
        )
        write_results(file_for(folder, sequence.name.replace("/", "_"), suffix), results)


def _recognize_table(suffix: str) -> Callable[[Path], bool]:
    return lambda folder: any(not _is_siamfc_file(path) for path in folder.glob(f"*{suffix}"))


SIAMFC = ResultFormat(
    name="siamfc",
    title="siamfc evaluate --out",
    tree=("<sequence>.csv (a line of JSON, the run's record, then a table)",),
    boxes="x, y, w, h, 0-based; empty fields for a missing box",
    source="siamfc.evaluation.results",
    recognize=_recognize_siamfc,
    read=_read_siamfc,
    write=_write_siamfc,
)
CSV, JSONL = (
    ResultFormat(
        name=suffix[1:],
        title=f"siamfc track --results FILE{suffix}",
        tree=(f"<sequence>{suffix}",),
        boxes="x, y, w, h, 0-based; the first of several targets is used",
        source="siamfc.tracking.results",
        recognize=_recognize_table(suffix),
        read=partial(_read_table, suffix=suffix),
        write=partial(_write_table, suffix=suffix),
    )
    for suffix in (".csv", ".jsonl")
)
