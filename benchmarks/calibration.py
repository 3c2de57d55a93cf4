"""Reliability of the score of a network that predicts boxes, and its calibration.

    python benchmarks/calibration.py --out build/calibration --sequences FOLDER

Tracks procedural videos of four kinds (`benchmarks/hard_videos.py`) and, where a folder is given,
real sequences in the layout of OTB. Kinds with a twin of the target are left out by default: what
looks the same must score the same, and the fit would take the blame for it.

A frame is right if its box overlaps the true one by more than half; one whose target is hidden or
away cannot be right. Slope and offset of the calibration are fitted to all procedural frames; the
real ones only confirm. As videos of what is hard have many more wrong boxes than others, frames are
weighted so that as many are right as in the plain videos. The error after calibration is of
procedural videos that the fit had not seen: each half is judged by a fit to the other.

That tracker hardly ever takes a frame into the exemplar or finds a target elsewhere, since both ask
for scores that are nearly 1. With the calibration it does, and all is tracked again: `as tracked`
says what the score is worth then.

It also prints, by thresholds on the calibrated score, how many frames would count as lost: from
this the defaults of `LightSettings.lost` were chosen. `reliability.png` in --out shows all.
`--write FOLDER` exports the weights with the calibration, in place if they are that folder's.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from hard_videos import KINDS, write_videos

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.evaluation.runs import one_pass
from siamfc.evaluation.scoring.calibration import (
    RIGHT,
    balance,
    fit_calibration,
    measure_reliability,
)
from siamfc.evaluation.scoring.metrics import overlap
from siamfc.network import export_weights, load_checkpoint, load_matcher
from siamfc.network.calibration import Calibration, sigmoid
from siamfc.network.matcher import predicts_boxes
from siamfc.tracking import Tracker

USED = ("plain", "hidden", "away", "cut")
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Frames(NamedTuple):
    """All frames but the first of some videos, F in all."""

    logits: NDArray[np.float64]
    """(F,)"""
    overlaps: NDArray[np.float64]
    """(F,) with the true box; NaN where the target cannot be seen."""
    video: NDArray[np.int64]
    """(F,) number of the video within its group."""

    @property
    def right(self) -> NDArray[np.bool_]:
        """True where the box is right, (F,)."""
        return np.nan_to_num(self.overlaps) > RIGHT

    def take(self, rows: NDArray[np.bool_]) -> "Frames":
        """Some of the frames."""
        return Frames(*(table[rows] for table in self))


def track_frames(sequences: list[Sequence], tracker: Tracker) -> Frames:
    """Follow each sequence's target once; logits are those of the tracker's score."""
    parts = []
    for number, sequence in enumerate(sequences):
        track = one_pass(sequence).perform(tracker)
        if track.failure:
            raise SystemExit(f"{sequence.name}: {track.failure}")
        scores = track.scores[1:]
        logits = np.log(scores) - np.log1p(-scores)
        overlaps = overlap(track.boxes, sequence.boxes)[1:]
        parts.append(Frames(logits, overlaps, np.full(len(scores), number)))
    return join(parts)


def join(parts: list[Frames]) -> Frames:
    """The frames of several groups."""
    return Frames(*map(np.concatenate, zip(*parts, strict=True)))


def fit(frames: Frames, share: float) -> Calibration:
    """Fit to frames of which this share is taken to be right."""
    return fit_calibration(frames.logits, frames.right, balance(frames.right, share))


def cross_fitted(frames: Frames, share: float) -> NDArray[np.float64]:
    """Chances (F,), those of each half of the videos by a fit to the other half."""
    chances = np.empty(len(frames.logits))
    for half in (0, 1):
        judged = frames.video % 2 == half
        chances[judged] = fit(frames.take(~judged), share).probability(frames.logits[judged])
    return chances


def judge(
    chances: NDArray[np.float64], frames: Frames, share: float | None = None
) -> dict[str, Any]:
    """Reliability and Brier score of chances (F,), where this fraction of the boxes is right."""
    weights = np.ones(len(chances)) if share is None else balance(frames.right, share)
    found = measure_reliability(chances, frames.right, weights)
    return {
        "frames": len(chances),
        "error": found.error,
        "brier": float(np.average((chances - frames.right) ** 2, weights=weights)),
        "score": float(np.average(chances, weights=weights)),
        "right": float(np.average(frames.right, weights=weights)),
        "parts": {
            "weight": found.weight.tolist(),
            "score": found.score.tolist(),
            "right": found.right.tolist(),
        },
    }


def judge_thresholds(chances: NDArray[np.float64], frames: Frames) -> Iterator[dict[str, float]]:
    """Shares of frames below each threshold: right, wrong though seen, not to be seen."""
    seen = np.isfinite(frames.overlaps)
    groups = {"right": frames.right, "wrong": seen & ~frames.right, "unseen": ~seen}
    for threshold in THRESHOLDS:
        below = chances < threshold
        shares = {name: float(below[rows].mean()) for name, rows in groups.items() if rows.any()}
        yield {"below": threshold, **shares}


def draw(groups: dict[str, tuple[dict[str, Any], dict[str, Any]]], path: Path) -> None:
    """Plot reliability before and after, and how many frames have which score."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(groups), 4.8), layout="constrained")
    panels = figure.subplots(2, len(groups), sharex=True, squeeze=False, height_ratios=(3, 1))
    for column, (name, judged) in enumerate(groups.items()):
        upper, lower = panels[:, column]
        upper.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        styles = (("before", "tab:orange", "o--"), ("after", "tab:blue", "s-"))
        for (label, color, style), found in zip(styles, judged, strict=True):
            legend = f"{label}: error {found['error']:.3f}"
            parts = found["parts"]
            upper.plot(parts["score"], parts["right"], style, color=color, ms=4, label=legend)
            lower.plot(parts["score"], parts["weight"], style, color=color, ms=3)
        upper.set(title=name, ylim=(-0.02, 1.02), xlim=(0, 1))
        upper.legend(frameon=False, loc="upper left", fontsize=9)
        lower.set(xlabel="score", ylim=(0, None))
        for axes in (upper, lower):
            axes.grid(alpha=0.25)
    panels[0, 0].set_ylabel("fraction of boxes that are right")
    panels[1, 0].set_ylabel("fraction of frames")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def make_videos(options: argparse.Namespace) -> dict[str, list[Sequence]]:
    """Procedural videos by kind, written once."""
    return {
        kind: write_videos(
            options.out / "videos", kind, options.videos, options.frames,
            device=options.device, seed=options.seed + KINDS.index(kind),
        )
        for kind in options.kinds
    }  # fmt: skip


