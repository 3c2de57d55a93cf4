"""MOTChallenge: MOT15 to MOT20, and exports of annotation tools in the same format."""

from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from functools import partial
from pathlib import Path

from siamfc.datasets.readers.images import list_folders, list_images, match_frames
from siamfc.datasets.readers.layout import Format
from siamfc.datasets.readers.text import numbered_lines, optional_size
from siamfc.datasets.readers.tracks import Observation, gather_tracks
from siamfc.datasets.sequences import OnProblem, Sequence, Video
from siamfc.errors import DatasetError
from siamfc.parsers import parse_frame, parse_numbers, parse_whole, read_text

_OCCLUDED = 0.5
"""Visibility below which a target counts as occluded."""


def _videos(root: Path, _split: str | None) -> list[Video]:
    """List the folders with a `gt/gt.txt`: the root, its folders, or one level deeper."""
    outer = list_folders(root)
    folders = [root, *outer, *(inner for folder in outer for inner in list_folders(folder))]
    return [
        Video(name=folder.absolute().name, load=partial(_load, folder))
        for folder in folders
        if (folder / "gt" / "gt.txt").exists()
    ]


def _load(folder: Path, on_problem: OnProblem) -> Iterator[Sequence]:
    name = folder.absolute().name
    information = read_information(folder / "seqinfo.ini")
    images = list_images(folder / information.get("imdir", "img1"))
    frames = images
    if "seqlength" in information:
        try:
            length = parse_frame(information["seqlength"])
        except ValueError as error:
            raise DatasetError(f"{folder / 'seqinfo.ini'}: seqLength: {error}") from None
        frames = match_frames(images, length, video=name, on_problem=on_problem)
    yield from gather_tracks(
        _observations(folder / "gt" / "gt.txt"),
        video=name,
        frames=frames,
        frame_count=len(frames),
        on_problem=on_problem,
        size=optional_size(information.get("imwidth"), information.get("imheight")),
    )


def _observations(path: Path) -> Iterator[Observation]:
    """Read frame, id, left, top, width, height, flag, class and visibility; flag 0 is skipped."""
    for number, line in numbered_lines(path):
        try:
            frame, track, left, top, width, height, *rest = parse_numbers(line)
            frame, track = parse_frame(frame, 1), parse_whole(track, -(10**9))
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected frame,id,left,top,width,height,…, "
                f"got {line[:60]!r}"
            ) from None
        if rest and rest[0] == 0:
            continue
        visibility = rest[2] if len(rest) == 3 else float("nan")
        yield Observation(
            track=str(track),
            frame=frame - 1,
            box=(left - 1, top - 1, width, height),
            occluded=visibility < _OCCLUDED,
            visibility=visibility,
            label=f"{rest[1]:g}" if len(rest) == 3 else "",
        )


def read_information(path: Path) -> dict[str, str]:
    """Read the lines of a sequence's seqinfo.ini, by lower-case names; empty without such a file.

    Raises:
        DatasetError: the file has another form.
    """
    if not path.exists():
        return {}
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path))
        return dict(parser["Sequence"])
    except (ConfigError, KeyError):
        raise DatasetError(f"{path}: expected a section [Sequence] of key=value lines") from None


MOT = Format(
    name="mot",
    title="MOTChallenge",
    tree=(
        "<sequence>/img1/000001.jpg …",
        "<sequence>/gt/gt.txt (lines of frame,id,left,top,width,height,flag,class,visibility)",
        "<sequence>/seqinfo.ini",
    ),
    boxes="left, top, width, height and frames, 1-based: 1 is subtracted from left, top and frame",
    missing="a frame without a line of the target; lines with flag 0 are skipped",
    source="motchallenge.net/instructions",
    homepage="https://motchallenge.net, or your own annotation in this form",
    read=_videos,
)
