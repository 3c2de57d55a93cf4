"""A small SVG chart, styled by the page that contains it or written as a file."""

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from siamfc.charts.colors import css, dashes, series_color

Range = tuple[float, float]


class Chart:
    """A chart that is drawn part by part, in the data's own coordinates.

    `render` returns the SVG for a page, which colours the classes `s0`, `s1` … of the series;
    `stack` makes a file of one or more charts.

    Args:
        label: description of the chart for screen readers.
        x: smallest and largest value on the horizontal axis.
        y: smallest and largest value on the vertical axis.
        width: in units of which the text is 11 high.
        height: likewise.
        left: space on the left for the vertical axis's labels.
    """

    _right, _top, _bottom = 10.0, 8.0, 34.0

    def __init__(
        self,
        label: str,
        x: Range,
        y: Range,
        *,
        width: float = 360,
        height: float = 240,
        left: float = 40.0,
    ) -> None:
        self._label, self._x, self._y = label, x, y
        self._width, self._height, self._left = width, height, left
        self._parts: list[str] = []

    def horizontal(self, value: float) -> float:
        """Return the position of a value on the horizontal axis, from the left."""
        span = self._width - self._left - self._right
        return self._left + span * (value - self._x[0]) / ((self._x[1] - self._x[0]) or 1)

    def vertical(self, value: float) -> float:
        """Return the position of a value on the vertical axis, from the top."""
        span = self._height - self._top - self._bottom
        return self._top + span * (1 - (value - self._y[0]) / ((self._y[1] - self._y[0]) or 1))

    def x_axis(self, ticks: Iterable[tuple[float, str]], title: str = "") -> None:
        """Draw the horizontal axis: ticks (value and text) and a title."""
        bottom = self._height - self._bottom
        for value, text in ticks:
            x = self.horizontal(value)
            self._parts.append(
                f'<path class="tick" d="M{x:.1f} {bottom:.1f}v4"/>'
                f'<text x="{x:.1f}" y="{bottom + 15:.1f}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )
        self._parts.append(f'<path class="axis" d="M{self._left} {bottom:.1f}H{self._end}"/>')
        if title:
            middle = (self._left + self._end) / 2
            self._parts.append(
                f'<text class="title" x="{middle:.1f}" y="{self._height - 4:.1f}" '
                f'text-anchor="middle">{escape(title)}</text>'
            )

    def y_axis(self, ticks: Iterable[tuple[float, str]], title: str = "") -> None:
        """Draw the vertical axis: labelled grid lines and a title."""
        for value, text in ticks:
            y = self.vertical(value)
            self._parts.append(
                f'<path class="grid" d="M{self._left} {y:.1f}H{self._end}"/>'
                f'<text x="{self._left - 5}" y="{y + 3.8:.1f}" text-anchor="end">'
                f"{escape(text)}</text>"
            )
        if title:
            y = (self._top + self._height - self._bottom) / 2
            self._parts.append(
                f'<text class="title" transform="translate(10 {y:.1f}) rotate(-90)" '
                f'text-anchor="middle">{escape(title)}</text>'
            )

    def line(self, x: ArrayLike, y: ArrayLike, series: int) -> None:
        """Draw a series as a line, with gaps where a value is NaN."""
        points = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
        points[:, 1] = np.clip(points[:, 1], *self._y)  # NaN stays; infinity moves to the border
        path, pen = [], "M"
        for across, up in points:
            if math.isnan(up):
                pen = "M"
                continue
            path.append(f"{pen}{_short(self.horizontal(across))} {_short(self.vertical(up))}")
            pen = "L"
        dash = dashes(series)
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<path class="line s{series % 7}"{pattern} d="{"".join(path)}"/>')

    def rule(self, value: float) -> None:
        """Draw a thin vertical line at a value."""
        x = self.horizontal(value)
        path = f"M{x:.1f} {self._top}V{self._height - self._bottom:.1f}"
        self._parts.append(f'<path class="rule" d="{path}"/>')

    def dot(self, x: float, y: float, series: int, title: str) -> None:
        """Draw a point of a series; its title shows on hover."""
        if math.isfinite(x) and math.isfinite(y):
            self._parts.append(
                f'<circle class="dot s{series % 7}" cx="{self.horizontal(x):.1f}" '
                f'cy="{self.vertical(y):.1f}" r="4"><title>{escape(title)}</title></circle>'
            )

    def mark(self, x: float, y: float, series: int, title: str) -> None:
        """Draw a thin stroke for one of many values of a series, with its title."""
        if math.isfinite(x) and math.isfinite(y):
            self._parts.append(
                f'<path class="mark s{series % 7}" d="M{self.horizontal(x):.1f} '
                f'{self.vertical(y) - 4:.1f}v8"><title>{escape(title)}</title></path>'
            )

    def bar(self, low: float, high: float, y: float, series: int) -> None:
        """Draw a horizontal interval of a series."""
        self._parts.append(
            f'<path class="interval s{series % 7}" d="M{self.horizontal(low):.1f} '
            f'{self.vertical(y):.1f}H{self.horizontal(high):.1f}"/>'
        )

    def render(self) -> str:
        """Return the chart as SVG for a page."""
        return (
            f'<svg class="chart" viewBox="0 0 {self._width:g} {self._height:g}" role="img" '
            f'aria-label="{escape(self._label)}">{"".join(self._parts)}</svg>'
        )

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self._width, self._height

    @property
    def _end(self) -> float:
        return self._width - self._right


def ticks(low: float, high: float, count: int = 5) -> list[tuple[float, str]]:
    """Return round values from `low` to `high`, each with its text.

    >>> [text for _, text in ticks(0, 471)]
    ['0', '100', '200', '300', '400']
    """
    span = high - low
    if not span > 0:
        return [(low, f"{low:g}")]
    size = 10.0 ** math.floor(math.log10(span / count))
    step = next(size * factor for factor in (1, 2, 5, 10) if span / (size * factor) <= count)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [(index * step, _tick_text(index * step)) for index in range(first, last + 1)]


def fraction_ticks() -> Sequence[tuple[float, str]]:
    """Return the ticks of an axis from 0 to 1."""
    return [(value, f"{value:g}") for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]


_STYLE = """
text { font: 11px system-ui, sans-serif; fill: #5d6066; }
.legend, .heading { fill: #1b1c1e; }
.heading { font-weight: 600; }
.grid, .axis, .tick, .rule { fill: none; stroke: #e2e2de; }
.axis, .tick, .rule { stroke: #9a9da3; }
.line, .interval { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.mark { stroke-opacity: .75; }
.interval { stroke-width: 5; stroke-opacity: .45; stroke-linecap: round; }
.dot { stroke: #fff; }
"""
_LEGEND_LINE, _HEADING = 16.0, 22.0
"""Heights of a legend line and of the heading."""


def stack(charts: Sequence[tuple[Chart, Sequence[str]]], heading: str = "") -> str:
    """Return an SVG file: charts below each other, each with its legend, on white.

    Args:
        charts: each with the names of its series, which may be empty.
        heading: a line at the top.
    """
    top, parts = _HEADING if heading else 0.0, []
    if heading:
        parts.append(f'<text class="heading" x="8" y="15">{_text(heading)}</text>')
    for chart, legend in charts:
        width, height = chart.size
        body = chart.render().replace("<svg ", f'<svg y="{top:g}" height="{height:g}" ', 1)
        parts.append(body)
        top += height
        for series, name in enumerate(legend):
            dash = f' stroke-dasharray="{dashes(series)}"' if dashes(series) else ""
            middle = top + _LEGEND_LINE / 2
            parts.append(
                f'<path class="line s{series % 7}"{dash} d="M40 {middle:g}h24"/>'
                f'<text class="legend" x="70" y="{middle + 4:g}">{_text(name)}</text>'
            )
            top += _LEGEND_LINE
        top += _LEGEND_LINE / 2
    width = max(chart.size[0] for chart, _ in charts)
    colors = "".join(
        f".s{series} {{ stroke: {css(series_color(series))}; }} "
        f".dot.s{series} {{ fill: {css(series_color(series))}; stroke: #fff; }}\n"
        for series in range(7)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * width:g}" height="{2 * top:g}" '
        f'viewBox="0 0 {width:g} {top:g}">\n<style>{_STYLE}{colors}</style>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}\n</svg>\n'
    )


def _text(value: str) -> str:
    """Escape text, with characters that XML forbids shown as question marks."""
    return escape("".join(sign if sign.isprintable() else "?" for sign in value))


def _tick_text(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")


def _short(value: float) -> str:
    """Format a coordinate to a tenth, without a trailing zero."""
    return f"{value:.1f}".removesuffix(".0")
