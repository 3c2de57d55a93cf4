"""Synthetic squares: the thesis's video (4.1.5) and its training images (4.1.4)."""

from siamfc.synthetic.dataset import (
    NOISE_KINDS,
    Colours,
    Noise,
    SyntheticDataset,
    SyntheticDatasetSettings,
)
from siamfc.synthetic.dataset_files import bytes_needed, read_dataset_settings, write_dataset
from siamfc.synthetic.otb import AnnotatedVideo, write_otb
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings

__all__ = [
    "NOISE_KINDS",
    "AnnotatedVideo",
    "Colours",
    "Noise",
    "SquareVideo",
    "SquareVideoSettings",
    "SyntheticDataset",
    "SyntheticDatasetSettings",
    "bytes_needed",
    "read_dataset_settings",
    "write_dataset",
    "write_otb",
]
