"""Requests that the server must refuse: of strangers, or too large, damaged, or misleading."""

import io
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest
import websockets.sync.client as websocket
from PIL import Image as PillowImage
from websockets.exceptions import ConnectionClosed

from siamfc.frames import open_source
from siamfc.web import connections, library
from siamfc.web.access import HEADERS
from siamfc.web.limits import Limits
from siamfc.web.private import PREFIX, private_folder
from siamfc.web.server import access_for
from web.serving import Server, running

STATE = "/api/state"


@pytest.mark.parametrize("path", ["/", STATE, "/static/main.js", "/nothing", "/api/news"])
def test_without_the_secret_nothing_is_shown(server: Server, path: str) -> None:
    answer = server.ask("GET", path, drop=("Cookie",))
    assert answer.status == 403
    assert server.token.encode() not in answer.body


@pytest.mark.parametrize("token", ["", "x", "é", "a&token=b", "%00"])
def test_a_wrong_token_is_refused(server: Server, token: str) -> None:
    path = "/?token=" + token.encode().decode("latin-1")
    assert server.ask("GET", path.replace("\xc3\xa9", "%C3%A9"), drop=("Cookie",)).status == 403
    cookie = f"siamfc-{server.port}={server.token[:-1]}x"
    assert server.ask("GET", STATE, Cookie=cookie).status == 403


def test_the_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(server: Server) -> None:
    answer = server.ask("GET", f"/?token={server.token}", drop=("Cookie", "Origin"))
    assert answer.status == 200
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert server.ask("GET", STATE, Cookie=cookie.partition(";")[0]).status == 200
    assert "Set-Cookie" not in server.ask("GET", STATE).headers


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        "",
        "[::1",
        "a@127.0.0.1:{port}",
    ],
)
def test_another_host_is_refused_even_with_the_cookie(server: Server, host: str) -> None:
    assert server.ask("GET", STATE, Host=host.format(port=server.port)).status in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_origin_is_refused(server: Server, origin: str, method: str) -> None:
    assert server.ask(method, STATE, Origin=origin).status == 403


def test_what_changes_something_needs_an_origin(server: Server) -> None:
    assert server.ask("POST", "/api/uploads", {}, drop=("Origin",)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_ask(server: Server, site: str) -> None:
    assert server.ask("GET", STATE, drop=("Origin",), Sec_Fetch_Site=site).status == 403


def test_every_answer_has_the_headers(server: Server) -> None:
    for path, cookie in (
        (STATE, server.token),
        (STATE, "wrong"),
        ("/static/none.js", server.token),
    ):
        answer = server.ask("GET", path, Cookie=f"siamfc-{server.port}={cookie}")
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "Server" not in answer.headers


def test_the_page_has_no_script_or_style_of_its_own(server: Server) -> None:
    text = server.ask("GET", "/").body.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", text) == []


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_a_foreign_page_gets_no_websocket(server: Server, origin: str | None) -> None:
    job = server.ask("POST", "/api/cameras", {"width": 64, "height": 48}).json()["id"]
    with (
        pytest.raises(Exception, match="403"),
        websocket.connect(
            f"ws://127.0.0.1:{server.port}/api/jobs/{job}/camera",
            origin=origin,
            additional_headers={"Cookie": f"siamfc-{server.port}={server.token}"},
        ),
    ):
        pass


def is_live_after(server: Server, message: bytes | str) -> bool:
    """Send a message as a camera's picture, which must close the connection."""
    job = server.ask("POST", "/api/cameras", {"width": 64, "height": 48}).json()["id"]
    with websocket.connect(
        f"ws://127.0.0.1:{server.port}/api/jobs/{job}/camera",
        origin=server.origin,
        additional_headers={"Cookie": f"siamfc-{server.port}={server.token}"},
    ) as socket_:
        socket_.send(message)
        with pytest.raises(ConnectionClosed):
            socket_.recv(timeout=120)
    return bool(server.job(job)["live"])


@pytest.mark.parametrize("message", [b"", b"\0" * 8, struct.pack("<d", 0) + b"no jpeg", "text"])
def test_what_is_no_picture_ends_the_camera(server: Server, message: bytes | str) -> None:
    assert not is_live_after(server, message)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/../../etc/passwd",
        "/api/library/..%2f..%2fetc%2fpasswd",
    ],
)
def test_paths_lead_nowhere(server: Server, path: str) -> None:
    assert server.ask("GET", path).status in (404, 405)


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "/etc/cron.d/x", "C:\\x.mp4", "a\r\nB: c", "\0.mp4"]
)
def test_names_are_never_paths(server: Server, film: Path, name: str) -> None:
    answer = server.upload(film, name)
    assert answer.status == 201
    job = answer.json()["id"]
    assert all(server.session.folder in path.resolve().parents for path in server.files())
    assert not any("evil" in path.name for path in server.files())
    still = server.ask("GET", f"/api/jobs/{job}/still/0").headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_-]+\.png"', still)


