"""The few shapes that the drawings consist of, readable on light and on dark pages."""

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_STYLE = """
svg { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
.back { fill: #fafbfc; stroke: #d5dbe1; }
text { fill: #1b1f23; font-size: 16px; }
.small { font-size: 13.5px; fill: #4a5560; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.strong { font-weight: 600; }
.box { fill: #e8eff7; stroke: #1f4e79; stroke-width: 1.5; }
.kept { fill: #fdf0dc; stroke: #a65a00; stroke-width: 1.5; }
.line { stroke: #4a5560; stroke-width: 1.5; fill: none; }
.thin { stroke: #aab4be; stroke-width: 1; fill: none; }
.target { stroke: #a65a00; stroke-width: 2.5; fill: none; }
.exemplar { stroke: #1f4e79; stroke-width: 2; fill: none; }
.search { stroke: #1f4e79; stroke-width: 2; fill: none; stroke-dasharray: 7 5; }
.head, .dot { fill: #4a5560; }
.peak { fill: #a65a00; }
@media (prefers-color-scheme: dark) {
  .back { fill: #22262d; stroke: #3b424c; }
  text { fill: #e6e9ed; }
  .small { fill: #b3bdc7; }
  .box { fill: #26384b; stroke: #8ab8e6; }
  .kept { fill: #45351c; stroke: #f0a030; }
  .line { stroke: #b3bdc7; }
  .thin { stroke: #545d68; }
  .target { stroke: #f0a030; }
  .exemplar, .search { stroke: #8ab8e6; }
  .head, .dot { fill: #b3bdc7; }
  .peak { fill: #f0a030; }
}
"""
_MARGIN = 18


def drawing(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole SVG file; the title is what is read aloud in its place."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="back" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" '
        f'rx="8"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, content: str, kind: str = "") -> str:
    """A line of text; y is that of its base line."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(content)}</text>'


def rectangle(x: float, y: float, w: float, h: float, kind: str, corner: float = 0) -> str:
    """A rectangle; `corner` is the radius of its corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{corner:g}" class="{kind}"/>'
    )


def labelled_box(
    x: float, y: float, w: float, h: float, lines: Iterable[str], kind: str = "box"
) -> str:
    """A box with lines of text in its middle, the first of them strong."""
    rows = list(lines)
    first = y + h / 2 + 5.5 - (len(rows) - 1) * _MARGIN / 2
    words = [
        text(x + w / 2, first + index * _MARGIN, row, "middle small" if index else "middle strong")
        for index, row in enumerate(rows)
    ]
    return "\n".join([rectangle(x, y, w, h, kind, 6), *words])


def arrow(*points: tuple[float, float]) -> str:
    """Straight lines from point to point, with a head at the last."""
    (x, y), (before_x, before_y) = points[-1], points[-2]
    length = max(abs(x - before_x) + abs(y - before_y), 1e-9)
    right, down = (x - before_x) / length, (y - before_y) / length
    left = (x - 8 * right - 5 * down, y - 8 * down + 5 * right)
    other = (x - 8 * right + 5 * down, y - 8 * down - 5 * right)
    path = " ".join(f"{a:g},{b:g}" for a, b in points)
    head = " ".join(f"{a:g},{b:g}" for a, b in ((x, y), left, other))
    return f'<polyline class="line" points="{path}"/><polygon class="head" points="{head}"/>'


def line(x: float, y: float, to_x: float, to_y: float, kind: str = "thin") -> str:
    """A straight line."""
    return f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" class="{kind}"/>'


def dot(x: float, y: float, radius: float = 3.5, kind: str = "dot") -> str:
    """A filled circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{kind}"/>'


def picture(x: float, y: float, w: float, h: float, image: NDArray[np.uint8]) -> str:
    """An image (H, W, 3) as part of the file."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, "WEBP", quality=70, method=6)
    content = base64.b64encode(data.getvalue()).decode()
    return (
        f'<image x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" preserveAspectRatio="none" '
        f'href="data:image/webp;base64,{content}"/>'
    )


def write(path: Path, content: str) -> None:
    """Write a file with this system's newlines everywhere."""
    path.write_text(content, encoding="utf-8", newline="\n")
