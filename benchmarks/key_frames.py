"""Gain from key frames, fusion, smoothing and review on real sequences.

    python benchmarks/key_frames.py FOLDER… [--weights light] [--parts 3] [--out scores.json]

Each FOLDER holds sequences in OTB's layout. Every sequence is cut into parts, and the true box at
the start of each part is a key frame. It is then tracked forwards from each key frame alone, both
ways with fusion, and with fusion and smoothing. Printed are:

- the mean AUC of each, and the differences, sequence by sequence, with the interval that holds 95 %
  of their bootstrap means;
- the fraction of bad frames (IoU below 0.5) that `review` lists in its first tenth of all frames;
- the jitter of targets that stand still: the standard deviation of white noise whose second
  differences are as large as those of the centres, in hundredths of the target's size, over frames
  whose true box is the same as in the two before; and over a made video of a still picture;
- how long fusion takes compared with forward tracking, both in this process, in turns.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from siamfc.array_types import BoolArray, FloatArray
from siamfc.boxes import center, iou, is_absent
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import Sequence, read_sequences
from siamfc.files import write_file
from siamfc.frames import open_source
from siamfc.network import load_matcher
from siamfc.network.matcher import Network
from siamfc.report.statistics import paired_difference
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.system import commit, machine
from siamfc.tracking import (
    Doubt,
    FrameRange,
    FrameResult,
    as_key_frames,
    follow,
    review,
    smooth_results,
)
from siamfc.tracking.step import Stepper
from siamfc.tracking.sweep import sweep

WAYS = ("forwards", "fused", "smoothed")
THRESHOLDS = np.linspace(0, 1, 21)
REVIEWED = 0.1
BAD = 0.5


class Tracked(NamedTuple):
    """One sequence, tracked in each way."""

    name: str
    truth: FloatArray
    """(F, 4)"""
    boxes: dict[str, FloatArray]
    """(F, 4) for each of WAYS."""
    doubts: list[Doubt]
    seconds: dict[str, float]

    @property
    def overlaps(self) -> dict[str, FloatArray]:
        """IoU (F,) of each way; NaN without a true box."""
        absent = is_absent(self.truth)
        return {
            way: np.where(absent, np.nan, np.nan_to_num(iou(boxes, self.truth)))
            for way, boxes in self.boxes.items()
        }


def track(sequence: Sequence, matcher: Network, parts: int) -> Tracked:
    """Track a sequence in each way."""
    truth = np.array(sequence.boxes, dtype=np.float64)
    present = np.flatnonzero(~is_absent(truth) & (truth[:, 2:] > 0).all(axis=1))
    starts = [len(truth) * part // parts for part in range(parts)]
    given = {int(present[present >= start][0]) for start in starts if (present >= start).any()}
    key_frames = as_key_frames({frame: truth[frame] for frame in given})
    frame_range = FrameRange(end=len(truth) - 1)
    seconds = {}
    with open_source(_folder(sequence)) as source:
        started = time.perf_counter()
        frames, stepper = frame_range.frames(source, key_frames), Stepper(matcher)
        ahead = [found.boxes[0] for _, found in sweep(frames, key_frames, stepper)]
        seconds["forwards"] = time.perf_counter() - started
        started = time.perf_counter()
        pairs = follow(source, key_frames, matcher, frame_range=frame_range)
        results = [result for _, result in pairs]
        seconds["fused"] = time.perf_counter() - started
    boxes = {
        "forwards": np.array(ahead),
        "fused": boxes_of(results),
        "smoothed": boxes_of(smooth_results(results)),
    }
    count = len(results)
    return Tracked(sequence.name, truth[:count], boxes, review(results), seconds)


def _folder(sequence: Sequence) -> Path:
    frames = sequence.frames
    return frames if isinstance(frames, Path) else Path(frames[0]).parent


def boxes_of(results: list[FrameResult]) -> FloatArray:
    """Boxes (F, 4) of the only target."""
    return np.array([result.box for result in results])


def auc(overlaps: FloatArray) -> float:
    """Area under the success curve, over frames with a true box."""
    known = overlaps[~np.isnan(overlaps)]
    return float((known[:, None] > THRESHOLDS).mean())


def still_frames(truth: FloatArray) -> BoolArray:
    """Return True where the ground truth is the same as in the two frames before: (F − 2,)."""
    same = (np.diff(truth, axis=0) == 0).all(axis=1)
    return np.asarray(same[1:] & same[:-1])


def jitter(boxes: FloatArray, where: BoolArray | None = None) -> FloatArray:
    """Second differences of the centres, in hundredths of the size, as of white noise: (n,)."""
    bends = np.linalg.norm(np.diff(center(boxes), 2, axis=0), axis=1) / np.sqrt(2 * 6)
    sizes = np.sqrt(boxes[2:, 2] * boxes[2:, 3])
    shares = 100 * bends / sizes
    return np.asarray(shares if where is None else shares[where])


def still_video(matcher: Network, frames: int = 100) -> dict[str, float]:
    """Jitter on a picture that stands still under the noise of a camera."""
    clip = ProceduralClip(ClipSettings(frames=2, seed=2))
    picture, box = np.asarray(clip[0], float), clip.boxes[0]
    random = np.random.default_rng(0)
    noisy = [
        np.clip(np.rint(picture + random.normal(0, 8, picture.shape)), 0, 255).astype(np.uint8)
        for _ in range(frames)
    ]
    with open_source(noisy) as source:
        results = [result for _, result in follow(source, box, matcher)]
    return {
        "before": root_mean_square(jitter(boxes_of(results))),
        "after": root_mean_square(jitter(boxes_of(smooth_results(results)))),
    }


def root_mean_square(values: FloatArray) -> float:
    """0 of none."""
    return float(np.sqrt(np.square(values).mean())) if len(values) else 0.0


def found_by_review(tracked: list[Tracked]) -> dict[str, float]:
    """The fraction of bad frames in the first tenth of all frames, in the order of review."""
    bad = {one.name: np.nan_to_num(one.overlaps["fused"], nan=1.0) < BAD for one in tracked}
    frames = sum(map(len, bad.values()))
    total = sum(flags.sum() for flags in bad.values())
    left, found = round(REVIEWED * frames), 0
    stretches = [(doubt, one.name) for one in tracked for doubt in one.doubts]
    for doubt, name in sorted(stretches, key=lambda pair: -pair[0].doubt):
        seen = bad[name][doubt.start : doubt.end + 1][:left]
        left, found = left - len(seen), found + seen.sum()
    return {"bad": float(total / frames), "found": float(found / max(total, 1))}


def report(tracked: list[Tracked], matcher: Network) -> dict[str, Any]:
    """All that is printed."""
    scores = {way: [auc(one.overlaps[way]) for one in tracked] for way in WAYS}
    differences = {
        f"{way} − {other}": asdict(paired_difference(scores[way], scores[other]))
        for way, other in (("fused", "forwards"), ("smoothed", "fused"))
    }
    still = {
        way: np.concatenate([jitter(one.boxes[way], still_frames(one.truth)) for one in tracked])
        for way in ("fused", "smoothed")
    }
    seconds = {way: sum(one.seconds[way] for one in tracked) for way in ("forwards", "fused")}
    return {
        "sequences": len(tracked),
        "auc": {way: float(np.mean(values)) for way, values in scores.items()},
        "differences": differences,
        "review": found_by_review(tracked),
        "jitter": {
            "real": {"frames": len(still["fused"])}
            | {way: float(np.median(values)) for way, values in still.items()},
            "still picture": still_video(matcher),
        },
        "cost": seconds["fused"] / seconds["forwards"],
        "per_sequence": {
            one.name: {way: scores[way][place] for way in WAYS} for place, one in enumerate(tracked)
        },
        "commit": commit(),
        "machine": machine(),
    }


def show(found: dict[str, Any]) -> None:
    """Print a report for people."""
    print(f"{found['sequences']} sequences")
    for way, value in found["auc"].items():
        print(f"AUC {way:9} {value:.4f}")
    for name, difference in found["differences"].items():
        print(f"{name}: {difference}")
    print(f"review: {found['review']}")
    print(f"jitter, % of the size: {found['jitter']}")
    print(f"fusion takes {found['cost']:.2f} times as long as forward tracking")


def main() -> None:
    """Parse, track, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--weights", default="light")
    parser.add_argument("--parts", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    matcher = load_matcher(arguments.weights, device="cpu", threads=1)
    tracked = []
    for folder in arguments.folders:
        for sequence in read_sequences(find_format("otb").open(folder.absolute())):
            tracked.append(track(sequence, matcher, arguments.parts))
            print(tracked[-1].name, file=sys.stderr)
    found = report(tracked, matcher)
    show(found)
    if arguments.out:
        write_file(arguments.out, json.dumps(found, indent=1).encode(), overwrite=True)


if __name__ == "__main__":
    main()
