"""The plots as SVG files, for papers and slides."""

from collections.abc import Iterator
from pathlib import Path

from siamfc.charts.chart import Chart, stack
from siamfc.report import figures
from siamfc.report.study import Study

_LETTERS = 48
"""Most characters of a tracker's name in a legend."""


def save_plots(study: Study, folder: Path) -> None:
    """Write a study's plots to a folder, each with its legend on white."""
    names = [figures.shorten(entry.name, _LETTERS) for entry in study.entries]
    for name, score, chart in _plots(study):
        legend = [
            f"{each} [{entry.scores[score]:.3f}]" if score else each
            for each, entry in zip(names, study.entries, strict=True)
        ]
        (folder / f"{name}.svg").write_text(stack([(chart, legend)]), encoding="utf-8")


def _plots(study: Study) -> Iterator[tuple[str, str, Chart]]:
    """Yield each chart with its file name and the score that its legend shows, if any."""
    for number, (name, *_, score) in enumerate(figures.CURVES):
        yield name, score, figures.curve_chart(study, number)
    for axis, letter in enumerate("xy"):
        yield f"offset_{letter}", "", figures.offset_chart(study, axis)
    if study.attributes:
        yield "attributes", "", figures.attribute_chart(study, "auc")
