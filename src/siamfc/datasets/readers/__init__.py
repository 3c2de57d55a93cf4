"""Readers: one layout per file; `FORMATS` lists them."""

from siamfc.datasets.readers.formats import FORMATS, find_format, open_dataset
from siamfc.datasets.readers.layout import Format

__all__ = ["FORMATS", "Format", "find_format", "open_dataset"]
