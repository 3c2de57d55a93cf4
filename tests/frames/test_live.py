"""Streams and cameras, with a local server and FFmpeg's test picture as the camera."""

import io
import logging
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import media
import pytest
from PIL import Image

from siamfc.errors import SourceError
from siamfc.frames import LiveSource, live, open_source
from siamfc.frames.container import VideoAddress
from siamfc.frames.decoder import VideoDecoder
from siamfc.frames.live import camera_address, stream_address


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


class Camera(BaseHTTPRequestHandler):
    """A web camera: 100 JPEG pictures per second, up to the server's `pictures`."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        for index in range(self.server.pictures):
            file = io.BytesIO()
            Image.fromarray(media.numbered(index % 64)).save(file, "JPEG")
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {file.tell()}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + file.getvalue() + b"\r\n")
            except OSError:  # the reader has gone
                return
            time.sleep(0.01)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve() -> Iterator:
    servers = []

    def start(handler, **attributes: int) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        vars(server).update(attributes)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_video_on_a_server_is_read_whole_however_slowly(serve, clip: Path) -> None:
    url = serve(partial(QuietFiles, directory=str(clip.parent)))
    with open_source(f"{url}/clip.mp4", read_ahead=1) as source:
        assert (source.frame_count, source.size) == (20, media.SIZE)
        for _ in range(2):  # the first connection, then a new one
            numbers = []
            for frame in source:
                time.sleep(0.002)
                numbers.append(media.number_of(frame.image))
            assert numbers == list(range(20))


def test_a_slow_reader_gets_a_web_cameras_current_frame(serve) -> None:
    with open_source(serve(Camera, pictures=10**6), timeout=60) as source:
        frames = iter(source)
        last = next(frames).index
        assert last == 0
        leaps = 0
        for _ in range(200):  # a busy machine may not send three pictures in each pause
            time.sleep(0.1)
            before, last = last, next(frames).index
            leaps += last - before >= 3
            if leaps == 3:
                break
    assert leaps == 3
    assert source.frame_count is None


def test_a_stream_that_breaks_off_ends_with_a_warning(
    serve, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        open_source(serve(Camera, pictures=5), timeout=60) as source,
    ):
        numbers = [media.number_of(frame.image) for frame in source]
    assert numbers[0] == 0
    assert numbers[-1] in (3, 4)  # the last picture may lack its end mark


def test_a_server_that_refuses_is_named(serve, tmp_path: Path) -> None:
    url = serve(partial(QuietFiles, directory=str(tmp_path)))
    with pytest.raises(SourceError, match=r"127\.0\.0\.1.*cannot be opened: .*404"):
        open_source(f"{url}/none.mp4")


def test_an_unreachable_server_is_reported_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(SourceError, match="refused"):
            open_source(f"rtsp://127.0.0.1:{port}/live")


def test_a_silent_server_is_abandoned_after_the_timeout() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SourceError, match=r"no data for 0\.3 seconds"),
    ):
        open_source(f"http://127.0.0.1:{silent.getsockname()[1]}/live", timeout=0.3)


def _test_camera(rate: int = 25) -> VideoAddress:
    return VideoAddress(url=f"testsrc=size=64x48:rate={rate}", name="camera", format="lavfi")


def test_a_camera_is_connected_at_once_and_again_for_each_iteration() -> None:
    with LiveSource(_test_camera()) as source:
        assert (source.size, source.frame_rate, source.frame_count) == ((64, 48), 25, None)
        for _ in range(2):
            frames = iter(source)
            first = next(frames)
            assert (first.index, first.time) == (0, 0)
            later = next(frames)
            assert later.time == pytest.approx(later.index / 25)


def test_a_camera_that_is_never_read_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Watched(VideoDecoder):
        def close(self) -> None:
            closed.append(self)
            super().close()

    monkeypatch.setattr(live, "VideoDecoder", Watched)
    with LiveSource(_test_camera()):
        assert not closed
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("platform", "url", "input_format"),
    [("linux", "/dev/video2", "v4l2"), ("darwin", "2:none", "avfoundation")],
)
def test_a_cameras_address_depends_on_the_system(
    platform: str, url: str, input_format: str
) -> None:
    address = camera_address(2, timeout=5, platform=platform)
    assert (address.url, address.format, address.timeout) == (url, input_format, 5)


def test_messages_contain_no_passwords() -> None:
    address = stream_address("rtsp://me:secret@host:554/live?channel=1", timeout=5)
    assert address.name == "rtsp://host:554/live?channel=1"
    assert address.url == "rtsp://me:secret@host:554/live?channel=1"
    assert address.options["rtsp_transport"] == "tcp"