def test_the_served_folder_is_never_left(tmp_path: Path, film: Path) -> None:
    root, outside, private = tmp_path / "root", tmp_path / "outside", tmp_path / "private"
    for folder in (root / "inner", outside, private):
        folder.mkdir(parents=True)
    for place in (root / "a.mp4", outside / "secret.mp4", root / "inner" / "b.mp4"):
        place.write_bytes(film.read_bytes())
    (root / "link.mp4").symlink_to(outside / "secret.mp4")
    (root / "linked").symlink_to(outside)
    (root / "round").symlink_to(root)
    (root / "inside.mp4").symlink_to(root / "a.mp4")
    with running(private, root=root) as server:
        entries = server.ask("GET", "/api/library").json()
        assert [entry["name"] for entry in entries] == ["a.mp4", "inner/b.mp4", "inside.mp4"]
        number = entries[0]["id"]
        opened = server.ask("POST", f"/api/library/{number}")
        assert opened.status == 201
        server.ask("DELETE", f"/api/jobs/{opened.json()['id']}")
        (root / "a.mp4").unlink()  # replaced by a link after it was listed
        (root / "a.mp4").symlink_to(outside / "secret.mp4")
        answer = server.ask("POST", f"/api/library/{number}")
        assert answer.status == 400
        assert "no longer in the folder" in answer.json()["error"]


def test_a_search_of_folders_without_videos_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        yield str(tmp_path), [], []
        pytest.fail("the search goes on after its time")

    monkeypatch.setattr(library, "_SECONDS", -1.0)
    monkeypatch.setattr(library.os, "walk", endless)
    assert library.Library(tmp_path, Limits()).entries() == []


