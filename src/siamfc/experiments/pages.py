"""The page of an experiment: sections of text, tables, charts and film strips in one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from siamfc.report.page_template import render_template
from siamfc.report.strips import Snapshot

_TEMPLATE = Path(__file__).parent / "templates" / "experiment.html"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table."""

    title: str
    cells: Sequence[str]
    series: int | None = None
    """Index of the tracker whose colour marks the title."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose first column names the rows; the others contain numbers, except for `words`."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Row]
    note: str = ""
    words: int = 0
    """Number of columns after the first that contain text."""
    kind: Literal["table"] = "table"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its caption and the names of its series, in order."""

    caption: str
    svg: str
    legend: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures side by side if there is space."""

    charts: Sequence[Figure]
    note: str = ""
    kind: Literal["charts"] = "charts"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A few frames of a video with the boxes drawn in."""

    caption: str
    shots: Sequence[Snapshot]
    legend: Sequence[str] = ()
    """Names of the trackers, in order."""
    kind: Literal["strip"] = "strip"


Block = Text | Table | Figures | Strip


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page with a heading."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, kw_only=True)
class Page:
    """An experiment's page."""

    title: str
    lead: str
    sections: Sequence[Section]
    provenance: Sequence[tuple[str, str]]
    """Origin of the page's numbers: name and value."""


def render(page: Page) -> str:
    """Render the page as HTML that needs no network; every text in it is escaped.

    Raises:
        MissingDependencyError: jinja2 is not installed.
    """
    return render_template(_TEMPLATE, page=page)
