"""A small chart as SVG, whose colours and type come from the page that it stands in."""

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from siamfc.report.colors import dashes

Range = tuple[float, float]


class Chart:
    """A chart that is drawn part by part; `render` gives the SVG.

    Coordinates are the data's own. Elements of a tracker have the class `s0`, `s1` … by its place,
    which the page gives a colour.

    Args:
        label: what the chart shows, for those who don't see it.
        x: smallest and largest value across.
        y: smallest and largest value upwards.
        width: of the drawing, in pixels at which its type is 11 pixels high.
        height: likewise.
    """

    _left, _right, _top, _bottom = 40.0, 10.0, 8.0, 34.0

    def __init__(
        self, label: str, x: Range, y: Range, *, width: float = 360, height: float = 240
    ) -> None:
        self._label, self._x, self._y = label, x, y
        self._width, self._height = width, height
        self._parts: list[str] = []

    def horizontal(self, value: float) -> float:
        """Where a value lies across."""
        span = self._width - self._left - self._right
        return self._left + span * (value - self._x[0]) / ((self._x[1] - self._x[0]) or 1)

    def vertical(self, value: float) -> float:
        """Where a value lies from the top."""
        span = self._height - self._top - self._bottom
        return self._top + span * (1 - (value - self._y[0]) / ((self._y[1] - self._y[0]) or 1))

    def x_axis(self, ticks: Iterable[tuple[float, str]], title: str = "") -> None:
        """Marks below, each a value and its text, and a title."""
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
        """Lines across with their texts on the left, and a title along the side."""
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
        """A tracker's line through points, with gaps where a value is missing."""
        points = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
        points[:, 1] = np.clip(points[:, 1], *self._y)  # keeps NaN; infinity goes to the border
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

    def rule(self, value: float, text: str = "", *, upright: bool = False) -> None:
        """A thin line at a value, across or upright, with a word on it."""
        if upright:
            x = self.horizontal(value)
            path = f"M{x:.1f} {self._top}V{self._height - self._bottom:.1f}"
        else:
            path = f"M{self._left} {self.vertical(value):.1f}H{self._end}"
        self._parts.append(f'<path class="rule" d="{path}"/>')
        if text:
            self._parts.append(
                f'<text x="{self._end}" y="{self.vertical(value) - 3:.1f}" '
                f'text-anchor="end">{escape(text)}</text>'
            )

    def dot(self, x: float, y: float, series: int, title: str) -> None:
        """A tracker's point; its title shows under the pointer."""
        if math.isfinite(x) and math.isfinite(y):
            self._parts.append(
                f'<circle class="dot s{series % 7}" cx="{self.horizontal(x):.1f}" '
                f'cy="{self.vertical(y):.1f}" r="4"><title>{escape(title)}</title></circle>'
            )

    def mark(self, x: float, y: float, series: int, title: str) -> None:
        """A thin stroke for one of a tracker's many values, with its title."""
        if math.isfinite(x) and math.isfinite(y):
            self._parts.append(
                f'<path class="mark s{series % 7}" d="M{self.horizontal(x):.1f} '
                f'{self.vertical(y) - 4:.1f}v8"><title>{escape(title)}</title></path>'
            )

    def bar(self, low: float, high: float, y: float, series: int) -> None:
        """A tracker's interval across."""
        self._parts.append(
            f'<path class="interval s{series % 7}" d="M{self.horizontal(low):.1f} '
            f'{self.vertical(y):.1f}H{self.horizontal(high):.1f}"/>'
        )

    def render(self) -> str:
        """The chart as SVG."""
        return (
            f'<svg class="chart" viewBox="0 0 {self._width:g} {self._height:g}" role="img" '
            f'aria-label="{escape(self._label)}">{"".join(self._parts)}</svg>'
        )

    @property
    def _end(self) -> float:
        return self._width - self._right


class WideLabels(Chart):
    """A chart with room for names on its left."""

    _left = 120.0


class WiderLabels(Chart):
    """A chart with room for longer names, such as those of attributes with their counts."""

    _left = 165.0


def ticks(low: float, high: float, count: int = 5) -> list[tuple[float, str]]:
    """Some round values from `low` to `high`, each with its text.

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


def shares() -> Sequence[tuple[float, str]]:
    """Marks of an axis from 0 to 1."""
    return [(value, f"{value:g}") for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]


def _tick_text(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")


def _short(value: float) -> str:
    """A coordinate to a tenth of a pixel, without a zero that says nothing."""
    return f"{value:.1f}".removesuffix(".0")
