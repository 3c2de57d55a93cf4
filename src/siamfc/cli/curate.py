"""`siamfc curate`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from siamfc.cli.console import counted, print_json, print_table
from siamfc.cli.parameters import Flag, Json, Whole
from siamfc.cli.progress import Progress, resumed_progress
from siamfc.cli.usage import UsageError, make_workers
from siamfc.crops.curation_settings import OUTCOME_TEXTS, CurationSettings, Outcome
from siamfc.errors import DatasetError

if TYPE_CHECKING:
    from siamfc.crops.store_writer import State
    from siamfc.datasets.sequences import Video
    from siamfc.workers import Workers


@Parameter(name="*", group=Group("Crops", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class CropOptions:
    """Size of the crops."""

    max_shift: float = CurationSettings.max_shift
    """Largest shift of the target in training, pixels."""
    max_stretch: float = CurationSettings.max_stretch
    """Largest enlargement of the search image in training, as a fraction."""
    context_amount: float = CurationSettings.context_amount
    """Margin around the target as a fraction of its width plus height."""
    jpeg_quality: Whole = CurationSettings.jpeg_quality
    """JPEG quality of the crops, 1 to 95."""


@Parameter(name="*", group=Group("Filters", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Filters of the targets."""

    frame_step: Whole = CurationSettings.frame_step
    """Take every n-th frame of a track."""
    least_side: float = CurationSettings.least_side
    """Minimum length of a box's shorter side in pixels."""
    least_area_share: float = CurationSettings.least_area_share
    """Minimum area of a box as a fraction of the frame."""
    most_area_share: float = CurationSettings.most_area_share
    """Maximum area of a box as a fraction of the frame."""
    most_aspect: float = CurationSettings.most_aspect
    """Maximum ratio of a box's longer to its shorter side."""
    least_visibility: float = CurationSettings.least_visibility
    """Minimum visible fraction, if the data set states one."""
    least_inside: float = CurationSettings.least_inside
    """Minimum fraction of a box inside the frame."""


_CROPS, _FILTERS = CropOptions(), FilterOptions()
_OTHERWISE = Group("Instead of curating", sort_key=3)


def curate(
    format: str | None = None,
    root: Path | None = None,
    store: Path | None = None,
    /,
    *,
    split: str | None = None,
    workers: Whole = 1,
    cluster: str | None = None,
    json: Json = False,
    crops: CropOptions = _CROPS,
    filters: FilterOptions = _FILTERS,
    check: Annotated[Flag, Parameter(group=_OTHERWISE)] = False,
    verify: Annotated[Path | None, Parameter(group=_OTHERWISE)] = None,
) -> int:
    """Crop a data set's targets into a store for training.

    If it is stopped or killed, the same command resumes it and ends with the same store. A crop has
    (255 + 2 · max shift) · (1 + max stretch) pixels, enough for every search image that training
    cuts out of it.

    Parameters
    ----------
    format
        The data set's layout, such as vid; `siamfc datasets` lists them.
    root
        Its folder.
    store
        Folder of the store.
    split
        Only this split of the data set.
    workers
        Number of processes that decode and crop.
    cluster
        Address of a Dask scheduler, whose workers decode and crop.
    crops
        Size of the crops.
    filters
        Filters of the targets.
    check
        Check the data set FORMAT ROOT and list its problems.
    verify
        Compare every entry of this store with its digest.
    """
    pool = make_workers(workers, cluster)
    if verify is not None:
        if format is not None or check:
            raise UsageError("expected --verify STORE and nothing else")
        return _verify(verify, json=json)
    if format is None or root is None or (store is None) != check:
        raise UsageError("expected " + ("--check FORMAT ROOT" if check else "FORMAT ROOT STORE"))
    from siamfc.datasets.readers import open_dataset

    settings = CurationSettings(**asdict(crops), **asdict(filters))
    videos = open_dataset(format, root.absolute(), split=split)
    if store is None:
        return _check(videos, root, pool, json=json)
    source = f"{format} {split}" if split else format
    state = _cut_out(videos, store, settings, root=root.absolute(), source=source, pool=pool)
    return _report(store, state, settings.crop_size, json=json)


def _cut_out(
    videos: "Sequence[Video]",
    store: Path,
    settings: CurationSettings,
    *,
    root: Path,
    source: str,
    pool: "Workers",
) -> "State":
    from siamfc.crops.curation import curate as run

    with pool, resumed_progress("curate", len(videos), unit="videos") as advance:
        return run(
            videos,
            store,
            settings,
            root=root,
            source=source,
            workers=pool,
            on_chunk=lambda _, finished: advance(finished),
        )


def _report(store: Path, state: "State", crop_size: int, *, json: bool) -> int:
    kept = state.outcomes.get("kept", 0)
    if json:
        print_json(
            {
                "store": str(store),
                "crops": kept,
                "crop_size": crop_size,
                "tracks": state.cursor.tracks,
                "images": state.cursor.images,
                "left_out": {k: n for k, n in sorted(state.outcomes.items()) if k != "kept"},
                "problems": state.problems,
                "problem_count": state.problem_count,
                "digest": state.digest,
            }
        )
    else:
        rows = [
            (OUTCOME_TEXTS[outcome], str(state.outcomes[outcome.name.lower()]))
            for outcome in Outcome
            if outcome.name.lower() in state.outcomes
        ]
        print_table(("targets", "count"), rows)
        print(
            f"\n{store}: {counted(kept, 'crop')} of {crop_size} pixels, "
            f"{counted(state.cursor.tracks, 'track')}, {counted(state.cursor.images, 'image')}; "
            f"SHA-256 {state.digest}"
        )
    if state.problem_count:
        print(
            f"warning: {counted(state.problem_count, 'problem')} with the data set, "
            f"the first: {state.problems[0]}; --check lists all",
            file=sys.stderr,
        )
    if not kept:
        raise DatasetError(f"{store}: expected at least one target that passes the filters, got 0")
    return 0


def _verify(store: Path, *, json: bool) -> int:
    from siamfc.crops.store import Store

    with Store(store) as opened:
        count = opened.verify()
        if json:
            print_json({"store": str(store), "crops": count, "digest": opened.digest})
        else:
            print(f"{store}: {count} crops and their index are intact; SHA-256 {opened.digest}")
    return 0


def _check(videos: "Sequence[Video]", root: Path, pool: "Workers", *, json: bool) -> int:
    from siamfc.datasets.integrity import check_dataset

    with pool, Progress("check", len(videos), unit="videos") as progress:
        report = check_dataset(videos, workers=pool, on_video=lambda _: progress.advance())
    if json:
        print_json(report.to_json())
    else:
        if report.problems:
            print_table(("sequence", "frame", "problem", "details"), report.rows())
            print()
        print(
            f"{root}: {counted(report.videos, 'video')}, {counted(report.sequences, 'target')}, "
            f"{counted(report.frames, 'image')}, {counted(report.boxes, 'box', 'es')}; "
            f"{counted(len(report.problems), 'problem')}"
        )
    return int(bool(report.problems))
