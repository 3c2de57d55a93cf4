"""Experiment 2 (thesis 4.3): training on real videos, evaluated on the synthetic video."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from siamfc.crops.curation import curate
from siamfc.crops.store import Store
from siamfc.datasets.readers import open_dataset
from siamfc.datasets.sequences import Video
from siamfc.errors import InputError
from siamfc.experiments import thesis
from siamfc.experiments.charts import error_charts, offset_charts, strips
from siamfc.experiments.folder import PAGE, ExperimentFolder
from siamfc.experiments.pages import Block, Page, Row, Section, Table, Text, render
from siamfc.experiments.sizes import procedural_recipe, real_recipe
from siamfc.experiments.steps import Options, Training, train, training_charts, training_facts
from siamfc.experiments.tracks import ExperimentTracker, summarize, track_sequences
from siamfc.experiments.videos import synthetic_sequences, video_name
from siamfc.report import Study, make_study
from siamfc.report.page_template import signed
from siamfc.tracking import one_scale
from siamfc.training.recipes import Recipe
from siamfc.training.sources import training_source
from siamfc.workers import Workers

VID, STORES, PROCEDURAL = "trained on VID", "trained on stores", "trained on procedural pairs"
"""Names of the tracker, by its training data."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Training data of experiment 2: VID, stores, or, if neither is given, procedural pairs."""

    vid: Path | None = None
    """Root of ILSVRC VID, which is curated into the experiment's folder."""
    stores: Sequence[Path] = ()
    """Stores of any data sets, written by `siamfc curate`."""
    workers: int = 1
    """Number of processes that curate."""

    def __post_init__(self) -> None:
        if self.vid is not None and self.stores:
            raise InputError("expected either the root of VID or stores, got both")

    @property
    def title(self) -> str:
        """Name of the trained tracker."""
        return VID if self.vid is not None else STORES if self.stores else PROCEDURAL


def run_second(out: Path, options: Options, source: Source | None = None) -> dict[str, Any]:
    """Run or resume experiment 2 in a folder, and write its page.

    Args:
        out: the folder; see `siamfc.experiments.folder`. VID's store is `out/store`.
        options: size, device, progress messages.
        source: training data.

    Returns:
        The content of `results.json`.

    Raises:
        DatasetError: VID is not at its root, there are too few videos, or a store is invalid.
        OutputError: the folder contains something else, or another experiment.
        NotFiniteError: the training loss is no longer a number.
    """
    source = source or Source()
    inputs = {
        "experiment": 2,
        **options.inputs,
        "vid": None if source.vid is None else str(source.vid.absolute()),
        "stores": [str(path.absolute()) for path in source.stores],
    }
    videos = [] if source.vid is None else open_dataset("vid", source.vid.absolute())
    default = procedural_recipe if source.title == PROCEDURAL else real_recipe
    recipe = options.recipe or default(options.size)
    stores = list(source.stores)
    _check(stores, recipe)
    folder = ExperimentFolder(out, inputs)
    with folder.opened():
        if source.vid is not None:
            options.on_message(f"curating {len(videos)} videos")
            stores = [_curate(videos, source.vid, out / "store", workers=source.workers)]
        contents = [_describe(path) for path in stores]
        training = train(recipe, folder, options, stores=stores)
        sequences = synthetic_sequences(out / "videos", options.extent.video_frames)
        options.on_message(f"tracking: {source.title}")
        tracker = ExperimentTracker(
            name=source.title, key="real", weights=training.weights, settings=one_scale()
        )
        tracked = [track_sequences(tracker, sequences, out / "tracks", device=options.device)]
        study = make_study(tracked, sequences, title="synthetic videos")
        first_video = make_study(tracked, sequences[:1], title=video_name(4))
        results = {
            "size": options.size,
            "source": source.title,
            "stores": contents,
            "best_epoch": training.best["epoch"],
            "epochs": training.epochs,
            "videos": summarize(study),
            "page": str(out / PAGE),
        }
        page = Page(
            title="Experiment 2: real videos",
            lead=_introduction(source, study),
            sections=(
                _training_section(contents, training),
                _accuracy_section(study, first_video),
            ),
            provenance=(("size", options.size), *training_facts(training)),
        )
        folder.finish(render(page), results)
    return results