def write_calibrated(weights: str, result: dict[str, Any], folder: Path) -> None:
    """Export weights with the calibration that was found, to three digits."""
    checkpoint = load_checkpoint(weights)
    found, basis = result["calibration"], result["groups"]["procedural"]["after"]
    metadata = replace(
        checkpoint.metadata,
        calibration=Calibration(**{name: round(value, 3) for name, value in found.items()}),
        card={
            **checkpoint.metadata.card,
            "calibrated_on": f"{basis['frames']} frames of procedural videos, weighted so that "
            f"{basis['right']:.2f} of the boxes are right (benchmarks/calibration.py)",
        },
    )
    export_weights(replace(checkpoint, metadata=metadata), folder, overwrite=True)


def main() -> None:
    """Draw, track, fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of videos and results")
    parser.add_argument("--sequences", type=Path, help="real sequences in the layout of OTB")
    parser.add_argument("--weights", default="light", help="a name or a path")
    parser.add_argument("--device", default="cpu", help="what draws the videos")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(USED))
    parser.add_argument("--videos", type=int, default=10, help="of each kind")
    parser.add_argument("--frames", type=int, default=60, help="of each video")
    parser.add_argument("--seed", type=int, default=4711, help="of the first kind's videos")
    parser.add_argument("--write", type=Path, help="folder to export calibrated weights to")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if "plain" not in options.kinds:
        parser.error("--kinds: expected plain among them: it says how many boxes are right")

    matcher = load_matcher(options.weights, device="cpu")
    if not predicts_boxes(matcher):
        raise SystemExit(f"weights {options.weights!r}: expected a network that gives boxes")
    present = matcher.calibration
    matcher.calibration = Calibration()
    tracker = Tracker(matcher)
    videos = make_videos(options)
    kinds = {k: track_frames(s, tracker) for k, s in videos.items()}
    drawn = join(list(kinds.values()))
    share = float(kinds["plain"].right.mean())
    raw, found = Calibration(), fit(drawn, share)
    pictures = {
        "procedural": (
            judge(raw.probability(drawn.logits), drawn, share),
            judge(cross_fitted(drawn, share), drawn, share),
        )
    }
    real = []
    if options.sequences is not None:
        real = list(read_sequences(find_format("otb").open(options.sequences)))
        frames = track_frames(real, tracker)
        pictures["real"] = tuple(judge(c.probability(frames.logits), frames) for c in (raw, found))
    matcher.calibration = found
    again = {"procedural": track_frames(list(chain(*videos.values())), tracker)}
    if real:
        again["real"] = track_frames(real, tracker)
    result = {
        "calibration": asdict(found),
        "weights say": asdict(present),
        "groups": {
            name: dict(zip(("before", "after"), pair, strict=True))
            for name, pair in pictures.items()
        },
        "as tracked": {
            name: judge(sigmoid(f.logits), f, share if name == "procedural" else None)
            for name, f in again.items()
        },
        "kinds": {name: judge(found.probability(f.logits), f) for name, f in kinds.items()},
        "thresholds": list(judge_thresholds(found.probability(drawn.logits), drawn)),
    }
    draw(pictures, options.out / "reliability.png")
    if options.write is not None:
        write_calibrated(options.weights, result, options.write)
    print(json.dumps(result) if options.json else describe(result))


def describe(result: dict[str, Any]) -> str:
    """The result as text."""
    found = result["calibration"]
    lines = [f"slope {found['slope']:.3f}, offset {found['offset']:.3f}"]
    judged = {
        **{f"{n}, {when}": r for n, pair in result["groups"].items() for when, r in pair.items()},
        **{f"{name}, as tracked": row for name, row in result["as tracked"].items()},
        **{f"{name}, after": row for name, row in result["kinds"].items()},
    }
    for name, row in judged.items():
        lines.append(
            f"{name:22s} {row['frames']:6d} frames, score {row['score']:.3f}, right "
            f"{row['right']:.3f}, calibration error {row['error']:.3f}, Brier {row['brier']:.3f}"
        )
    for row in result["thresholds"]:
        shares = ", ".join(f"{name} {row[name]:.3f}" for name in row if name != "below")
        lines.append(f"below {row['below']:.2f}: {shares}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
