"""The fuzz job of `tests.fuzz`: its seeds are valid, and it detects faults."""

import faulthandler
import os
import signal
import sys
from pathlib import Path
from random import Random

import pytest

from fuzz.child import Ending, run_child
from fuzz.mutations import damage
from fuzz.seeds import BOX, DATA_SETS, Files, image_files, video_files
from siamfc.cli.app import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")


def write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_data_sets_that_are_mutated_are_good(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, DATA_SETS[name]())
    assert run(["curate", "--check", name, str(tmp_path)]) == 0, capsys.readouterr().out
    assert "0 problems" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*video_files(), *image_files()])
def test_the_videos_and_images_that_are_mutated_are_good(name: str, tmp_path: Path) -> None:
    write(tmp_path, {**video_files(), **image_files()})
    arguments = ["track", str(tmp_path / name), "--box", ",".join(map(str, BOX)), "--json"]
    assert run(arguments) == 0


def test_a_case_depends_on_the_seed_and_its_number_alone() -> None:
    content = b"1,2,3,4\n" * 20
    made = [damage("a.txt", content, Random(f"1 {number}")) for number in (7, 8, 7)]
    assert made[0] == made[2] != made[1]


def crash() -> int:
    raise RuntimeError


def abort() -> int:
    faulthandler.disable()  # pytest's would print a traceback amid the test report
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def say(text: str, status: int) -> int:
    sys.stderr.write(f"{text}\n")
    return status


def swell() -> int:
    return len(bytearray(3 << 29)) * 0


def leave() -> int:
    Path(".half-written.csv").write_text("")
    return 0


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (crash, "a traceback"),
        (abort, "killed by signal 11"),
        (lambda: 3, "exit status 3"),
        (lambda: 1, "no error line"),
        (lambda: say("[h264 @ 0x1] broken", 0), "a line that is no message"),
        (lambda: say("error: a", 0), "an error, and exit status 0"),
        (lambda: say("error: a\nerror: b", 1), "several error lines"),
        (lambda: say("error: " + "a" * 5000, 1), "a line of endless length"),
        (swell, "more memory"),
        (leave, "left behind"),
        (lambda: say("error: a", 1), None),
        (lambda: say("warning: a", 0), None),
    ],
)
def test_what_is_wrong_is_seen(work, message: str | None, tmp_path: Path) -> None:
    ending: Ending = run_child(tmp_path, work)
    base = run_child(tmp_path.parent, lambda: 0).peak
    found = ending.fault(["track"], base, tmp_path)
    assert found is None if message is None else message in str(found)


def test_a_hang_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr("fuzz.child.SECONDS", 0.2)
    ending = run_child(tmp_path, lambda: time.sleep(60))
    assert "no end within 0.2 s" in str(ending.fault(["track"], 0, tmp_path))
