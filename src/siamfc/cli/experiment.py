"""`siamfc experiment`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from siamfc.cli.console import print_json, print_table
from siamfc.cli.parameters import Device, Flag
from siamfc.cli.usage import UsageError
from siamfc.errors import MissingDependencyError

if TYPE_CHECKING:
    from siamfc.experiments.steps import Options

_SECOND = Group("Experiment 2", sort_key=1)
_THIRD = Group("Experiment 3", sort_key=2)


def experiment(
    number: int,
    /,
    *,
    out: Annotated[Path, Parameter(alias="-o")],
    size: Literal["full", "gpu", "tiny"] | None = None,
    device: Device = "auto",
    json: Flag = False,
    vid: Annotated[Path | None, Parameter(group=_SECOND)] = None,
    data: Annotated[list[Path] | None, Parameter(group=_SECOND, negative=())] = None,
    workers: Annotated[int, Parameter(group=_SECOND)] = 1,
    weights: Annotated[list[str] | None, Parameter(group=_THIRD, negative=())] = None,
    videos: Annotated[tuple[str, Path] | None, Parameter(group=_THIRD, negative=())] = None,
    sequence: Annotated[list[str] | None, Parameter(group=_THIRD, negative=())] = None,
    frames: Annotated[int | None, Parameter(group=_THIRD)] = None,
    scales: Annotated[int, Parameter(group=_THIRD)] = 3,
) -> int:
    """Repeat an experiment of the thesis, its tables beside ours.

    Stopped or killed and started again, the same command goes on where it was. The page,
    OUT/index.html, is one file and needs no network; OUT/results.json has its numbers.

    Parameters
    ----------
    number
        1: trained on synthetic squares. 2: trained on real videos. 3: the trackers of both on
        nine videos.
    out
        Folder of the experiment.
    size
        full: the thesis's own, hours on a GPU. gpu: minutes on one GPU. tiny: minutes on two cores,
        to see that it works. By default gpu where torch finds one, otherwise tiny.
    device
        Where the network is trained and tracks.
    json
        Print one JSON object instead of a table.
    vid
        Root of ILSVRC VID, which is curated into OUT/store and trained on.
    data
        A store that `siamfc curate` wrote, to train on; may be given several times. Without --vid
        and --data, procedural pairs are trained on.
    workers
        Processes that curate.
    weights
        [NAME=]WEIGHTS: a name that `siamfc models` lists, a checkpoint, or the folder of experiment
        1 or 2; may be given several times. Without any, experiments 1 and 2 are run first.
    videos
        FORMAT ROOT: a data set for videos 4 to 9, such as otb and its folder.
    sequence
        One of its sequences; may be given several times. By default six, at equal distances.
    frames
        First frames of each of them that are tracked; by default all.
    scales
        Sizes of the target that are tried in each of their frames; an odd number.
    """
    if number not in (1, 2, 3):
        raise UsageError(f"expected experiment 1, 2 or 3, got {number}")
    given = {"vid": vid, "data": data, "weights": weights, "videos": videos, "sequence": sequence}
    _refuse_others(number, {**given, "frames": frames})
    if videos is None and (sequence or frames is not None):
        raise UsageError("--sequence and --frames: expected --videos FORMAT ROOT with them")
    if find_spec("torch") is None:
        raise MissingDependencyError("experiments need torch: pip install 'siamfc[train,eval]'")
    from siamfc.report import require_packages

    require_packages()
    options = _options(size, device)
    if number == 1:
        from siamfc.experiments.first import run_first

        results = run_first(out, options)
    elif number == 2:
        from siamfc.experiments.second import Source, run_second

        source = Source(vid=vid, stores=data or (), workers=workers)
        results = run_second(out, options, source)
    else:
        from siamfc.experiments.third import RealVideos, find_named, run_third

        real = None
        if videos is not None:
            layout, root = videos
            real = RealVideos(
                layout=layout, root=root, names=sequence or (), frames=frames, scales=scales
            )
        named = [find_named(text) for text in weights or ()]
        results = run_third(out, options, weights=named, real=real)
    if json:
        print_json(results)
    else:
        _print(results)
    return 0


def _refuse_others(number: int, given: dict[str, Any]) -> None:
    """Refuse options of another experiment, rather than ignore them."""
    homes = {2: ("vid", "data"), 3: ("weights", "videos", "sequence", "frames")}
    for home, names in homes.items():
        for name in names:
            if home != number and given[name] is not None:
                raise UsageError(f"--{name}: experiment {home} takes it, not experiment {number}")


def _options(size: Literal["full", "gpu", "tiny"] | None, device: str) -> "Options":
    from siamfc.experiments.steps import Options, find_device

    where = find_device(device)
    chosen = size or ("gpu" if where.type == "cuda" else "tiny")
    if size is None:
        print(f"experiment: size {chosen}", file=sys.stderr)
    return Options(
        size=chosen,
        device=device,
        tell=lambda text: print(f"experiment: {text}", file=sys.stderr),
    )


def _print(results: dict[str, Any]) -> None:
    rows = [
        [
            f"{tracker}: {video}",
            *(f"{scores[name]:.2f}" for name in ("center_error", "offset_x", "offset_y")),
        ]
        for tracker, videos in results["videos"].items()
        for video, scores in videos.items()
    ]
    print_table(["tracker and video", "centre error, px", "right, px", "down, px"], rows)
    print(f"\n{results['page']}")
