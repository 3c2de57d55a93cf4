"""Results of the study's trainings: read from their folders, and compared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.light_study.folder import RESULT, SCORES, SEQUENCES, Job
from benchmarks.light_study.variants import BASE, VARIANTS
from numpy.typing import NDArray

from siamfc.errors import DatasetError
from siamfc.report.statistics import Difference, paired_difference

PROCEDURAL, REAL = "procedural videos", "real sequences"


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of one training."""

    variant: str
    pairs: int
    seed: int
    auc: Mapping[str, Mapping[str, float]]
    """By kind of videos, then by video; the procedural ones by their own kinds, and together."""
    facts: Mapping[str, Any]
    """All of `result.json`; nothing of weights that were trained elsewhere."""
    scores: Path
    """Score and overlap of each frame of the procedural videos."""

    def mean(self, kind: str) -> float:
        """AUC over the videos of a kind."""
        return float(np.mean(list(self.auc[kind].values())))

    def frames(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score and IoU of all frames of procedural videos but the first, which is given."""
        with np.load(self.scores) as file:
            return file["score"][:, 1:].ravel(), file["iou"][:, 1:].ravel()


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A variant less its base, both of the same pairs and seeds."""

    variant: str
    base: str
    title: str
    auc: float
    """AUC of the variant, mean over seeds and videos."""
    seeds: Mapping[int, float]
    """Difference of each seed."""
    difference: Difference
    """Over the videos, of the means over the seeds."""

    @property
    def is_certain(self) -> bool:
        """True if 0 lies outside the interval, and all of two seeds or more on the same side."""
        values = self.seeds.values()
        agree = max(values) < 0 or min(values) > 0
        return self.difference.is_certain and agree and len(values) > 1


def load_results(out: Path) -> list[Result]:
    """All results in the folder of a study, in an order that is always the same.

    Raises:
        DatasetError: there are none, one is damaged, or they are not of the same videos.
    """
    trained = sorted(out.glob(f"*/{RESULT}"))
    tracked = [path for path in out.glob(f"*/{SEQUENCES}") if path.with_name(RESULT) not in trained]
    if not trained:
        raise DatasetError(f"{out}: expected results of trainings, found no */{RESULT}")
    results = [_load(path) for path in trained] + [_load_elsewhere(path) for path in tracked]
    videos = {json.dumps(r.facts["videos"], sort_keys=True) for r in results if r.facts}
    if len(videos) > 1:
        raise DatasetError(f"{out}: expected the same videos for all, found {sorted(videos)}")
    places = {name: number for number, name in enumerate(VARIANTS)}
    return sorted(results, key=lambda r: (places.get(r.variant, len(places)), r.pairs, r.seed))


def _load(path: Path) -> Result:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        auc = {
            kind: {f"{kind} {number}": one for number, one in enumerate(scores)}
            for kind, scores in facts["auc_by_video"].items()
        }
        auc[PROCEDURAL] = {name: one for part in auc.values() for name, one in part.items()}
        if path.with_name(SEQUENCES).exists():
            auc[REAL] = _real_auc(path.with_name(SEQUENCES))
        return Result(
            variant=facts["variant"],
            pairs=facts["pairs"],
            seed=facts["seed"],
            auc=auc,
            facts=facts,
            scores=path.with_name(SCORES),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: expected the result of a training: {error!r}") from None


def _load_elsewhere(path: Path) -> Result:
    try:
        job = Job.from_name(path.parent.name)
        auc = {REAL: _real_auc(path)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: expected scores of a job's weights: {error!r}") from None
    return Result(**job._asdict(), auc=auc, facts={}, scores=path.with_name(SCORES))


def _real_auc(path: Path) -> dict[str, float]:
    sequences = json.loads(path.read_text(encoding="utf-8"))["sequences"]
    return {name: one["auc"] for name, one in sequences.items()}


def trainings(results: Sequence[Result]) -> list[Result]:
    """Return the results of trainings of the study, which alone tracked procedural videos."""
    return [result for result in results if result.facts]


def kinds_of(results: Sequence[Result]) -> list[str]:
    """Procedural videos, and real sequences if any of the trainings has tracked them."""
    return [kind for kind in (PROCEDURAL, REAL) if any(kind in r.auc for r in results)]


def parts_of(results: Sequence[Result]) -> list[str]:
    """Kinds of procedural videos."""
    return [kind for kind in trainings(results)[0].auc if kind not in (PROCEDURAL, REAL)]


def curve(results: Sequence[Result], kind: str) -> dict[int, dict[int, float]]:
    """AUC of the base by pairs, then by seed."""
    found: dict[int, dict[int, float]] = {}
    for result in results:
        if result.variant == BASE and kind in result.auc:
            found.setdefault(result.pairs, {})[result.seed] = result.mean(kind)
    return dict(sorted(found.items()))


def compared_pairs(results: Sequence[Result]) -> int | None:
    """The number of pairs at which most variants can be compared with the base; None: none can."""
    based = {(r.pairs, r.seed) for r in trainings(results) if r.variant == BASE}
    variants: dict[int, set[str]] = {}
    for result in trainings(results):
        if result.variant != BASE and (result.pairs, result.seed) in based:
            variants.setdefault(result.pairs, set()).add(result.variant)
    return max(variants, key=lambda pairs: (len(variants[pairs]), pairs), default=None)


def chance(results: Sequence[Result], pairs: int, kind: str) -> float | None:
    """Return the largest difference in AUC between two seeds of the base; None for one seed."""
    points = curve(results, kind).get(pairs, {})
    return max((abs(a - b) for a, b in combinations(points.values(), 2)), default=None)


def effects(
    results: Sequence[Result], pairs: int, kind: str, bases: Mapping[str, str] | None = None
) -> list[Effect]:
    """Each variant less its base, over the seeds that both have, the most harmful first.

    Args:
        results: of a study.
        pairs: of all trainings that are compared.
        kind: of videos.
        bases: of the variants that are compared with another one than `BASE`.
    """
    tables: dict[str, dict[int, Result]] = {}
    for result in trainings(results):
        if result.pairs == pairs and kind in result.auc:
            tables.setdefault(result.variant, {})[result.seed] = result
    found = []
    for variant in tables.keys() - {BASE}:
        name = (bases or {}).get(variant, BASE)
        table, base = tables[variant], tables.get(name, {})
        seeds = sorted(table.keys() & base.keys())
        if not seeds:
            continue
        videos = [n for n in table[seeds[0]].auc[kind] if n in base[seeds[0]].auc[kind]]
        ours, theirs = (
            np.array([[one[seed].auc[kind][video] for video in videos] for seed in seeds])
            for one in (table, base)
        )
        found.append(
            Effect(
                variant=variant,
                base=name,
                title=table[seeds[0]].facts["title"],
                auc=float(ours.mean()),
                seeds=dict(zip(seeds, (ours - theirs).mean(1).tolist(), strict=True)),
                difference=paired_difference(ours.mean(0), theirs.mean(0)),
            )
        )
    return sorted(found, key=lambda effect: (effect.difference.mean, effect.variant))


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Reliability of scores, by tenths of the score; empty tenths are left out."""

    tenth: NDArray[np.float64]
    """Start of each: 0, 0.1 … 0.9."""
    score: NDArray[np.float64]
    """Mean in each tenth."""
    right: NDArray[np.float64]
    """Fraction of frames whose IoU exceeds a half."""
    iou: NDArray[np.float64]
    """Mean IoU in each tenth."""
    share: NDArray[np.float64]
    """Fraction of all frames in each tenth."""

    @property
    def error(self) -> float:
        """Mean distance of score and share, over frames: the expected calibration error."""
        return float((self.share * np.abs(self.score - self.right)).sum())


def reliability(score: NDArray[np.float64], iou: NDArray[np.float64]) -> Reliability:
    """Compare scores in [0, 1] with what came of them, both of the same frames (N,)."""
    place = np.clip((np.asarray(score, dtype=np.float64) * 10).astype(int), 0, 9)
    tenths = np.unique(place)
    chosen = [place == tenth for tenth in tenths]
    return Reliability(
        tenth=tenths / 10,
        score=np.array([score[one].mean() for one in chosen], dtype=np.float64),
        right=np.array([(iou[one] > 0.5).mean() for one in chosen]),
        iou=np.array([iou[one].mean() for one in chosen], dtype=np.float64),
        share=np.array([one.mean() for one in chosen]),
    )