def _check(stores: Sequence[Path], recipe: Recipe) -> None:
    """Reject stores that cannot be trained on, before a folder is created for them."""
    with ExitStack() as stack:
        opened = [stack.enter_context(Store(path)) for path in stores]
        if opened:
            training_source(recipe, device=torch.device("cpu"), stores=opened)


def _curate(videos: Sequence[Video], vid: Path, store: Path, *, workers: int) -> Path:
    """Fill the store, or resume filling it."""
    with Workers(workers) as several:
        curate(
            videos,
            store,
            root=vid.absolute(),
            source="vid",
            workers=several if workers > 1 else None,
        )
    return store


def _describe(path: Path) -> dict[str, Any]:
    """Return the facts about a store."""
    with Store(path) as store:
        return {
            "name": path.name,
            "videos": len({*store.video_names}),
            "tracks": len(store.video_names),
            "crops": len(store),
            "digest": store.digest,
        }


def _introduction(source: Source, study: Study) -> str:
    scores = study.entries[0].results[study.sequences[0].name].scores
    return (
        f"SiamFC {source.title} tracks the synthetic video of experiment 1: its centre error is "
        f"{scores['center_error']:.2f} pixels, compared with {thesis.CENTER_ERROR_2:.2f} for the "
        "thesis’s tracker trained on ImageNet VID."
    )


def _training_section(contents: list[dict[str, Any]], training: Training) -> Section:
    blocks: list[Block]
    if contents:
        text = f"The thesis trained on all {thesis.VID_VIDEOS:,} videos of ILSVRC VID; here:"
        rows = [
            Row(
                title=one["name"],
                cells=[f"{one[name]:,}" for name in ("videos", "tracks", "crops")],
            )
            for one in contents
        ]
        blocks = [
            Text(text=text),
            Table(caption="Stores", header=("store", "videos", "tracks", "crops"), rows=rows),
        ]
    else:
        text = (
            f"The thesis trained on all {thesis.VID_VIDEOS:,} videos of ILSVRC VID. No data set "
            "was given here, so the pairs are procedural: synthetic moving scenes without any "
            "photograph. --vid ROOT curates VID and trains on it; --data STORE trains on stores "
            "of any data sets, such as GOT-10k and LaSOT, which the thesis names as future work."
        )
        blocks = [Text(text=text)]
    best = training.best
    note = Text(
        text="In the thesis the validation loss converges close to the training loss (figure 14). "
        f"Here they are {best['validation_loss']:.4f} and {best['training_loss']:.4f} in the best "
        f"epoch, {best['epoch']} of {len(training.epochs)}; the validation pairs are from videos "
        "that training never sees."
    )
    return Section(title="Training", blocks=(*blocks, training_charts(training), note))


def _accuracy_section(study: Study, first_video: Study) -> Section:
    entry = study.entries[0]
    rows = []
    for one, row in zip(study.sequences, thesis.VIDEOS[:3], strict=True):
        scores = entry.results[one.name].scores
        offsets = (signed(scores[name]) for name in ("offset_x", "offset_y"))
        cells = (f"{row.imagenet_error:.2f}", f"{scores['center_error']:.2f}", *offsets)
        rows.append(Row(title=one.name, cells=cells))
    return Section(
        title="Accuracy",
        blocks=(
            Table(
                caption="Centre error on the synthetic videos, one scale (table 8, the first row)",
                header=("video", "thesis, px", "here, px", "right, px", "down, px"),
                rows=rows,
                note="The thesis’s numbers for 16 and 32 pixels are from table 10. Right and "
                "down: mean signed offset of the predicted centre.",
            ),
            offset_charts(first_video),
            error_charts(study),
            *strips(study),
        ),
    )
