"""Completions that the shell offers on a press of the tab key."""

import shutil
import subprocess
from pathlib import Path

import pytest

from siamfc.cli.app import run
from siamfc.cli.verbs import VERBS


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shell") / "siamfc.bash"
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda text: lines.append(text))
        assert run(["completion", "bash"]) == 0
    path.write_text("\n".join(lines))
    return path


def offers(script: Path, folder: Path, *words: str) -> set[str]:
    """Return bash's completions of the last word, in a folder."""
    command = (
        f'source "{script}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _siamfc; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    answer = subprocess.run(
        ["bash", "--norc", "-c", command, "bash", "siamfc", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stderr == ""
    return set(answer.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
class TestBash:
    def test_all_verbs_are_offered(self, script: Path, tmp_path: Path) -> None:
        assert offers(script, tmp_path, "") == {verb.name for verb in VERBS}

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (("tr",), {"track", "train", "trax"}),
            (("track", "vid"), {"video.mp4"}),  # the source
            (("track", "video.mp4", "--results", "bo"), {"boxes.csv"}),
            (("track", "--search-again", "vid"), {"video.mp4"}),  # a flag takes no value
            (("track", "video.mp4", "--dev"), {"--device"}),
            (("track", "video.mp4", "--device", "c"), {"cpu", "cuda", "coreml"}),
            (("synth", "v"), {"video"}),  # a verb's own verb
            (("completion", ""), {"bash", "zsh", "fish"}),
            (("zzz",), set()),
        ],
    )
    def test_what_fits_is_offered(
        self, script: Path, tmp_path: Path, words: tuple[str, ...], expected: set[str]
    ) -> None:
        for name in ("video.mp4", "boxes.csv"):
            (tmp_path / name).touch()
        assert offers(script, tmp_path, *words) == expected


def test_installed_it_lies_where_the_shell_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["completion", "bash", "--install"]) == 0
    path = tmp_path / ".local/share/bash-completion/completions/siamfc"
    assert f"installed: {path}" in capsys.readouterr().out
    assert "complete -F _siamfc siamfc" in path.read_text()
    assert str(path) in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "siamfc" in capsys.readouterr().out
