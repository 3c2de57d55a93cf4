"""Readers: one layout a file; `FORMATS` is the table of them."""

from siamfc.datasets.readers.formats import FORMATS, find_format, open_dataset
from siamfc.datasets.readers.layout import Format

__all__ = ["FORMATS", "Format", "find_format", "open_dataset"]
