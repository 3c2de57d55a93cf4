"""Films for the page, and its server with a matcher that knows the truth."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from siamfc.frames import open_writer
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from web.serving import Server, running

SQUARE = SquareVideo(
    SquareVideoSettings(frames=40, size=255, target=40, max_displacement=4, seed=3)
)


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_the_programs_that_tests_start() -> Iterator[None]:
    """Undo what a background job inherits from its shell: SIGINT ignored, by its children too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames: a black square of 40 pixels that wanders over white; padded to 256×256."""
    path = tmp_path_factory.mktemp("film") / "square.mp4"
    with open_writer(path, frame_rate=25) as writer:
        for index, image in enumerate(SQUARE):
            writer.write(image, index / 25)
    return path


@pytest.fixture(scope="session")
def gap_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but for frames 15 to 24, which are all white: there the square is lost."""
    path = tmp_path_factory.mktemp("film") / "gap.mp4"
    with open_writer(path, frame_rate=25) as writer:
        for index, image in enumerate(SQUARE):
            writer.write(np.full_like(image, 255) if 15 <= index < 25 else image, index / 25)
    return path


@pytest.fixture(scope="session")
def truth() -> SquareVideo:
    """The same film, and where the square is in it."""
    return SQUARE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "private"
    folder.mkdir()
    with running(folder) as server:
        yield server
