"""`siamfc experiment`."""

import sys
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from siamfc.cli.console import print_json, print_table
from siamfc.cli.parameters import Device, Json, Out, Whole
from siamfc.cli.usage import UsageError
from siamfc.errors import MissingDependencyError, install_command

if TYPE_CHECKING:
    from siamfc.experiments.steps import Options

SizeName = Literal["full", "gpu", "tiny"]
SeveralTexts = Annotated[list[str] | None, Parameter(negative=())]


@Parameter(name="*", group=Group("Experiment 2", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Training data of experiment 2."""

    vid: Path | None = None
    """Root of ILSVRC VID, which is curated into OUT/store and trained on."""
    data: Annotated[list[Path] | None, Parameter(negative=())] = None
    """A store written by `siamfc curate` to train on; may be given several times. Without --vid and
    --data, training uses procedural pairs.
    """
    workers: Whole = 1
    """Number of processes that curate."""


@Parameter(name="*", group=Group("Experiment 3", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class TrackingOptions:
    """Videos and weights of experiment 3."""

    weights: SeveralTexts = None
    """[NAME=]WEIGHTS: a name that `siamfc models` lists, a checkpoint, or the folder of experiment
    1 or 2; may be given several times. Without any, experiments 1 and 2 are run first.
    """
    videos: Annotated[tuple[str, Path] | None, Parameter(negative=())] = None
    """FORMAT ROOT: a data set for videos 4 to 9, such as otb and its folder."""
    sequence: SeveralTexts = None
    """One of its sequences; may be given several times. By default six, at equal distances."""
    frames: Whole | None = None
    """Number of first frames to track in each of them; by default all."""
    scales: Whole = 3
    """Scales to search in each of their frames; an odd number."""


_TRAINING, _TRACKING = TrainingOptions(), TrackingOptions()


def experiment(
    number: Whole,
    /,
    *,
    out: Out,
    size: SizeName | None = None,
    device: Device = "auto",
    json: Json = False,
    training: TrainingOptions = _TRAINING,
    tracking: TrackingOptions = _TRACKING,
) -> int:
    """Repeat an experiment of the thesis and compare its tables with ours.

    If it is stopped or killed, the same command resumes it. The page, OUT/index.html, is one file
    and needs no network; OUT/results.json has its numbers.

    Parameters
    ----------
    number
        1: trained on synthetic squares. 2: trained on real videos. 3: the trackers of both on nine
        videos.
    out
        Folder of the experiment.
    size
        full: the thesis's own, hours on a GPU. gpu: minutes on one GPU. tiny: minutes on two cores,
        to check that it works. By default gpu if torch finds one, otherwise tiny.
    device
        Device for training and tracking.
    training
        Training data of experiment 2.
    tracking
        Videos and weights of experiment 3.
    """
    if number not in (1, 2, 3):
        raise UsageError(f"expected experiment 1, 2 or 3, got {number}")
    _refuse_others(number, training, tracking)
    if tracking.videos is None and (tracking.sequence or tracking.frames is not None):
        raise UsageError("--sequence and --frames: expected --videos FORMAT ROOT with them")
    if find_spec("torch") is None:
        raise MissingDependencyError(f"experiments need torch: {install_command('train,eval')}")
    from siamfc.report import require_jinja

    require_jinja()
    options = _options(size, device)
    if number == 1:
        from siamfc.experiments.first import run_first

        results = run_first(out, options)
    elif number == 2:
        results = _run_second(out, options, training)
    else:
        results = _run_third(out, options, tracking)
    if json:
        print_json(results)
    else:
        _print(results)
    return 0


def _refuse_others(number: int, training: TrainingOptions, tracking: TrackingOptions) -> None:
    """Reject options of another experiment rather than ignore them."""
    for owner, options, defaults in ((2, training, _TRAINING), (3, tracking, _TRACKING)):
        for name in (field.name for field in fields(options)):
            if owner != number and getattr(options, name) != getattr(defaults, name):
                raise UsageError(f"--{name}: only for experiment {owner}, not experiment {number}")


def _run_second(out: Path, options: "Options", training: TrainingOptions) -> dict[str, Any]:
    from siamfc.experiments.second import Source, run_second

    source = Source(vid=training.vid, stores=training.data or (), workers=training.workers)
    return run_second(out, options, source)


def _run_third(out: Path, options: "Options", tracking: TrackingOptions) -> dict[str, Any]:
    from siamfc.experiments.third import RealVideos, find_weights, run_third

    real = None
    if tracking.videos is not None:
        layout, root = tracking.videos
        real = RealVideos(
            layout=layout,
            root=root,
            names=tracking.sequence or (),
            frames=tracking.frames,
            scales=tracking.scales,
        )
    named = [find_weights(text) for text in tracking.weights or ()]
    return run_third(out, options, weights=named, real=real)


def _options(size: SizeName | None, device: str) -> "Options":
    from siamfc.experiments.steps import Options
    from siamfc.network.devices import torch_device

    where = torch_device(device)
    chosen = size or ("gpu" if where.type == "cuda" else "tiny")
    if size is None:
        print(f"experiment: size {chosen}", file=sys.stderr)
    return Options(
        size=chosen,
        device=device,
        on_message=lambda text: print(f"experiment: {text}", file=sys.stderr),
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
