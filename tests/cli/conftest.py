"""An untrained network, and a short video to track with it."""

from pathlib import Path

import numpy as np
import pytest

from siamfc.frames import open_writer
from siamfc.network import Checkpoint, Metadata, export_weights
from siamfc.network.siamfc.architecture import tensor_shapes
from siamfc.synthetic import SquareVideo, SquareVideoSettings

FILM = SquareVideo(SquareVideoSettings(frames=5, size=96, target=20, max_displacement=3, seed=1))


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """Weights of the right architecture with arbitrary values."""
    random = np.random.default_rng(0)
    tensors = {
        name: (np.abs(random.normal(0, 0.05, shape)) + 1e-3).astype(np.float32)
        for name, shape in tensor_shapes().items()
    }
    return Checkpoint(tensors=tensors, metadata=Metadata())


@pytest.fixture(scope="session")
def weights(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("weights")
    export_weights(checkpoint, folder, overwrite=True)
    return str(folder)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of 96×96 pixels: a black square of 20 on white."""
    path = tmp_path_factory.mktemp("film") / "square.mp4"
    with open_writer(path, frame_rate=25) as writer:
        for index, image in enumerate(FILM):
            writer.write(image, index / 25)
    return path


@pytest.fixture(scope="session")
def box() -> str:
    """The square's box in the video's first frame, as a command-line value."""
    return ",".join(f"{value:g}" for value in FILM.boxes[0])
