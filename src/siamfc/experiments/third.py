"""Experiment 3 (thesis 4.4): the trackers of both trainings on nine videos."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from siamfc.datasets.sequences import Sequence as Video
from siamfc.errors import DatasetError, InputError
from siamfc.evaluation import weights_digest
from siamfc.evaluation.formats import TrackerResults
from siamfc.experiments import thesis
from siamfc.experiments.charts import error_charts, strips
from siamfc.experiments.first import SQUARES, run_first
from siamfc.experiments.folder import PAGE, RECORD, ExperimentFolder
from siamfc.experiments.pages import Block, Page, Row, Section, Table, Text, render
from siamfc.experiments.second import run_second
from siamfc.experiments.steps import TRAINING, Options
from siamfc.experiments.tracks import ExperimentTracker, summarize, track_sequences
from siamfc.experiments.videos import real_sequences, synthetic_sequences
from siamfc.network.architectures import find_architecture
from siamfc.network.loader import read_metadata
from siamfc.report import Study, make_study
from siamfc.tracking import Settings, settings_for_weights
from siamfc.training.folder import BEST, FINAL


@dataclass(frozen=True, kw_only=True)
class NamedWeights:
    """Weights to compare, with a name."""

    name: str
    weights: str | Path


@dataclass(frozen=True, kw_only=True)
class RealVideos:
    """Real videos in place of videos 4 to 9."""

    layout: str
    """The data set's layout, such as `otb`."""
    root: Path
    names: Sequence[str] = ()
    """Names of sequences; none: six at equal distances in the data set's list."""
    frames: int | None = None
    """Number of first frames to track in each; None: all."""
    scales: int = 3
    """Scales that SiamFC searches; the synthetic videos use one, as in the thesis."""


def find_weights(text: str) -> NamedWeights:
    """Parse `NAME=WEIGHTS`, or WEIGHTS alone: a name, a path, or an experiment's folder.

    Raises:
        DatasetError: the folder of an experiment whose training is unfinished.
        CheckpointError: the weights are unknown or damaged.
    """
    name, equals, rest = text.partition("=")
    if not (equals and name and rest) or Path(text).exists():
        name, rest = "", text
    weights: str | Path = rest
    if (Path(rest) / RECORD).exists():
        weights = Path(rest) / TRAINING / BEST
        if not (Path(rest) / TRAINING / FINAL).exists():
            raise DatasetError(
                f"{rest}: expected an experiment with a finished training: run it again first"
            )
    weights_digest(weights)
    return NamedWeights(name=name or Path(rest).name.removesuffix(".safetensors"), weights=weights)


def run_third(
    out: Path,
    options: Options,
    *,
    weights: Sequence[NamedWeights] = (),
    real: RealVideos | None = None,
) -> dict[str, Any]:
    """Run or resume experiment 3 in a folder, and write its page.

    Args:
        out: the folder; see `siamfc.experiments.folder`.
        options: size, device, progress messages.
        weights: weights to compare; none: those of experiments 1 and 2, which are run first in
            `out/experiment_1` and `out/experiment_2`.
        real: videos 4 to 9; None: only the synthetic ones.

    Returns:
        The content of `results.json`.

    Raises:
        InputError: two weights with one name; an unknown sequence.
        DatasetError: there is no such data set, or a sequence could not be tracked to its end.
        OutputError: the folder contains something else, or another experiment.
    """
    names = [one.name for one in weights]
    if len({*names}) < len(names):
        raise InputError(f"weights: expected a name for each, got {', '.join(names)}")
    videos: list[Video] = []
    if real is not None:
        videos = real_sequences(real.layout, real.root, names=real.names, frames=real.frames)
    inputs = {
        "experiment": 3,
        **options.inputs,
        "weights": {one.name: weights_digest(one.weights) for one in weights},
        "real": None if real is None else _describe(real, videos),
    }
    folder = ExperimentFolder(out, inputs)
    with folder.opened():
        chosen = list(weights) or _train_both(out, options)
        squares = synthetic_sequences(out / "videos", options.extent.video_frames)
        tracked = [
            _track_all(one, number, squares, videos, real, out, options)
            for number, one in enumerate(chosen, 1)
        ]
        study = make_study(tracked, [*squares, *videos], title="nine videos")
        results = {
            "size": options.size,
            "videos": summarize(study),
            "page": str(out / PAGE),
        }
        page = Page(
            title="Experiment 3: trackers compared",
            lead=f"Centre errors of {' and '.join(one.name for one in chosen)} on "
            f"{len(study.sequences)} videos, compared with the thesis’s.",
            sections=_sections(study, real),
            provenance=[
                ("size", options.size),
                *((one.name, weights_digest(one.weights)) for one in chosen),
            ],
        )
        folder.finish(render(page), results)
    return results