BOMB = b"".join([
    b"DKIF\0\0\x20\0VP90", struct.pack("<HHIIII", 65535, 65535, 30, 1, 1, 0),
    struct.pack("<IQ", 1, 0), b"\x82",
])  # fmt: skip
"""An IVF file that states frames of 65535×65535 pixels."""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is no video, whatever its name says\n" * 50, "not a video of a known format"),
        (b"", "not a video of a known format"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "not a video of a known"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video of a known format"),
        (b"<html><script>alert(1)</script></html>", "not a video of a known format"),
        (BOMB, "65535×65535|no frame that can be decoded"),
    ],
)
def test_what_is_no_video_is_refused_and_removed(
    server: Server, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    answer = server.upload(path, "fake.mp4")
    assert answer.status == 400
    assert re.search(reason, answer.json()["error"])
    assert str(server.session.folder) not in answer.json()["error"]
    assert not server.files()


def test_frames_beyond_the_limit_are_refused_undecoded(tmp_path: Path, film: Path) -> None:
    with running(tmp_path, limits=Limits(pixels=200 * 200)) as server:
        answer = server.upload(film)
        assert answer.status == 400
        assert "256×256" in answer.json()["error"]
    other = tmp_path / "other"
    other.mkdir()
    with running(other, limits=Limits(seconds=1.0)) as server:
        assert "hours" in server.upload(film).json()["error"]


def begin(server: Server, count: int = 1) -> str:
    body = {"name": "clip", "images": count > 1, "count": count}
    return str(server.ask("POST", "/api/uploads", body).json()["id"])


def test_too_large_an_upload_is_refused_before_it_comes(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(upload_bytes=1000)) as server:
        path = f"/api/uploads/{begin(server)}/0"
        assert server.ask("PUT", path, Content_Length="10000000000").status == 413
        assert server.ask("PUT", path, b"x" * 1001).status == 413
        assert not server.files()


@contextmanager
def sending(server: Server, path: str, length: int) -> Iterator[socket.socket]:
    """A connection on which an upload of a stated length has begun."""
    head = (
        f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.origin}\r\n"
        f"Cookie: siamfc-{server.port}={server.token}\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(head.encode())
        yield connection


def test_an_upload_that_is_cut_off_leaves_nothing(server: Server) -> None:
    with sending(server, f"/api/uploads/{begin(server)}/0", 10_000_000_000 // 2) as connection:
        connection.sendall(b"x" * 5_000_000)
        deadline = time.monotonic() + 120
        while not server.files():
            assert time.monotonic() < deadline
    while server.files():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("trickle", [0, 100])
def test_an_upload_that_stalls_or_trickles_is_broken_off(tmp_path: Path, trickle: int) -> None:
    limits = Limits(stall_seconds=0.3, stall_bytes=10_000)
    with running(tmp_path, limits=limits) as server:
        with sending(server, f"/api/uploads/{begin(server)}/0", 1_000_000) as connection:
            stop = threading.Event()

            def send() -> None:
                while trickle and not stop.wait(0.1):
                    try:
                        connection.sendall(b"x" * trickle)
                    except OSError:
                        return

            sender = threading.Thread(target=send)
            sender.start()
            assert b" 408 " in connection.recv(100)
            stop.set()
            sender.join()
        assert not server.files()


def test_a_full_disk_is_said_and_leaves_nothing(server: Server) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        answer = server.ask("PUT", f"/api/uploads/{begin(server)}/0", b"x" * 3_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert answer.status == 507
    assert not server.files()


def test_a_disk_that_is_nearly_full_takes_no_upload(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(free_bytes=10**18)) as server:
        assert server.ask("PUT", f"/api/uploads/{begin(server)}/0", b"x").status == 507


def test_uploads_and_jobs_are_counted(tmp_path: Path, film: Path) -> None:
    with running(tmp_path, limits=Limits(uploads=2, jobs=1)) as server:
        server.open(film)
        answer = server.ask("POST", "/api/uploads", {"name": "a", "images": False, "count": 1})
        assert answer.status == 429
        (job,) = server.session.jobs
        server.ask("DELETE", f"/api/jobs/{job.id}")
        assert [bool(begin(server)) for _ in range(2)] == [True, True]
        answer = server.ask("POST", "/api/uploads", {"name": "a", "images": False, "count": 1})
        assert answer.status == 429


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"name": 1, "count": 1}', b'{"name": "a", "count": true}',
     b'{"name": "a", "count": -5}', b'{"name": "a", "count": 1e9}',
     b'{"name": "a", "count": 9999999}'],
)  # fmt: skip
def test_malformed_announcements_are_refused(server: Server, body: bytes) -> None:
    assert server.ask("POST", "/api/uploads", body).status in (400, 413)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "/etc/passwd", "0", "concat:a|b", "data://x"]
)
def test_only_streams_are_streams(server: Server, url: str) -> None:
    answer = server.ask("POST", "/api/streams", {"url": url})
    assert answer.status == 400
    assert "stream" in answer.json()["error"]


def test_a_hundred_requests_at_once_are_all_answered(server: Server, film: Path) -> None:
    job = server.open(film)
    with ThreadPoolExecutor(100) as pool:
        paths = [f"/api/jobs/{job}/frames/{index % 40}" for index in range(100)]
        statuses = list(pool.map(lambda path: server.ask("GET", path).status, paths))
    assert statuses == [200] * 100


