"""Runs that take seconds: images of 87 and 103 pixels, three cells on a side, two pairs a step."""

import numpy as np

from siamfc.crops.curation_settings import CurationSettings, Outcome
from siamfc.crops.store_format import RECORD
from siamfc.overrides import change
from siamfc.training.recipes import tiny

SIZES = {
    "spec.exemplar_size": 87,
    "spec.search_size": 103,
    "spec.response_size": 3,
    "data.augmentation.exemplar_size": 87,
    "data.augmentation.search_size": 103,
    "data.augmentation.max_shift": 4,
}


def small_recipe(**changes):
    """`tiny`, smaller: 2 epochs of 3 steps of 2 pairs, a line of the log for each."""
    values = {
        **SIZES,
        "epochs": 2,
        "pairs_per_epoch": 6,
        "batch": 2,
        "validation_pairs": 2,
        "validation_batch": 2,
        "log_every": 1,
        "data.dataset.folders": 10,
        "data.dataset.images": 10,
        "optimiser.warm_up_steps": 2,
    }
    return change(tiny(), {**values, **{k.replace("__", "."): v for k, v in changes.items()}})


class FakeStore:
    """Videos of `length` flat images, each grey as its row: a store without files."""

    def __init__(self, videos=10, length=3, context_amount=0.5):
        self.settings = CurationSettings(
            exemplar_size=87, search_size=103, context_amount=context_amount
        )
        self.video_names = [f"video {number}" for number in range(videos)]
        self.track_numbers = np.repeat(np.arange(videos), length)
        self.records = np.zeros(videos * length, dtype=RECORD)
        self.records["frame"] = np.tile(np.arange(length), videos)
        self.records["outcome"] = Outcome.KEPT
        self.boxes_crop = np.tile([40.0, 40.0, 30.0, 30.0], (videos * length, 1))

    def read_into(self, row, out):
        out[:] = row
