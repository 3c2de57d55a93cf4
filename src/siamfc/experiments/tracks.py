"""Tracking of an experiment's videos: saved tracks and their summary."""

import math
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from siamfc.datasets.sequences import Sequence
from siamfc.errors import DatasetError
from siamfc.evaluation import PretrainedTracker, ResultFolder, describe_run
from siamfc.evaluation.evaluations import collect_tracks
from siamfc.evaluation.formats import TrackerResults
from siamfc.evaluation.runs import one_pass
from siamfc.report import Study
from siamfc.tracking import Settings, SiamFCSettings


@dataclass(frozen=True, kw_only=True)
class ExperimentTracker:
    """A tracker in an experiment."""

    name: str
    """Name in tables."""
    key: str
    """Name of its folder."""
    weights: Path | str
    """A name that `siamfc models` lists, or a path."""
    settings: Settings = field(default_factory=SiamFCSettings)


def track_sequences(
    entry: ExperimentTracker,
    sequences: AbstractSequence[Sequence],
    folder: Path,
    *,
    device: str = "auto",
) -> TrackerResults:
    """Track each sequence once and save the tracks; existing ones are not tracked again.

    Raises:
        DatasetError: the tracker could not track a sequence to its end.
        OutputError: there are tracks of other weights or settings.
    """
    factory = PretrainedTracker(weights=entry.weights, device=device, settings=entry.settings)
    record = describe_run(factory.record(), {"format": "experiment"}, weights=str(entry.weights))
    results = ResultFolder(path=folder / entry.key, record=record)
    runs = [one_pass(one) for one in sequences]
    tracks = collect_tracks(factory, runs, results=results)
    for one in sequences:
        if tracks[one.name].failure is not None:
            raise DatasetError(f"{one.name}: {entry.name}: {tracks[one.name].failure}")
    return TrackerResults(
        name=entry.name, path=results.path, format="siamfc", tracks=tracks, record=record
    )


def summarize(study: Study) -> dict[str, Any]:
    """Return centre error and mean signed offset in pixels, by tracker, then by sequence."""
    names = ("center_error", "offset_x", "offset_y", "auc", "precision")
    return {
        entry.name: {
            one.name: {name: _finite(entry.results[one.name].scores[name]) for name in names}
            for one in study.sequences
        }
        for entry in study.entries
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
