import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import media
import pytest

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 would write its settings to standard error


@pytest.fixture
def threads_left() -> Callable[[], list[str]]:
    """Return a function that lists the package's threads still running after a minute."""

    def wait() -> list[str]:
        deadline = time.monotonic() + 60
        while ours := [t.name for t in threading.enumerate() if t.name.startswith("siamfc-")]:
            if time.monotonic() > deadline:
                return ours
            time.sleep(0.01)
        return []

    return wait


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind(threads_left: Callable[[], list[str]]) -> Iterator[None]:
    yield
    assert threads_left() == []


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 numbered frames of H.264 with B-frames, 25 frames/s."""
    return media.make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
