"""What the trainings of `light_study.py` came to: read from their folders, compared, as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from light_study_folder import RESULT, SCORES, SEQUENCES
from light_study_variants import BASE, VARIANTS
from numpy.typing import NDArray

from siamfc.errors import DatasetError
from siamfc.report.statistics import Difference, paired_difference

PROCEDURAL, REAL = "procedural videos", "real sequences"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one training came to."""

    variant: str
    pairs: int
    seed: int
    auc: Mapping[str, Mapping[str, float]]
    """By kind of videos, then by video; the procedural ones by their own kinds, and together."""
    facts: Mapping[str, Any]
    """All of `result.json`."""
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
    """A variant less the base, both of the same pairs and seeds."""

    variant: str
    title: str
    auc: float
    """Of the variant, mean over seeds and videos."""
    seeds: Mapping[int, float]
    """Difference of each seed."""
    difference: Difference
    """Over the videos, of the means over the seeds."""

    @property
    def is_certain(self) -> bool:
        """Whether 0 lies outside the interval, and all seeds on its side."""
        values = self.seeds.values()
        return self.difference.is_certain and (max(values) < 0 or min(values) > 0)


def load_results(out: Path) -> list[Result]:
    """All results in the folder of a study, in an order that is always the same.

    Raises:
        DatasetError: there are none, one is damaged, or they are not of the same videos.
    """
    results = [_load(path) for path in sorted(out.glob(f"*/{RESULT}"))]
    if not results:
        raise DatasetError(f"{out}: expected results of trainings, found no */{RESULT}")
    videos = {json.dumps(result.facts["videos"], sort_keys=True) for result in results}
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
        real = path.with_name(SEQUENCES)
        if real.exists():
            sequences = json.loads(real.read_text(encoding="utf-8"))["sequences"]
            auc[REAL] = {name: one["auc"] for name, one in sequences.items()}
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


def kinds_of(results: Sequence[Result]) -> list[str]:
    """Procedural videos, and real sequences if any of the trainings has tracked them."""
    return [kind for kind in (PROCEDURAL, REAL) if any(kind in r.auc for r in results)]


def parts_of(results: Sequence[Result]) -> list[str]:
    """Kinds of procedural videos."""
    return [kind for kind in results[0].auc if kind not in (PROCEDURAL, REAL)]


def curve(results: Sequence[Result], kind: str) -> dict[int, dict[int, float]]:
    """AUC of the base by pairs, then by seed."""
    found: dict[int, dict[int, float]] = {}
    for result in results:
        if result.variant == BASE and kind in result.auc:
            found.setdefault(result.pairs, {})[result.seed] = result.mean(kind)
    return dict(sorted(found.items()))


def compared_pairs(results: Sequence[Result]) -> int | None:
    """The number of pairs at which most variants can be compared with the base; None: none can."""
    based = {(r.pairs, r.seed) for r in results if r.variant == BASE}
    variants: dict[int, set[str]] = {}
    for result in results:
        if result.variant != BASE and (result.pairs, result.seed) in based:
            variants.setdefault(result.pairs, set()).add(result.variant)
    return max(variants, key=lambda pairs: (len(variants[pairs]), pairs), default=None)


