"""HTML of a track for notebooks."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siamfc.frames import Image

_WIDTH = 480
"""Largest width of the picture, in pixels."""


def to_html(title: str, text: str, picture: Image | None) -> str:
    """Return a line of text with a picture (H, W, 3) uint8 RGB beneath it, shrunk to fit a page.

    >>> to_html("Track of a.mp4", "nothing tracked yet", None)
    '<figure style="margin:0"><figcaption><b>Track of a.mp4</b>: nothing tracked yet</figcaption>\
</figure>'
    """
    caption = f"<figcaption><b>{html.escape(title)}</b>: {html.escape(text)}</figcaption>"
    image = "" if picture is None else f'<img alt="the last frame" src="{_data_url(picture)}">'
    return f'<figure style="margin:0">{caption}{image}</figure>'


def _data_url(picture: Image) -> str:
    from PIL import Image as Pictures

    shown = Pictures.fromarray(picture)
    shown.thumbnail((_WIDTH, 4 * _WIDTH))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
