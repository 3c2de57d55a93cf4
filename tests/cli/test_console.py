import json
import math

import numpy as np
import pytest

from siamfc.cli.console import print_error, print_json, show_warnings
from siamfc.cli.progress import Progress


@pytest.fixture
def _lines_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siamfc.cli.progress.INTERVAL_SECONDS", 0.0)


def test_an_error_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("first\n  second")
    printed = capsys.readouterr()
    assert printed.err == "error: first second\n"
    assert printed.out == ""


def test_json_has_no_nan_and_takes_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": math.nan, "b": [1.5, math.inf], "c": np.float32(2), "d": np.arange(3)})
    assert json.loads(capsys.readouterr().out) == {
        "a": None,
        "b": [1.5, None],
        "c": 2.0,
        "d": [0, 1, 2],
    }


def test_library_warnings_become_lines(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    show_warnings()
    show_warnings()  # a second call adds no second line
    logging.getLogger("siamfc.frames").warning("stopped after %d frames", 7)
    logging.getLogger("siamfc.frames").info("not shown")
    assert capsys.readouterr().err == "warning: stopped after 7 frames\n"


def test_what_other_packages_log_is_not_shown() -> None:
    """Run in a separate process, since pytest has its own handlers here."""
    import subprocess
    import sys

    code = (
        "import logging\n"
        "from siamfc.cli.console import show_warnings\n"
        "show_warnings()\n"
        "logging.getLogger('PIL.TiffImagePlugin').error('more samples than can be decoded')\n"
        "logging.getLogger('siamfc.frames').warning('stopped')\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stderr == "warning: stopped\n"


@pytest.mark.usefixtures("_lines_at_once")
def test_progress_off_a_terminal_prints_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("track", total=10) as progress:
        progress.advance(4)
        progress.advance(6)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("track: 4/10 frames, ")
    assert lines[1].endswith("/s, 0 s left")
    assert "\x1b" not in "".join(lines)


@pytest.mark.usefixtures("_lines_at_once")
def test_progress_of_an_endless_source_has_no_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress("track", total=None) as progress:
        progress.advance()
    assert capsys.readouterr().err.startswith("track: 1 frames, ")


@pytest.mark.usefixtures("_lines_at_once")
@pytest.mark.parametrize("total", [10, None])
def test_progress_before_the_first_is_done_has_no_rate(
    total: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("curate", total=total, unit="videos") as progress:
        progress.advance(0)
    assert capsys.readouterr().err == f"curate: 0{'/10' if total else ''} videos\n"


def test_short_work_prints_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("track", total=2) as progress:
        progress.advance(2)
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar_that_leaves_nothing() -> None:
    """On a pseudo-terminal, from which control sequences are read as they come."""
    import os
    import pty
    import subprocess
    import sys

    code = (
        "from siamfc.cli.progress import Progress\n"
        "with Progress('track', total=3) as progress:\n"
        "    progress.advance(3)\n"
        "    import sys; print('warning: in between', file=sys.stderr)\n"
    )
    terminal, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], env=environment, stderr=child, check=True)
    os.close(child)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "3/3 frames" in shown
    assert "warning: in between" in shown
    assert shown.rstrip("\r\n").endswith("\x1b[2K")  # the bar's line is cleared
