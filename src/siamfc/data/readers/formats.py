"""The table of data sets that can be read."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from siamfc.data.readers.layout import Format
from siamfc.data.readers.otb import OTB
from siamfc.data.sequences import Video
from siamfc.errors import DatasetError

FORMATS: Mapping[str, Format] = {one.name: one for one in (OTB,)}
"""Every layout, by the name that is typed."""


def find_format(name: str) -> Format:
    """Find a layout by its name.

    Raises:
        DatasetError: there is none of that name; the message gives the nearest.
    """
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(FORMATS)}"
    raise DatasetError(f"unknown format {name!r}: {advice}")


def open_dataset(name: str, root: str | Path, *, split: str | None = None) -> list[Video]:
    """List the videos of a data set in the layout `name` under `root`.

    Raises:
        DatasetError: no such layout, or the root isn't one; see `Format.open`.
    """
    return find_format(name).open(root, split=split)