def _describe(real: RealVideos, videos: Sequence[Video]) -> dict[str, Any]:
    """Return the facts about the real videos that a rerun must have in common."""
    return {
        "layout": real.layout,
        "root": str(real.root.absolute()),
        "videos": [one.name for one in videos],
        "frames": real.frames,
        "scales": real.scales,
    }


def _train_both(out: Path, options: Options) -> list[NamedWeights]:
    chosen = []
    for number, run in ((1, run_first), (2, run_second)):
        place = out / f"experiment_{number}"
        options.on_message(f"experiment {number}")
        name = run(place, options).get("source", SQUARES)
        chosen.append(NamedWeights(name=name, weights=place / TRAINING / BEST))
    return chosen


def _track_all(
    one: NamedWeights,
    number: int,
    squares: Sequence[Video],
    videos: Sequence[Video],
    real: RealVideos | None,
    out: Path,
    options: Options,
) -> TrackerResults:
    """Track the synthetic videos with one scale and the real ones with several."""
    options.on_message(f"tracking: {one.name}")
    tracker = ExperimentTracker(
        name=one.name, key=f"{number}-squares", weights=one.weights, settings=_settings(one, 1)
    )
    results = track_sequences(tracker, squares, out / "tracks", device=options.device)
    if real is None:
        return results
    tracker = replace(tracker, key=f"{number}-real", settings=_settings(one, real.scales))
    more = track_sequences(tracker, videos, out / "tracks", device=options.device)
    return replace(results, tracks={**results.tracks, **more.tracks})


def _settings(one: NamedWeights, scales: int) -> Settings:
    """Return settings with that many scales; a network that predicts boxes has its defaults."""
    architecture = find_architecture(read_metadata(one.weights).architecture)
    predicts_boxes = architecture.layout is not None
    return settings_for_weights(one.weights, None if predicts_boxes else scales)


def _sections(study: Study, real: RealVideos | None) -> list[Section]:
    blocks: list[Block] = [_video_table(study), _error_table(study)]
    if real is None:
        blocks.append(
            Text(text="Videos 4 to 9 are real: --videos FORMAT ROOT uses six of a data set.")
        )
    else:
        shown = "all frames" if real.frames is None else f"the first {real.frames} frames at most"
        plural = "s" if real.scales > 1 else ""
        blocks.append(
            Text(
                text=f"The real videos are from the folder {real.root.name}, {shown} of each. "
                f"SiamFC uses {real.scales} scale{plural} there; a network that predicts boxes "
                "needs none. The thesis used other videos, so its numbers only show the order of "
                "magnitude."
            )
        )
        blocks.append(_score_table(study))
    return [
        Section(title="Nine videos", blocks=blocks),
        Section(title="Over time", blocks=(error_charts(study),)),
        Section(title="Snapshots", blocks=strips(study)),
    ]


def _video_table(study: Study) -> Table:
    rows = []
    for number, one in enumerate(study.sequences):
        row = thesis.VIDEOS[number] if number < len(thesis.VIDEOS) else None
        known = (
            (row.source, row.description, row.appearance, row.motion, str(row.frames), row.size)
            if row
            else ("–",) * 6
        )
        rows.append(Row(title=f"Video {number + 1}: {one.name}", cells=(*known, str(len(one)))))
    return Table(
        caption="The videos here, and those of the thesis in their place (table 9)",
        header=(
            "here", "thesis’s source", "what it shows", "appearance changes", "motion",
            "frames", "pixels", "frames here",
        ),
        rows=rows,
        words=4,
    )  # fmt: skip


def _error_table(study: Study) -> Table:
    rows = []
    for number, one in enumerate(study.sequences):
        row = thesis.VIDEOS[number] if number < len(thesis.VIDEOS) else None
        errors = (entry.results[one.name].scores["center_error"] for entry in study.entries)
        published = (row.synthetic_error, row.imagenet_error) if row else ()
        shown = [f"{value:.2f}" for value in published] or ["–", "–"]
        cells = (*shown, *(f"{value:.2f}" for value in errors))
        rows.append(Row(title=f"Video {number + 1}: {one.name}", cells=cells))
    return Table(
        caption="Centre error, pixels (table 10)",
        header=(
            "video",
            "thesis, squares",
            "thesis, ImageNet",
            *(entry.name for entry in study.entries),
        ),
        rows=rows,
    )


def _score_table(study: Study) -> Table:
    rows = [
        Row(
            title=one.name,
            cells=[
                f"{entry.results[one.name].scores[name]:.3f}"
                for entry in study.entries
                for name in ("auc", "precision")
            ],
        )
        for one in study.sequences
    ]
    return Table(
        caption="AUC, and precision at 20 pixels, by the rules of OTB",
        header=(
            "video",
            *(f"{entry.name}, {name}" for entry in study.entries for name in ("AUC", "precision")),
        ),
        rows=rows,
    )
