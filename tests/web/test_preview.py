"""Pictures of a running video: made when asked for, and no more often than their share allows."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from siamfc.frames import Frame
from siamfc.web import preview as module
from siamfc.web.preview import Preview


class Clock:
    """Time that passes when it is told to; an encoding takes `cost` processor seconds."""

    def __init__(self, cost: float) -> None:
        self.cost = cost
        self.wall = self.processor = 100.0
        self.encoded: list[int] = []

    def encode(self, image: np.ndarray) -> bytes:
        self.encoded.append(int(image[0, 0, 0]))
        self.processor += self.cost
        return bytes([self.encoded[-1]])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Clock:
    clock = Clock(cost=getattr(request, "param", 0.006))
    times = SimpleNamespace(
        monotonic=lambda: clock.wall,
        process_time=lambda: clock.processor,
        thread_time=lambda: clock.processor,
    )
    monkeypatch.setattr(module, "time", times)
    monkeypatch.setattr(module, "encode_shown", clock.encode)
    return clock


def frame(index: int) -> Frame:
    return Frame(np.full((4, 4, 3), index, np.uint8), index, index / 30)


def test_frames_that_nobody_asks_for_are_not_encoded(clock: Clock) -> None:
    preview = Preview()
    for index in range(10):
        preview.put(frame(index))
    assert clock.encoded == []
    assert preview.picture() == (9, b"\x09")


def test_those_who_ask_share_one_encoding(clock: Clock) -> None:
    preview = Preview()
    preview.put(frame(0))
    assert preview.picture() == preview.picture()
    preview.put(frame(1))
    assert preview.has_picture(-1)  # of frame 0, for one who has not seen it
    assert not preview.has_picture(0)
    assert clock.encoded == [0]


def test_the_next_picture_waits_for_its_fraction_of_the_processor(clock: Clock) -> None:
    preview = Preview()
    preview.put(frame(0))
    preview.picture()
    preview.put(frame(1))
    pause = clock.cost / module._FRACTION
    clock.processor += 0.99 * pause
    assert not preview.has_picture(0)
    assert preview.picture() == (0, b"\x00")
    clock.processor += 0.02 * pause
    assert preview.has_picture(0)
    assert preview.picture() == (1, b"\x01")


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        pytest.param(0.001, 0.1, id="a cheap picture: ten a second"),
        pytest.param(0.03, 0.5, id="a dear one: no more than a fraction of one core"),
    ],
    indirect=["clock"],
)
def test_an_idle_processor_does_not_stop_the_pictures(clock: Clock, seconds: float) -> None:
    preview = Preview()
    preview.put(frame(0))
    preview.picture()
    preview.put(frame(1))
    clock.wall += 0.99 * seconds
    assert not preview.has_picture(0)
    clock.wall += 0.02 * seconds
    assert preview.has_picture(0)


@pytest.mark.usefixtures("clock")
def test_going_back_is_shown_at_once() -> None:
    """Tracking that goes on from an earlier frame begins with a picture of it."""
    preview = Preview()
    preview.put(frame(9))
    preview.picture()
    preview.clear()
    assert (preview.index, preview.picture(), preview.has_picture(-1)) == (None, None, False)
    preview.put(frame(3))
    assert preview.picture() == (3, b"\x03")


@pytest.mark.usefixtures("clock")
def test_the_frame_that_is_shown_stays_at_hand() -> None:
    preview = Preview()
    preview.put(frame(0))
    preview.picture()
    preview.put(frame(1))
    preview.put(frame(2))
    kept = [preview.image(index) is not None for index in range(4)]
    assert kept == [True, False, True, False]


def test_a_picture_is_a_jpeg_of_the_frame() -> None:
    preview = Preview()
    preview.put(Frame(np.full((90, 160, 3), (200, 30, 60), np.uint8), 5, 0.2))
    picture = preview.picture()
    assert picture is not None
    shown = np.asarray(Image.open(io.BytesIO(picture[1])), int)
    assert shown.shape == (90, 160, 3)
    assert np.abs(shown - (200, 30, 60)).max() < 8