def test_the_private_folder_is_ours_alone_and_goes(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "upload").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_is_removed_and_a_living_ones_stays(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\nfrom siamfc.web.private import private_folder\n"
        "with private_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'upload').write_text('x'); print(folder, flush=True); time.sleep(3600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    with private_folder(tmp_path):
        assert left.exists()
    process.kill()
    process.wait()
    process.stdout.close()
    with private_folder(tmp_path):
        assert not left.exists()
    assert (tmp_path / f"{PREFIX}link").is_symlink()


def test_a_recording_keeps_to_its_bytes(tmp_path: Path, film: Path) -> None:
    from siamfc.web.pictures import encode_jpeg
    from siamfc.web.recorder import Recording

    recording = Recording(tmp_path, "film", size=(256, 256), limit_bytes=30_000)
    with open_source(film) as source:
        for frame in source:
            recording.append(encode_jpeg(frame.image), frame.time)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 30_000
    assert 0 < recording.first_frame < recording.frame_count == 40
    assert recording[39].index == 39
    with pytest.raises(ValueError, match="was requested"):
        recording[0]


@pytest.mark.parametrize(
    "other", ['prefs={"theme":"dark"}', "x=[1, 2]", "a b=c", "flag", "=", "é=1", "siamfc-0=x"]
)
def test_odd_cookies_of_other_programs_lock_nobody_out(server: Server, other: str) -> None:
    ours = f"siamfc-{server.port}={server.token}"
    for cookies in (f"{other}; {ours}", f"{ours}; {other}", f"{other};{ours}"):
        assert server.ask("GET", STATE, Cookie=cookies).status == 200
    assert server.ask("GET", STATE, Cookie=other).status == 403


def test_the_address_has_a_host_name_of_its_own() -> None:
    """Cookies go to every port of a host: this one's go to no other server of 127.0.0.1."""
    names = {access_for("127.0.0.1", 8000).name for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"siamfc-[0-9a-f]{8}\.localhost", name) for name in names)


def test_silent_connections_keep_nobody_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them has sent half a head; the oldest make room, the rest are closed in time."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 3.0)
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=120))
            for _ in range(connections.SILENT + 20)
        ]
        silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert server.ask("GET", STATE).status == 200
        for connection in silent:
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_an_announced_file_is_taken_once(server: Server) -> None:
    """While it comes a second one of the same number is refused, and all its bytes count."""
    path = f"/api/uploads/{begin(server)}/0"
    with sending(server, path, 3_000_000) as connection:
        connection.sendall(b"x" * 2_000_000)
        deadline = time.monotonic() + 120
        while not server.files():
            assert time.monotonic() < deadline
        assert server.ask("PUT", path, b"x").status == 404
        connection.sendall(b"x" * 1_000_000)
        assert b" 204 " in connection.recv(100)
    assert len(server.files()) == 1
    assert server.ask("PUT", path, b"x").status == 404


def test_files_that_come_at_once_share_one_limit(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(upload_bytes=3_000_000)) as server:
        upload = begin(server, 2)
        with sending(server, f"/api/uploads/{upload}/0", 2_500_000) as connection:
            connection.sendall(b"x" * 2_400_000)
            deadline = time.monotonic() + 120
            while not sum(path.stat().st_size for path in server.files()):
                assert time.monotonic() < deadline
            content = b"x" * 2_500_000
            assert server.ask("PUT", f"/api/uploads/{upload}/1", content).status == 413


def oversized_frames(path: Path) -> None:
    """An AVI that states 128×96 and has pictures of 2000×1500 from its fourth on."""

    def jpeg(size: tuple[int, int]) -> bytes:
        buffer = io.BytesIO()
        PillowImage.new("RGB", size, (10, 20, 30)).save(buffer, "JPEG")
        return buffer.getvalue()

    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        stream.codec_context.open()
        for index in range(7):
            packet = av.Packet(jpeg((128, 96) if index < 3 else (2000, 1500)))
            packet.stream, packet.pts, packet.dts = stream, index, index
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            out.mux(packet)


def test_pictures_larger_than_stated_are_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.avi"
    oversized_frames(path)
    with running(tmp_path, limits=Limits(pixels=1_000_000)) as server:
        answer = server.upload(path, "bomb.avi")
        if answer.status == 201:
            job = answer.json()["id"]
            assert server.ask("GET", f"/api/jobs/{job}/frames/5").status == 400
            assert server.ask("GET", f"/api/jobs/{job}/frames/1").status == 200


