"""`siamfc curate`."""

import sys
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from siamfc.cli.console import print_json, print_table
from siamfc.cli.parameters import Flag
from siamfc.cli.progress import Progress
from siamfc.cli.usage import UsageError
from siamfc.errors import DatasetError

if TYPE_CHECKING:
    from siamfc.data.store_writer import State

_CROPS = Group("Crops", sort_key=1)
_FILTERS = Group("Filters", sort_key=2)
_OTHERWISE = Group("Instead of curating", sort_key=3)


def curate(
    format: str | None = None,  # noqa: A002 - the argument's name in the help
    root: Path | None = None,
    store: Path | None = None,
    /,
    *,
    split: str | None = None,
    workers: int = 1,
    cluster: str | None = None,
    json: Flag = False,
    max_shift: Annotated[float, Parameter(group=_CROPS)] = 8.0,
    max_stretch: Annotated[float, Parameter(group=_CROPS)] = 0.05,
    context_amount: Annotated[float, Parameter(group=_CROPS)] = 0.5,
    jpeg_quality: Annotated[int, Parameter(group=_CROPS)] = 90,
    frame_step: Annotated[int, Parameter(group=_FILTERS)] = 1,
    least_side: Annotated[float, Parameter(group=_FILTERS)] = 10.0,
    least_area_share: Annotated[float, Parameter(group=_FILTERS)] = 0.0,
    most_area_share: Annotated[float, Parameter(group=_FILTERS)] = 0.75,
    most_aspect: Annotated[float, Parameter(group=_FILTERS)] = 5.0,
    least_visibility: Annotated[float, Parameter(group=_FILTERS)] = 0.3,
    least_inside: Annotated[float, Parameter(group=_FILTERS)] = 0.5,
    check: Annotated[Flag, Parameter(group=_OTHERWISE)] = False,
    verify: Annotated[Path | None, Parameter(group=_OTHERWISE)] = None,
) -> int:
    """Cut a data set's targets out into a store for training.

    Stopped or killed and started again, it goes on where it was and ends with the same store.
    A crop has (255 + 2 · max shift) · (1 + max stretch) pixels, so that every search image that
    training cuts out of it fits.

    Parameters
    ----------
    format
        The data set's layout, such as vid; `siamfc datasets` lists them.
    root
        Its folder.
    store
        Folder of the store.
    split
        Only this part of the data set.
    workers
        Processes that decode and crop.
    cluster
        Address of a Dask scheduler, whose workers decode and crop.
    json
        Print one JSON object instead of tables.
    max_shift
        Pixels that training may shift the target by.
    max_stretch
        Share that training may enlarge the search image by.
    context_amount
        Margin about the target as a share of its width plus height.
    jpeg_quality
        Of the crops, 1 to 95.
    frame_step
        Take every n-th frame of a track.
    least_side
        Shortest side of a box in pixels.
    least_area_share
        Smallest share of the frame that a box takes.
    most_area_share
        Largest share of the frame that a box takes.
    most_aspect
        Longest ratio of a box's longer to its shorter side.
    least_visibility
        Smallest visible share, where the data set states one.
    least_inside
        Smallest share of a box that lies inside the frame.
    check
        Read the data set FORMAT ROOT and say what is wrong with it.
    verify
        Compare every entry of this store with its digest.
    """
    given = dict(locals())  # the settings are flags of the same name
    if cluster is not None and workers != 1:
        raise UsageError("expected either --workers or --cluster, got both")
    if verify is not None:
        _expect(format is None and not check, "--verify STORE and nothing else")
        return _verify(verify, json=json)
    if check:
        _expect(root is not None and store is None, "--check FORMAT ROOT")
        return _check(str(format), Path(root or ""), split, workers, cluster, json=json)
    _expect(store is not None, "FORMAT ROOT STORE")
    return _curate(given)


def _expect(fits: bool, form: str) -> None:
    if not fits:
        raise UsageError(f"expected {form}")


def _curate(given: dict[str, Any]) -> int:
    from siamfc.data.curation import curate as run
    from siamfc.data.curation_settings import CurationSettings
    from siamfc.data.readers import open_dataset
    from siamfc.workers import Workers

    names = {field.name for field in fields(CurationSettings)}
    settings = CurationSettings(**{name: given[name] for name in names & given.keys()})
    root, store, split = given["root"].absolute(), given["store"], given["split"]
    videos = open_dataset(given["format"], root, split=split)
    with Workers(given["workers"], cluster=given["cluster"]) as workers, ExitStack() as stack:
        bars: list[Progress] = []

        def show(_images: int, finished: int) -> None:
            if bars:
                bars[0].advance(finished)
                return
            if 0 < finished < len(videos):
                print(f"goes on after {finished} of {len(videos)} videos", file=sys.stderr)
            bar = Progress("curate", len(videos) - finished, unit="videos")
            bars.append(stack.enter_context(bar))

        source = f"{given['format']} {split}" if split else given["format"]
        state = run(
            videos, store, settings, root=root, source=source, workers=workers, on_chunk=show
        )
    return _report(store, state, settings.crop_size, json=given["json"])


def _report(store: Path, state: "State", crop_size: int, *, json: bool) -> int:
    from siamfc.data.curation_settings import OUTCOME_TEXTS, Outcome

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
            f"\n{store}: {kept} crops of {crop_size} pixels, {state.cursor.tracks} tracks, "
            f"{state.cursor.images} images; SHA-256 {state.digest}"
        )
    if state.problem_count:
        print(
            f"warning: {state.problem_count} parts of the data set could not be read, the first: "
            f"{state.problems[0]}; --check lists all",
            file=sys.stderr,
        )
    if not kept:
        raise DatasetError(f"{store}: expected at least one target that passes the filters, got 0")
    return 0


def _verify(store: Path, *, json: bool) -> int:
    from siamfc.data.store import Store

    with Store(store) as opened:
        count = opened.verify()
        if json:
            print_json({"store": str(store), "crops": count, "digest": opened.digest})
        else:
            print(f"{store}: {count} crops and their index are whole; SHA-256 {opened.digest}")
    return 0


def _check(
    layout: str, root: Path, split: str | None, workers: int, cluster: str | None, *, json: bool
) -> int:
    from siamfc.data.checking import check_dataset
    from siamfc.data.readers import open_dataset
    from siamfc.workers import Workers

    videos = open_dataset(layout, root.absolute(), split=split)
    with (
        Workers(workers, cluster=cluster) as processes,
        Progress("check", len(videos), unit="videos") as progress,
    ):
        report = check_dataset(videos, workers=processes, on_video=lambda _: progress.advance())
    if json:
        print_json(report.to_json())
    else:
        if report.problems:
            print_table(("sequence", "frame", "problem", "what is wrong"), report.rows())
            print()
        print(
            f"{root}: {report.videos} videos, {report.sequences} targets, {report.frames} images, "
            f"{report.boxes} boxes; {len(report.problems)} problems"
        )
    return int(bool(report.problems))
