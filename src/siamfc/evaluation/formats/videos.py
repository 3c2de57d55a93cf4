"""Targets of videos and their numbers, for formats with one file per video."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from siamfc.datasets.sequences import Sequence
from siamfc.evaluation.formats.collector import ResultCollector
from siamfc.evaluation.runs import RunRecord


class Target(NamedTuple):
    """A sequence as one of the targets of its video."""

    number: str
    """Number of the target in the video's file."""
    sequence: Sequence
    track: RunRecord


def by_video(sequences: Iterable[Sequence]) -> dict[str, dict[str, Sequence]]:
    """Group sequences by video, then by target: the suffix after the video's name, or `1`.

    `Jogging-2` of the video `Jogging` is its target `2`.
    """
    videos: dict[str, dict[str, Sequence]] = {}
    for one in sequences:
        target = one.name.removeprefix(one.video).lstrip("/-_.") or "1"
        videos.setdefault(one.video, {})[target] = one
    return videos


def target_number(target: str, place: int) -> str:
    """Return a target's number: its name if that is a number, else its position, from 1."""
    return target if target.isdigit() else str(place)


def targets_by_video(tracks: Iterable[tuple[Sequence, RunRecord]]) -> dict[str, list[Target]]:
    """Group tracks by video."""
    by_name = {sequence.name: (sequence, track) for sequence, track in tracks}
    return {
        video: [
            Target(target_number(target, place), *by_name[sequence.name])
            for place, (target, sequence) in enumerate(targets.items(), 1)
        ]
        for video, targets in by_video(sequence for sequence, _ in by_name.values()).items()
    }


def video_files(
    folder: Path, suffix: str, collected: ResultCollector
) -> Iterator[tuple[Path, dict[str, Sequence]]]:
    """Yield the files of the data set's videos, with their targets; other files are noted."""
    videos = by_video(collected.sequences)
    for path in sorted(folder.rglob(f"*{suffix}")):
        video = path.relative_to(folder).with_suffix("").as_posix()
        if video in videos:
            yield path, videos[video]
        else:
            collected.unknown.append(video)
