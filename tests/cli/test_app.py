"""The command line as a whole: help, version, unknown words, exit status, pipes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from cyclopts import App

from siamfc import cli
from siamfc.cli.app import run
from siamfc.cli.verbs import VERBS, Verb


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert f"  {verb.name}" in text
        assert verb.summary in text


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_each_row_of_the_table_is_a_verb_that_says_the_same(
    verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb.name, "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == verb.summary


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_each_parameter_has_help(verb: Verb) -> None:
    """It may come from the docstring, a field's text, or a type that several verbs share."""
    app = App(name="siamfc")
    app.command(getattr(import_module(f"siamfc.cli.{verb.name}"), verb.name), name=verb.name)
    text = app.generate_docs(output_format="markdown")
    told = dict(re.findall(r"^\* `([^`]+)`:(.*)$", text, re.MULTILINE))
    assert told
    # Without help, the default alone follows: `* --scales INT: *[default: 3]*`.
    assert [name for name, help_text in told.items() if re.match(r" \*|$", help_text)] == []


def test_each_verb_has_a_row() -> None:
    """A module of `cli` that defines what it is named after is a verb."""
    names = [path.stem for path in Path(cli.__file__).parent.glob("[a-z]*.py")]
    verbs = [name for name in names if hasattr(import_module(f"siamfc.cli.{name}"), name)]
    assert sorted(verbs) == sorted(verb.name for verb in VERBS)


@pytest.mark.parametrize(
    ("commit", "text"),
    [
        ("0123456789ab", "siamfc 0.1.0 (0123456)\n"),
        ("0123456789ab-dirty", "siamfc 0.1.0 (0123456-dirty)\n"),
        (None, "siamfc 0.1.0\n"),
    ],
)
def test_version_has_the_commit_where_it_is_known(
    commit: str | None,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("siamfc.cli.app.commit", lambda: commit)
    monkeypatch.setattr("siamfc.cli.app.version", lambda: "0.1.0")
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["trakc"], "unknown verb 'trakc': did you mean 'track'"),
        (["zzz"], "unknown verb 'zzz': expected one of track, "),
        (["--jsn"], "unknown option '--jsn': expected one of --help, --version"),
        (["--verison"], "unknown option '--verison': did you mean '--version'"),
        (["-help"], "unknown option '-help': did you mean '--help'"),
        (["doctor", "--jsn"], "unknown option: .*--jsn.* Did you mean .*--json"),
        (["doctor", "now"], "expected no further argument, got 'now'"),
        (["track"], "expected a source: a video"),
        (["evaluate", "otb"], "expected ROOT, got none"),
        (["report"], "expected --out, got none"),
        (["track", "v.mp4", "-o", "-"], "-o: expected a value, got -; standard output is not"),
        (["synth", "video", "-"], "unknown option: -"),
        (["track", "v.mp4", "--results"], "--results: expected a value, got none"),
        (["track", "v.mp4", "--bxo", "1,2,3,4"], "Did you mean .*--box"),
        (["track", "v.mp4", "--box", "1,2,3"], "expected 4 numbers X,Y,W,H, got 3"),
        (["track", "v.mp4", "--box", "1", "2", "3", "4"], "write --box 1,2,3,4 "),
        (["track", "v.mp4", "--box", "1,", "-2,", "3,", "4"], "write --box 1,-2,3,4 "),
        (["track", "v.mp4", "--box", "1", "2"], "expected X,Y,W,H in one word: write --box 1,2 "),
        (["track", "v.mp4", "--box", "1e400,2,3,4"], "expected 4 finite numbers"),
        (["track", "v.mp4", "--box", "-inf,2,3,4"], "expected 4 finite numbers"),
        (
            ["demo", "--frames", "9" * 5000],
            "a whole number, got '9{40,60}[.]{2}",
        ),
        (["track", "v.mp4", "--box", "1,2,3,4", "--scales", "x"], "a whole number, got 'x'"),
        (["demo", "--frames", "2.6"], "--frames: expected a whole number, got '2.6'"),
        (["track", "v.mp4", "--device", "gpu"], "for a GPU write --device cuda"),
        (["track", "v.mp4", "--device", "cuda:0"], "for a GPU write --device cuda"),
        (["track", "v.mp4", "--device", "tpu"], "expected one of auto, cpu, cuda, .*got 'tpu'"),
    ],
)
def test_a_command_line_that_cannot_be_understood_ends_with_2(
    arguments: list[str], pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert re.search(pattern, printed.err)


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["help"], "Follow any object"),
        (["help", "track"], "Usage: siamfc track"),
        (["version"], "siamfc "),
        (["-V"], "siamfc "),
        (["-h"], "Follow any object"),
    ],
)
def test_help_and_version_have_their_usual_spellings(
    arguments: list[str], start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 0
    assert capsys.readouterr().out.startswith(start)


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        command = [sys.executable, "-m", "siamfc", "--help"]
        answer = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert (answer.returncode, answer.stderr) == (141, "")


@pytest.mark.parametrize("verb", ["--version", "models"])
def test_closed_output_is_no_error(verb: str) -> None:
    command = f'exec "{sys.executable}" -m siamfc {verb} >&-'
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("verb", ["--help", "models"])
def test_output_that_cannot_be_written_is_one_line(verb: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "siamfc", verb]
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (answer.returncode, answer.stderr) == (1, "error: No space left on device\n")


def failing_import(cause: BaseException | None) -> Callable[..., int]:
    """A verb whose package turns every interruption into an ImportError."""

    def call(*_: object) -> int:
        raise ImportError("initialization failed") from cause

    return call


def test_ctrl_c_while_a_package_is_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("siamfc.cli.app._call", failing_import(KeyboardInterrupt()))
    assert run(["models"]) == 130
    assert capsys.readouterr().err == "error: stopped by Ctrl-C\n"


def test_termination_while_a_package_is_imported_keeps_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("siamfc.cli.app._call", failing_import(SystemExit(143)))
    with pytest.raises(SystemExit, match="143"):
        run(["models"])


def test_a_package_that_is_broken_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siamfc.cli.app._call", failing_import(None))
    with pytest.raises(ImportError, match="initialization failed"):
        run(["models"])


def test_signs_that_a_terminal_lacks_are_no_error() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "siamfc", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Usage: siamfc VERB ?" in answer.stdout


def test_the_network_alone_gets_threads(tmp_path: Path) -> None:
    """The variable is set before numpy loads, and one that the user has set is kept."""
    code = (
        "import os, sys\n"
        "from siamfc.cli import main\n"
        "assert 'numpy' not in sys.modules\n"
        "main(['--version'])\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    for given, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")):
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": str(tmp_path), **given},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.splitlines()[-1] == expected
