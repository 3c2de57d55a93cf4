"""Curation of real sequences, in the folder that SIAMFC_SEQUENCES names."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamfc.boxes import center
from siamfc.crops.curation import curate
from siamfc.crops.curation_settings import CurationSettings
from siamfc.crops.store import Store
from siamfc.datasets.readers import open_dataset
from siamfc.frames import read_image
from siamfc.geometry import crop, mean_color

pytestmark = pytest.mark.sequences


def test_real_sequences_curate_and_read_back(tmp_path):
    folder = os.environ.get("SIAMFC_SEQUENCES")
    if not folder:
        pytest.skip("SIAMFC_SEQUENCES names no folder of sequences in the layout of OTB")
    root = Path(folder).absolute()
    videos = open_dataset("otb", root)
    settings = CurationSettings(frame_step=20)
    state = curate(videos, tmp_path / "store", settings, root=root, source="otb")
    assert state.problem_count == 0
    with Store(tmp_path / "store") as store:
        assert store.verify() == state.outcomes["kept"] > 100
        assert {track.video for track in store.tracks} == {video.name for video in videos}
        for track in range(len(store.tracks)):
            row = int(store.kept_rows(track)[-1])
            image = read_image(root / store.image_names[store.records["image"][row]])
            box = store.records["box"][row]
            side = float(settings.crop_side(box[2:]))
            expected = crop(image, center(box), side, settings.crop_size, mean_color(image))
            # Error of JPEG, which is largest for fine noise.
            assert np.abs(store.image(row).astype(int) - expected).mean() < 6
