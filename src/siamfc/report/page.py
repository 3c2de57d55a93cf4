"""The report's page: one file that needs no network, readable on any screen."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.evaluation.scoring.measures import Measure
from siamfc.evaluation.scoring.schemes import ONE_PASS
from siamfc.report import figures
from siamfc.report.page_template import render_template, signed
from siamfc.report.scored_tracker import ScoredTracker
from siamfc.report.statistics import Difference
from siamfc.report.strips import film_strip
from siamfc.report.study import Study
from siamfc.report.tables import (
    COMPARED,
    EACH_SEQUENCE,
    SUMMARY,
    best,
    differences,
    format_mean,
    format_rate,
    format_score,
    run_name,
)

_TEMPLATE = Path(__file__).parent / "templates" / "page.html"
_FEWEST = 6
"""Fewest sequences for a verdict: all five of five are better by chance in 1 of 16 comparisons."""


def render_page(study: Study, *, snapshots: int = 6, strips: int = 50, seed: int = 0) -> str:
    """Render the page; every name in it is escaped.

    Args:
        study: the compared trackers.
        snapshots: frames of a film strip.
        strips: number of sequences, worst first, that get one.
        seed: of the bootstrap.

    Raises:
        MissingDependencyError: jinja2 is not installed.
    """
    return render_template(
        _TEMPLATE,
        study=study,
        several=len(study.entries) > 1,
        summary=_summary(study),
        repetitions=_repetitions(study),
        protocol="" if study.scheme.name == ONE_PASS.name else study.scheme.title,
        benchmark=_benchmark(study),
        compared=_compared(study, seed),
        curves=[
            {
                "title": curve.title,
                "svg": figures.curve_chart(study, curve).render(),
                "rows": [(entry, f"{entry.scores[curve.score]:.3f}") for entry in study.entries],
            }
            for curve in figures.CURVES
        ],
        attributes=figures.attribute_chart(study).render() if study.attributes else "",
        offsets=[figures.offset_chart(study, axis).render() for axis in (0, 1)],
        bias=[_bias(entry) for entry in study.entries],
        speed=[_speed(entry) for entry in study.entries],
        measures=EACH_SEQUENCE,
        sequences=_sequences(study, snapshots, strips),
        provenance=[_provenance(entry) for entry in study.entries],
    )


def _summary(study: Study) -> dict[str, Any]:
    bests = {one.name: best(study.entries, one) for one in SUMMARY}
    return {
        "measures": SUMMARY,
        "arrow": {"higher": "↑", "lower": "↓"},
        "rows": [
            {
                "entry": entry,
                "cells": [
                    (
                        format_mean(entry.scores, entry.deviation, one),
                        entry.index in bests[one.name],
                    )
                    for one in SUMMARY
                ],
                "rate": format_rate(entry.frames_per_second),
            }
            for entry in study.entries
        ],
    }


def _repetitions(study: Study) -> list[dict[str, Any]]:
    """List each run of the trackers that were run several times."""
    return [
        {
            "entry": entry,
            "name": run_name(run),
            "cells": [format_score(run.scores[one.name], one) for one in SUMMARY],
            "rate": format_rate(run.frames_per_second),
        }
        for entry in study.entries
        for run in entry.repetitions
    ]


def _benchmark(study: Study) -> dict[str, Any] | None:
    """Return the table by the benchmark's own rules, if they differ from the first table's."""
    if study.benchmark is None:
        return None
    name, scores = study.benchmark
    return {
        "name": name,
        "measures": scores,
        "rows": [
            (
                entry,
                [format_mean(entry.benchmark, entry.benchmark_deviation, one) for one in scores],
            )
            for entry in study.entries
        ],
    }


def _compared(study: Study, seed: int) -> list[dict[str, Any]]:
    """Return a chart of the intervals and a sentence per tracker, for each compared score."""
    if len(study.entries) < 2:
        return []
    compared = []
    for measure in COMPARED:
        found = differences(study, measure.name, seed)
        title = f"{measure.title} of {study.entries[0].name} minus that of …"
        compared.append(
            {
                "title": title,
                "svg": figures.difference_chart(study, measure, found).render(),
                "rows": [(entry, one, _verdict(one)) for entry, one in found],
            }
        )
    return compared


def _verdict(difference: Difference) -> str:
    if difference.count < _FEWEST:
        return "too few sequences to tell"
    if not difference.is_certain:
        return "may be chance"
    return "better" if difference.mean > 0 else "worse"


def _bias(entry: ScoredTracker) -> dict[str, Any]:
    """Return the mean and median offsets in frames in which the target is not lost."""
    offsets = entry.following_offsets
    if not offsets.size:
        return {"entry": entry, "cells": ["–"] * 4, "frames": "0"}
    values = (*offsets.mean(axis=0), *np.median(offsets, axis=0))
    return {
        "entry": entry,
        "cells": [signed(float(value)) for value in values],
        "frames": f"{len(offsets):,}",
    }


def _speed(entry: ScoredTracker) -> dict[str, Any]:
    known = entry.milliseconds
    middle, slow = np.percentile(known, [50, 95]) if known.size else (math.nan, math.nan)
    machines = (track.machine for one in entry.sources for track in one.tracks.values())
    machine = next(filter(None, machines), entry.record.get("machine", {}))
    parts = [str(machine[key]) for key in ("processor", "system") if key in machine]
    if "cores" in machine:
        parts.insert(1, f"{machine['cores']} cores")
    return {
        "entry": entry,
        "rate": format_rate(entry.frames_per_second),
        "median": _milliseconds(float(middle)),
        "slow": _milliseconds(float(slow)),
        "machine": " · ".join(parts) or "unknown",
    }


def _milliseconds(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _sequences(study: Study, snapshots: int, strips: int) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "sequence": sequence,
            "results": [
                (
                    entry,
                    {
                        one.name: _cell(entry.results[sequence.name].scores[one.name], one)
                        for one in EACH_SEQUENCE
                    },
                )
                for entry in study.entries
            ],
            "overlap": figures.overlap_chart(study, sequence).render(),
            "error": figures.error_chart(study, sequence).render(),
            "strip": film_strip(study, sequence, snapshots) if number < strips else [],
        }
        for number, sequence in enumerate(study.worst_first)
    ]


def _cell(value: float, measure: Measure) -> dict[str, str]:
    """Return a score as text and as the key by which the table is sorted."""
    return {"text": format_score(value, measure), "value": f"{value:.6g}"}


def _provenance(entry: ScoredTracker) -> dict[str, Any]:
    """List the facts of the records; values that differ within a series are joined."""
    facts: dict[str, list[str]] = {}
    for source in entry.sources:
        for title, value in _facts(source.record):
            if value and value not in facts.setdefault(title, []):
                facts[title].append(value)
    rows = [(title, "; ".join(values)) for title, values in facts.items() if values]
    if entry.repetitions:
        rows.append(("runs", ", ".join(map(run_name, entry.repetitions))))
    if entry.missing:
        rows.append(("frames without a box", str(entry.missing)))
    return {"entry": entry, "rows": rows}


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    tracker, code = record.get("tracker") or {}, record.get("siamfc") or {}
    return [
        ("tracker", str(tracker.get("name", ""))),
        ("weights", str(record.get("weights", ""))),
        ("digest of the weights", str(tracker.get("digest", ""))),
        ("settings", _compact(tracker.get("settings"))),
        ("protocol", str(record.get("protocol", ""))),
        ("siamfc", " ".join(str(code[key]) for key in ("version", "commit") if code.get(key))),
        ("packages", _compact(record.get("packages"))),
    ]


def _compact(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "" if value is None else json.dumps(value)
    return ", ".join(f"{key} {each}" for key, each in value.items())
