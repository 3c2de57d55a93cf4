"""`siamfc serve` and the page of `siamfc track`, as commands."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from siamfc.cli.app import run
from siamfc.network import Checkpoint, Metadata, export_weights
from siamfc.network.siamfc.architecture import tensor_shapes
from siamfc.web.access import is_loopback
from siamfc.web.private import PREFIX
from siamfc.web.server import access_for


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that nobody trained."""
    random = np.random.default_rng(0)
    tensors = {
        name: (np.abs(random.normal(0, 0.05, shape)) + 1e-3).astype(np.float32)
        for name, shape in tensor_shapes().items()
    }
    folder = tmp_path_factory.mktemp("weights")
    checkpoint = Checkpoint(tensors=tensors, metadata=Metadata())
    export_weights(checkpoint, folder, overwrite=True)
    return str(folder)


def start(
    temporary: Path, *arguments: str, browser: str = "true"
) -> tuple[subprocess.Popen[str], str]:
    """Run the command until it has printed its address; no browser is there to be opened."""
    process = subprocess.Popen(
        [sys.executable, "-m", "siamfc", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), "BROWSER": browser},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert re.match(r"open http://siamfc-[0-9a-f]{8}\.localhost:\d+/\?token=", line), (
        process.communicate()
    )
    return process, line.split()[1]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_leaves_nothing(tmp_path: Path, weights: str, sign: int) -> None:
    arguments = ("serve", str(tmp_path), "--no-browser", "--weights", weights)
    process, address = start(tmp_path, *arguments)
    assert list(tmp_path.glob(f"{PREFIX}*"))
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=120)
    connection.request("GET", f"/?{parts.query}", headers={"Host": parts.netloc})
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(sign)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == (0 if sign == signal.SIGINT else 143)
    assert "Traceback" not in errors
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_the_browser_is_started_without_the_secret(tmp_path: Path, weights: str) -> None:
    """Every user of the machine can read the arguments; only the owner can read the file."""
    browser, given = tmp_path / "browser", tmp_path / "arguments"
    browser.write_text(f'#!/bin/sh\necho "$*" > {given}.part && mv {given}.part {given}\n')
    browser.chmod(0o755)
    process, address = start(
        tmp_path, "serve", str(tmp_path), "--weights", weights, browser=str(browser)
    )
    try:
        deadline = time.monotonic() + 120
        while not given.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert re.search(r"token=([\w-]+)", address)[1] not in given.read_text()  # type: ignore[index]
        file = Path(urlsplit(given.read_text().strip()).path)
        assert address in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert not file.exists()


def test_track_without_a_box_opens_the_page_on_its_source(
    tmp_path: Path, weights: str, film: Path
) -> None:
    process, address = start(tmp_path, "track", str(film), "--weights", weights)
    assert urlsplit(address).fragment
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in errors) == (0, False)


def test_show_without_a_box_opens_the_page_on_its_source(
    tmp_path: Path, weights: str, film: Path
) -> None:
    process, address = start(tmp_path, "track", str(film), "--show", "--weights", weights)
    assert urlsplit(address).fragment
    assert not urlsplit(address).fragment.endswith("/track")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_show_opens_the_page_with_the_boxes_drawn(tmp_path: Path, weights: str, film: Path) -> None:
    arguments = ["track", str(film), "--box", "10:20,20,40,40", "--show", "--weights", weights]
    process, address = start(tmp_path, *arguments)
    assert urlsplit(address).fragment.endswith("/track")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in errors) == (0, False)


@pytest.mark.parametrize("missing", ["display", "browser"])
def test_show_needs_a_display_and_a_browser(
    missing: str, film: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_browser() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", no_browser)
    monkeypatch.setattr(sys, "platform", "linux" if missing == "display" else "darwin")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert run(["track", str(film), "--box", "20,20,40,40", "--show"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--show: expected a {missing}, found none: write a video with -o" in line


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["track", "a.mp4", "--box", "1,2,9,9", "--show", "-o", "b.mp4"], 2, "Share button saves"),
        (["track", "a.mp4", "--box", "1,2,9,9", "--show", "--smooth"], 2, "--show: expected no"),
        (["track", "a.mp4", "--show", "--name", "cat"], 2, "expected a box, got none"),
        (["track", "a.mp4", "--stream", "1"], 2, "--stream: expected -o or --results"),
        (["track", "a.mp4", "b.mp4", "--box", "1,2,9,9", "--show"], 2, "--show: expected one"),
        (["serve", "--host", "0.0.0.0"], 1, "--allow-network"),
        (["serve", "--host", "192.0.2.1"], 1, "not encrypted"),
        (["serve", "/nowhere"], 1, "expected a folder to serve"),
        (["serve", "--weights", "siamfc", "--scales", "2"], 1, "odd number"),
        (["track", "clip.mp4", "-o", "out.mp4"], 2, "expected a box, got none"),
        (["track", "clip.mp4", "--json"], 2, "draw the box on a page"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    arguments: list[str], status: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == status
    errors = capsys.readouterr().err
    assert reason in errors
    assert errors.count("\n") == 1


def test_a_source_that_cannot_be_opened_ends_the_command(
    tmp_path: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["track", str(tmp_path / "none.mp4"), "--weights", weights]) == 1
    assert "no such file" in capsys.readouterr().err
    weightless = ["track", str(tmp_path), "--weights", "nothing-like-it"]
    assert run(weightless) == 1


def test_a_port_that_is_taken_is_said(
    weights: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["serve", str(tmp_path), "--port", port, "--weights", weights, "--no-browser"]
        assert run(arguments) == 1
    assert "choose another --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "called", "allowed"),
    [
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "192.0.2.7:8000", False),
        ("0.0.0.0", "192.0.2.7:8000", True),
        ("0.0.0.0", "evil.example:8000", False),
        ("::1", "[::1]:8000", True),
        ("box.local", "box.local:8000", True),
        ("box.local", "box.local", False),
    ],
)
def test_names_by_which_a_server_may_be_called(host: str, called: str, allowed: bool) -> None:
    access = access_for(host, 8000)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": f"token={access.token}".encode(),
        "headers": [(b"host", called.encode())],
    }
    assert (access.refusal(scope) is None) == allowed


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.8.8.8", "::1", "example.org", "10.0.0.1")] == [
        True,
        True,
        False,
        False,
    ]