@pytest.mark.parametrize("kind", ["video", "images"])
def test_what_is_replaced_after_it_was_opened_is_not_read(
    tmp_path: Path, film: Path, kind: str
) -> None:
    root, private = tmp_path / "root", tmp_path / "private"
    root.mkdir()
    private.mkdir()
    names = ["a.mp4"] if kind == "video" else ["1.png", "2.png"]
    for name in names:
        if kind == "video":
            (root / name).write_bytes(film.read_bytes())
        else:
            PillowImage.new("RGB", (64, 48)).save(root / name)
    with running(private, root=root) as server:
        (entry,) = server.ask("GET", "/api/library").json()
        job = server.ask("POST", f"/api/library/{entry['id']}").json()["id"]
        for name in names:
            (root / name).rename(tmp_path / name)
            (root / name).symlink_to(film if kind == "video" else tmp_path / "secret.png")
        PillowImage.new("RGB", (64, 48), (0, 0, 255)).save(tmp_path / "secret.png")
        answer = server.ask("GET", f"/api/jobs/{job}/frames/1")
        assert answer.status == 400
        assert answer.json()["error"].endswith("was replaced: close it and open it again")
        assert not server.ask("GET", f"/api/jobs/{job}/play?start=0").body


def test_errors_do_not_tell_where_files_lie(server: Server) -> None:
    """Two images are cut off: the first is read when it is opened, the second when shown."""
    buffer = io.BytesIO()
    PillowImage.effect_noise((128, 96), 90).convert("RGB").save(buffer, "PNG")
    whole, cut = buffer.getvalue(), buffer.getvalue()[:2000]
    for contents in ((cut, whole), (whole, cut)):
        upload = begin(server, 2)
        for number, content in enumerate(contents):
            server.ask("PUT", f"/api/uploads/{upload}/{number}", content)
        answer = server.ask("POST", f"/api/uploads/{upload}")
        if answer.status == 201:
            answer = server.ask("GET", f"/api/jobs/{answer.json()['id']}/frames/1")
        assert answer.status == 400
        assert re.match(r"image \d of clip cannot be read", answer.json()["error"])


ODD = [
    "1" + "0" * 400,
    "9" * 5000,
    "-inf",
    "1e999",
    "NaN",
    "true",
    "null",
    '"seven"',
    "1e300",
    "[" * 4000,
]


@pytest.mark.parametrize("number", ODD, ids=lambda text: text[:6])
def test_odd_numbers_are_refused(server: Server, film: Path, number: str) -> None:
    job = server.open(film)
    bodies = {
        f"/api/jobs/{job}/boxes/0/0": f'{{"box": [{number}, 9, 30, 30]}}',
        "/api/uploads": f'{{"name": "a", "images": true, "count": {number}}}',
        "/api/cameras": f'{{"width": {number}, "height": 48}}',
    }
    for path, body in bodies.items():
        answer = server.ask("PUT" if "boxes" in path else "POST", path, body.encode())
        assert answer.status in (400, 413)
        assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("number", ["9" * 5000, "1e3", "-7", "x", "1.5"], ids=lambda text: text[:6])
def test_odd_numbers_in_addresses_are_refused(server: Server, film: Path, number: str) -> None:
    job = server.open(film)
    box = {"box": [9, 9, 30, 30]}
    for method, path, body in (
        ("GET", f"frames/{number}", None),
        ("GET", f"still/{number}", None),
        ("GET", f"network/{number}/0", None),
        ("PUT", f"boxes/{number}/0", box),
        ("PUT", f"boxes/0/{number}", box),
        ("DELETE", f"targets/{number}", None),
    ):
        assert server.ask(method, f"/api/jobs/{job}/{path}", body).status == 400


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e300])
def test_odd_times_end_the_camera(server: Server, seconds: float) -> None:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (64, 48)).save(buffer, "JPEG")
    assert not is_live_after(server, struct.pack("<d", seconds) + buffer.getvalue())
