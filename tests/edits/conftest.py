"""A short video of noise, and a square that moves over it."""

from pathlib import Path

import numpy as np
import pytest

from siamfc.frames import open_writer

SIZE = (128, 96)
COUNT = 20


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames at 20 frames/s of noise, different in each."""
    path = tmp_path_factory.mktemp("edits") / "video.mp4"
    generator = np.random.default_rng(0)
    with open_writer(path, frame_rate=20, crf=5) as writer:
        for _ in range(COUNT):
            writer.write(generator.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8))
    return path