def effects(results: Sequence[Result], pairs: int, kind: str) -> list[Effect]:
    """Each variant less the base, over the seeds that both have, the most harmful first."""
    tables: dict[str, dict[int, Result]] = {}
    for result in results:
        if result.pairs == pairs and kind in result.auc:
            tables.setdefault(result.variant, {})[result.seed] = result
    base = tables.pop(BASE, {})
    found = []
    for variant, table in tables.items():
        seeds = sorted(table.keys() & base.keys())
        if not seeds:
            continue
        names = [n for n in table[seeds[0]].auc[kind] if n in base[seeds[0]].auc[kind]]
        ours, theirs = (
            np.array([[one[seed].auc[kind][name] for name in names] for seed in seeds])
            for one in (table, base)
        )
        found.append(
            Effect(
                variant=variant,
                title=table[seeds[0]].facts["title"],
                auc=float(ours.mean()),
                seeds=dict(zip(seeds, (ours - theirs).mean(1).tolist(), strict=True)),
                difference=paired_difference(ours.mean(0), theirs.mean(0)),
            )
        )
    return sorted(found, key=lambda effect: effect.difference.mean)


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How true scores are, by tenths of the score; empty tenths are left out."""

    tenth: NDArray[np.float64]
    """Where each begins: 0, 0.1 … 0.9."""
    score: NDArray[np.float64]
    """Mean in each tenth."""
    right: NDArray[np.float64]
    """Share of frames whose IoU exceeds a half."""
    iou: NDArray[np.float64]
    """Mean."""
    share: NDArray[np.float64]
    """Of all frames."""

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


def table(results: Sequence[Result]) -> str:
    """All numbers of the plots as Markdown."""
    kinds, pairs = kinds_of(results), compared_pairs(results)
    lines = ["# What the light network's accuracy comes from", "", _origin(results)]
    curves = {kind: curve(results, kind) for kind in kinds}
    lines += ["", "## Pairs", "", "AUC, mean over seeds (least to greatest).", ""]
    lines += _rows(["million pairs", "seeds", *kinds])
    for count, seeds in curves[PROCEDURAL].items():
        cells = [_spread(list(curves[kind].get(count, {}).values())) for kind in kinds]
        lines.append(_row([f"{count / 1e6:.3g}", len(seeds), *cells]))
    if pairs is not None:
        lines += ["", f"## Ingredients, {pairs / 1e6:.3g} million pairs"]
        for kind in kinds:
            lines += ["", *_effect_rows(effects(results, pairs, kind), kind)]
        lines += ["", *_part_rows(results, pairs)]
    return "\n".join(lines) + "\n"


def _origin(results: Sequence[Result]) -> str:
    videos = results[0].facts["videos"]
    known = {
        name: ", ".join(sorted({str(result.facts[name]) for result in results}))
        for name in ("device", "torch", "commit")
    }
    seconds = sum(result.facts["seconds"] for result in results)
    return (
        f"{len(results)} trainings, {seconds / 60:.3g} minutes without compilation, on "
        f"{known['device']} with PyTorch {known['torch']}; commit {known['commit']}. "
        f"{videos['videos']} procedural videos of each kind, {videos['frames']} frames each."
    )


def _effect_rows(found: Sequence[Effect], kind: str) -> list[str]:
    title = (
        f"Difference from `{BASE}` in AUC on {kind}, with the interval that holds 95 % of its "
        "bootstrap means over the videos; then that of each seed."
    )
    head = ["variant", "", "AUC", "difference", "interval", "seeds", "better : worse"]
    rows = [title, "", *_rows(head)]
    for one in found:
        change = one.difference
        cells = [
            f"`{one.variant}`",
            one.title,
            f"{one.auc:.3f}",
            f"{change.mean:+.3f}",
            f"{change.low:+.3f} … {change.high:+.3f}",
            ", ".join(f"{value:+.3f}" for value in one.seeds.values()),
            f"{change.greater} : {change.smaller} of {change.count}",
        ]
        rows.append(_row(cells))
    return rows


def _part_rows(results: Sequence[Result], pairs: int) -> list[str]:
    parts = parts_of(results)
    tables = [{one.variant: one for one in effects(results, pairs, part)} for part in parts]
    title = "Difference on each kind of procedural videos; bold where interval and seeds agree."
    rows = [title, "", *_rows(["variant", *parts])]
    for one in effects(results, pairs, PROCEDURAL):
        found = [table[one.variant] for table in tables]
        marks = ["**" if effect.is_certain else "" for effect in found]
        cells = [
            f"{mark}{effect.difference.mean:+.3f}{mark}"
            for mark, effect in zip(marks, found, strict=True)
        ]
        rows.append(_row([f"`{one.variant}`", *cells]))
    return rows


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3f} ({min(values):.3f} … {max(values):.3f})"


def _rows(head: Sequence[str]) -> list[str]:
    return [_row(head), "|" + "---|" * len(head)]


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
