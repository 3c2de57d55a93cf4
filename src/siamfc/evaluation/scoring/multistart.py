"""VOT's multi-start protocol, since 2020: runs from anchors in the sequence, forwards or backwards.

From Kristan et al., ECCVW 2020 and vot-toolkit (`MultiStartExperiment`, `vot.analysis.multistart`).
A tracker is initialised at each anchor and runs without help; it has failed once its overlap stays
low for ten frames.
"""

from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.boxes import is_absent
from siamfc.datasets.sequences import Sequence
from siamfc.errors import InputError
from siamfc.evaluation.runs import Pass, RunRecord
from siamfc.evaluation.scoring.vot import anchor_eao_curve, eao, raster_overlap


@dataclass(frozen=True, kw_only=True)
class MultiStart:
    """Settings of the protocol; the defaults are those of VOT2022's boxes."""

    spacing: int = 50
    """Frames between anchors, for a data set without its own."""
    threshold: float = 0.1
    """Overlap up to which a frame is bad."""
    grace: int = 10
    """Consecutive bad frames that make a failure at the first of them."""
    low: int = 115
    high: int = 755
    """Sequence lengths, in frames, between which the expected overlap is averaged."""

    def __post_init__(self) -> None:
        if self.spacing < 1 or self.grace < 1 or not 1 <= self.low < self.high:
            raise InputError(
                "multi-start: expected spacing ≥ 1, grace ≥ 1 and 1 ≤ low < high, got "
                f"{self.spacing}, {self.grace}, {self.low} and {self.high}"
            )


def anchors(sequence: Sequence, spacing: int) -> list[tuple[int, bool]]:
    """Starting frames, each with whether to go backwards from it; forward ones first.

    Anchors are the data set's `anchor` values: positive forwards, negative backwards. Without them
    they are placed as VOT2020 placed its own: every `spacing` frames and in the last, each in the
    direction of the longer remainder. An anchor without a ground-truth box moves to the next frame
    that has one, in its direction.
    """
    given = sequence.values.get("anchor", np.zeros(0))
    if (given != 0).any():
        places = [(int(frame), bool(given[frame] < 0)) for frame in np.flatnonzero(given)]
    else:
        last = len(sequence) - 1
        frames = sorted({*range(0, last, spacing), last})
        places = [(frame, frame > last / 2) for frame in frames]
    annotated = sequence.annotated
    usable: dict[tuple[int, bool], None] = {}
    for frame, backwards in places:
        order = range(frame, -1, -1) if backwards else range(frame, len(sequence))
        start = next((index for index in order if annotated[index]), None)
        if start is not None:
            usable[start, backwards] = None
    return sorted(usable, key=lambda place: (place[1], place[0]))


def multi_start_runs(sequence: Sequence, settings: MultiStart) -> list[Pass]:
    """Return a run from each anchor to the end of the sequence in the anchor's direction."""
    places = anchors(sequence, settings.spacing) or [(0, False)]
    return [
        Pass(
            sequence=sequence,
            name=f"{sequence.name}/{'backward' if backwards else 'forward'}_{frame:08d}",
            frames=range(frame, -1, -1) if backwards else range(frame, len(sequence)),
        )
        for frame, backwards in places
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class AnchorResult:
    """Result of a run from an anchor."""

    overlaps: FloatArray
    """(F,) in whole pixels; 0 in the first frame."""
    progress: int
    """Frames before the failure, or all."""

    @property
    def failed(self) -> bool:
        """True if the target was lost."""
        return self.progress < len(self.overlaps)


def anchor_result(
    run: Pass, track: RunRecord, size: tuple[int, int], settings: MultiStart
) -> AnchorResult:
    """Compare a track from an anchor with the ground truth.

    As in the toolkit, the first frame's overlap is 0, and so it counts as a bad one.
    """
    truth = run.truth(track)
    overlaps = raster_overlap(track.boxes, truth, size)
    overlaps[0] = 0.0
    bad = (overlaps <= settings.threshold) & ~is_absent(truth)
    progress = len(overlaps)
    in_a_row = 0
    for frame, one in enumerate(bad):
        in_a_row = in_a_row + 1 if one else 0
        if in_a_row == settings.grace:
            progress = frame + 1 - settings.grace
            break
    return AnchorResult(overlaps=overlaps, progress=progress)


def score_multi_start(
    sequences: AbstractSequence[tuple[int, AbstractSequence[AnchorResult]]], settings: MultiStart
) -> dict[str, float]:
    """Accuracy, robustness and expected average overlap of sequences.

    A sequence's robustness is the fraction of the frames of all its runs before their failures, its
    accuracy the mean overlap in these. Over sequences, robustness is weighted by length and
    accuracy by frames before failures, as in `AverageAccuracyRobustness` of vot-toolkit. The
    expected overlap, as there, is 0 at lengths that no run reaches. Deviation: if none reaches even
    `low`, it is NaN.

    Args:
        sequences: each sequence's length in frames and the results of its runs.
        settings: of the protocol.
    """
    overlap_sums, progress, robustness = [], [], []
    for _, results in sequences:
        overlap_sums.append(sum(float(one.overlaps[: one.progress].sum()) for one in results))
        progress.append(sum(one.progress for one in results))
        robustness.append(progress[-1] / sum(len(one.overlaps) for one in results))
    runs = [result for _, results in sequences for result in results]
    overlaps = [
        np.where(np.arange(len(one.overlaps)) < one.progress, one.overlaps, 0.0) for one in runs
    ]
    curve, active = anchor_eao_curve(overlaps, [one.failed for one in runs], settings.high)
    known = bool(active[settings.low :].any())
    return {
        "accuracy": sum(overlap_sums) / sum(progress) if sum(progress) else 0.0,
        "robustness": float(np.average(robustness, weights=[length for length, _ in sequences])),
        "eao": eao(curve, settings.low, settings.high) if known else float("nan"),
    }
