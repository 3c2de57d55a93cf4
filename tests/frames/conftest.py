import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import media
import pytest

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 would write its settings to standard error


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 2
    while ours := [t.name for t in threading.enumerate() if t.name.startswith("siamfc-")]:
        assert time.monotonic() < deadline, f"still running: {ours}"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 numbered frames of H.264 with B-frames, 25 frames/s."""
    return media.make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
